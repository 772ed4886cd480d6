/**
 * The access token of one environment.
 * https://api-docs.sitecore.com (Publishing API, "Authorization": client credentials)
 */

import * as v from 'valibot';
import type { Clock } from '../platform/clock.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Connection, Http, HttpResponse } from '../platform/http.ts';
import { parseRetryAfter, whileConnecting } from '../platform/http.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { Secrets } from '../platform/secrets.ts';

export interface AccessToken {
  /**
   * A token that has not expired, within these milliseconds. Throws an `UpstreamError`: `credentialRefused`,
   * `tokenUnavailable`, or `outOfTime` if the time ended before the token endpoint had its full time-out. `connection` is
   * one that `connect` returned.
   */
  get(withinMs: number, connection?: Connection): Promise<string>;
  /** Opens a connection to the token endpoint, and sends nothing yet. Undefined: no token has to be requested. */
  connect(): Connection | undefined;
  /** Forgets a token that the API refused. */
  drop(token: string): void;
}

const audience = 'https://api.sitecorecloud.io';
/** The time limit of one request for a token. */
const timeoutMs = 8_000;
const marginMs = 60_000;
const assumedLifeSeconds = 300;

const TokenResponse = v.object({
  // The characters that fit in a header: https://datatracker.ietf.org/doc/html/rfc6750#section-2.1
  access_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
  expires_in: v.fallback(v.pipe(v.number(), v.minValue(1)), assumedLifeSeconds),
});

/**
 * Keeps the token until one minute before it expires. Concurrent callers share one request: the quota of the token
 * endpoint is not documented.
 */
export function createAccessToken(
  deps: { http: Http; clock: Clock; secrets: Secrets; redact: Redactor },
  environment: { name: string; clientId: string; clientSecret: string; tokenUrl: string },
): AccessToken {
  const { http, clock, secrets, redact } = deps;
  const { name } = environment;
  const target = { method: 'POST', url: new URL(environment.tokenUrl) } as const;
  let kept: { token: string; until: number } | undefined;
  let pending: Promise<string> | undefined;

  const readCredential = (): Promise<string[]> =>
    Promise.all(
      [environment.clientId, environment.clientSecret].map((reference) =>
        secrets.read(reference).catch((error: unknown) => {
          throw unreadableCredential(name, error);
        }),
      ),
    );

  const request = async (deadline: number, opened?: Connection): Promise<string> => {
    const [[clientId, clientSecret], connection] = await whileConnecting(http, target, readCredential, opened);
    const response = await http({
      ...target,
      connection,
      service: `token for ${name}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId as string,
        client_secret: clientSecret as string,
        audience,
      }).toString(),
      timeoutMs,
      withinMs: deadline - clock.now(),
    }).catch((cause: Error) => {
      if (cause instanceof UpstreamError && cause.kind === 'outOfTime') throw cause;
      throw new UpstreamError('tokenUnavailable', cause.message, { cause });
    });
    const { access_token, expires_in } = read(response, name, clock.now());
    redact.learn(access_token);
    const lifeMs = expires_in * 1_000;
    kept = { token: access_token, until: clock.now() + lifeMs - Math.min(marginMs, lifeMs / 2) };
    return access_token;
  };

  const requestWithFreshSecrets = async (deadline: number, connection?: Connection): Promise<string> => {
    try {
      return await request(deadline, connection);
    } catch (error) {
      const wasRotated = isRefused(error) && (await secrets.refresh().catch(() => false));
      if (!wasRotated) throw error;
      return await request(deadline);
    }
  };

  const current = () => (kept && kept.until > clock.now() ? kept.token : undefined);

  return {
    connect: () => (current() === undefined && !pending ? http.open?.(target) : undefined),
    get(withinMs, connection) {
      const token = current();
      if (token !== undefined) return Promise.resolve(token);
      pending ??= requestWithFreshSecrets(clock.now() + withinMs, connection).finally(() => {
        pending = undefined;
      });
      return pending;
    },
    drop(token) {
      if (kept?.token === token) kept = undefined;
    },
  };
}

function read(response: HttpResponse, name: string, now: number): v.InferOutput<typeof TokenResponse> {
  const { status, body } = response;
  if ((status === 400 || status === 401 || status === 403) && isRefusal(body)) {
    throw new UpstreamError(
      'credentialRefused',
      `token for ${name}: the client id or secret was refused (${status}). Put a valid automation client of the ` +
        'environment into the configuration (Sitecore Deploy app, Credentials, Environment, Automation client)',
    );
  }
  if (status !== 200) {
    throw new UpstreamError('tokenUnavailable', `token for ${name}: the token endpoint answered ${status}`, {
      retryAfterMs: parseRetryAfter(response.headers['retry-after'], now),
    });
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), TokenResponse), body);
  if (!parsed.success) {
    throw new UpstreamError('tokenUnavailable', `token for ${name}: the response holds no access_token`);
  }
  return parsed.output;
}

/**
 * Whether the token endpoint itself wrote this error: JSON with a member `error`, or a problem document. A gateway in front
 * of it cannot say whether the credential is valid. https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
 */
const isRefusal = (body: string): boolean =>
  v.is(
    v.pipe(v.string(), v.parseJson(), v.union([v.object({ error: v.string() }), v.object({ title: v.string() })])),
    body,
  );

const isRefused = (error: unknown): boolean => error instanceof UpstreamError && error.kind === 'credentialRefused';

function unreadableCredential(name: string, error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error;
  const kind = error.kind === 'needsOperator' ? 'credentialRefused' : 'tokenUnavailable';
  return new UpstreamError(kind, `credential of ${name}: ${error.message}`, { cause: error });
}
