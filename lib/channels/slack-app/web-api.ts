/** The Web API of Slack: calls, and what its errors mean. https://docs.slack.dev/apis/web-api/ */

import * as v from 'valibot';
import { UpstreamError, type UpstreamKind } from '../../platform/errors.ts';
import { type HttpRequest, type HttpResponse, parseRetryAfter } from '../../platform/http.ts';
import type { ChannelDeps } from '../channel.ts';

/** The Web API with one token, until a deadline. Throws a `SlackError`, or another `UpstreamError` without a response. */
export type SlackApi = (method: Method, args?: Record<string, unknown>) => Promise<ApiResponse>;

export type Method =
  | 'auth.test'
  | 'chat.postMessage'
  | 'chat.update'
  | 'conversations.history'
  | 'conversations.info'
  | 'conversations.open'
  | 'conversations.replies';

/** A response with `ok: true`. Callers parse the members that they need. */
export interface ApiResponse {
  body: Record<string, unknown>;
  /** The scopes of the token. Null: Slack did not say. */
  scopes: string[] | null;
}

/** Slack refused a call. `code` is its name for the error. */
export class SlackError extends UpstreamError {
  readonly code: string;

  constructor(code: string, ...error: ConstructorParameters<typeof UpstreamError>) {
    super(...error);
    this.code = code;
  }
}

/** Whether an error is one of Slack's with these codes. */
export const isSlackError = (error: unknown, codes: ReadonlySet<string>): error is SlackError =>
  error instanceof SlackError && codes.has(error.code);

/** A page has up to 200 messages with their blocks. */
const maxBytes = 8 * 1024 * 1024;

/** Makes the Web API. `deadline` is in epoch milliseconds. */
export const createSlackApi =
  (
    { http, clock }: Pick<ChannelDeps, 'http' | 'clock'>,
    { apiUrl, token, deadline }: { apiUrl: string; token: string; deadline: number },
  ): SlackApi =>
  async (method, args = {}) => {
    const timeoutMs = deadline - clock.now();
    if (timeoutMs <= 0) throw new UpstreamError('unavailable', 'Slack: no time left');
    const request: HttpRequest = {
      method: 'POST',
      url: new URL(`${apiUrl}/${method}`),
      service: 'Slack',
      timeoutMs,
      maxBytes,
      ...encoded(method, args),
    };
    request.headers = { ...request.headers, authorization: `Bearer ${token}` };
    try {
      return readResponse(await http(request), clock.now());
    } catch (error) {
      throw method === 'chat.postMessage' ? error : harmless(error);
    }
  };

/** Methods that read take no JSON. */
const encoded = (method: Method, args: Record<string, unknown>): Pick<HttpRequest, 'headers' | 'body'> =>
  method.startsWith('chat.')
    ? { headers: { 'content-type': 'application/json; charset=utf-8' }, body: JSON.stringify(args) }
    : {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(mapValues(args)).toString(),
      };

const mapValues = (args: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(Object.entries(args).map(([name, value]) => [name, String(value)]));

/** Every call but a post can be repeated, whatever became of it. */
function harmless(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || !error.ambiguous) return error;
  const { kind, message, retryAfterMs, cause } = error;
  return new UpstreamError(kind, message, { retryAfterMs, cause });
}

const Body = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({ ok: v.boolean(), error: v.optional(v.string()), needed: v.optional(v.string()) }),
);

/** Reads a response. Refusals have the status 200, too. */
function readResponse({ status, headers, body: text }: HttpResponse, now: number): ApiResponse {
  const { output: body, success } = v.safeParse(Body, text);
  if (success && body.ok && status === 200) return { body, scopes: scopesIn(headers['x-oauth-scopes']) };
  const code = /^[a-z_]{1,60}$/.exec(success ? (body.error ?? '') : '')?.[0] ?? '';
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
  if (status === 429 || /^rate_?limited$/.test(code)) {
    throw new SlackError(code, 'rateLimited', 'Slack: too many requests (429)', { retryAfterMs });
  }
  const said = `Slack: answered ${status}${code && ` ${code}`}`;
  // A 200 without a document may come from a proxy, after Slack has posted the message.
  if (status >= 500 || transient.has(code) || (status === 200 && !code)) {
    throw new SlackError(code, 'unavailable', said, { ambiguous: true, retryAfterMs });
  }
  const needed = /^[a-z:._,]{1,200}$/.exec((success && body.needed) || '')?.[0] ?? 'of the manifest';
  const kind: UpstreamKind = payloadErrors.test(code) ? 'payloadRefused' : 'needsOperator';
  const remedy = (remedies[code] ?? (status === 200 ? '' : 'Check apiUrl')).replace('{needed}', needed);
  throw new SlackError(code, kind, kind === 'needsOperator' && remedy ? `${said}. ${remedy}` : said);
}

/** The members of a response that a caller needs. Without them, what Slack did is unknown. */
export function membersOf<Schema extends v.GenericSchema>(
  schema: Schema,
  { body }: ApiResponse,
): v.InferOutput<Schema> {
  const { output, success } = v.safeParse(schema, body);
  if (success) return output;
  throw new UpstreamError('unavailable', 'Slack: the response lacks what is documented', { ambiguous: true });
}

const scopesIn = (header: string | string[] | undefined): string[] | null =>
  header === undefined
    ? null
    : String(header)
        .split(',')
        .map((scope) => scope.trim());

const transient: ReadonlySet<string> = new Set([
  'internal_error',
  'fatal_error',
  'request_timeout',
  'service_unavailable',
  'team_added_to_org',
]);

const payloadErrors =
  /^(invalid_blocks|invalid_blocks_format|invalid_attachments|msg_too_long|msg_blocks_too_long|no_text|too_many_attachments|metadata_too_large|invalid_metadata.*)$/;

const newToken = 'Put the bot token of the installed app (xoxb-...) into token';
const invite = 'Invite the app into the channel (/invite in Slack), and check the id of the channel';

/** What an operator does about a refusal. */
const remedies: Record<string, string> = {
  invalid_auth: newToken,
  not_authed: newToken,
  token_expired: newToken,
  token_revoked: newToken,
  account_inactive: `The app was removed from the workspace. Install it again. ${newToken}`,
  missing_scope: 'Add the scope {needed} to the app, and install it again',
  not_in_channel: invite,
  channel_not_found: invite,
  is_archived: 'The channel is archived. Unarchive it, or configure another one',
  user_not_found: 'Check the id of the person in people',
  messages_tab_disabled: 'Turn on the messages tab of the app (App Home)',
};
