/** What the channels that post to a secret address have in common. */

import { isDeepStrictEqual } from 'node:util';
import { type Address, readAddress } from '../platform/address.ts';
import { UpstreamError, type UpstreamKind } from '../platform/errors.ts';
import { type HttpResponse, parseRetryAfter } from '../platform/http.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { Secrets } from '../platform/secrets.ts';
import { clean } from '../platform/text.ts';

/**
 * Takes a secret address apart without changing it, and keeps its parts out of logs. Throws `needsOperator` unless it is
 * https, or http to this machine.
 */
export function secretAddress(text: string, service: string, redact: Redactor): Address {
  const address = readAddress(text);
  const isLoopback = /^(localhost|127\.0\.0\.1|\[::1\])$/.test(address?.hostname ?? '');
  if (!address || (address.protocol === 'http:' && !isLoopback)) {
    throw new UpstreamError(
      'needsOperator',
      `${service}: the url must be an https address, without a user name, a fragment or spaces`,
    );
  }
  const signature = /[?&]sig=([^&]+)/.exec(address.search)?.[1];
  for (const part of [address.pathname + address.search, signature]) if (part) redact.learn(part);
  return address;
}

/**
 * Sends with what `read` returns. If the service refuses that until somebody acts, reads the parameters again, and sends
 * once more if they changed: the address or a secret may have been replaced.
 */
export async function withFreshSecrets<Value, Result>(
  secrets: Secrets,
  read: () => Promise<Value>,
  send: (value: Value) => Promise<Result>,
): Promise<Result> {
  const value = await read();
  try {
    return await send(value);
  } catch (error) {
    const isRefused = error instanceof UpstreamError && error.kind === 'needsOperator';
    if (!isRefused || !(await secrets.refresh().catch(() => false))) throw error;
    const fresh = await read();
    if (isDeepStrictEqual(fresh, value)) throw error;
    return await send(fresh);
  }
}

/** The error that a status stands for; undefined for 2xx. `advice` says what an operator does about a refusal. */
export function refusalOf(
  { status, headers, body }: HttpResponse,
  { service, advice, now, redact }: { service: string; advice: string; now: number; redact: Redactor },
): UpstreamError | undefined {
  if (status >= 200 && status < 300) return undefined;
  const { kind, ambiguous = false } = kindOf(status);
  const said = clean(redact(body), 100);
  const what = kind === 'rateLimited' ? 'too many messages (429)' : `responded with ${status} ${said}`.trimEnd();
  const retryAfterMs = kind === 'needsOperator' ? undefined : parseRetryAfter(headers['retry-after'], now);
  return new UpstreamError(kind, `${service}: ${what}${kind === 'needsOperator' ? `. ${advice}` : ''}`, {
    ambiguous,
    retryAfterMs,
  });
}

function kindOf(status: number): { kind: UpstreamKind; ambiguous?: boolean } {
  if (status === 429) return { kind: 'rateLimited' };
  if (status === 413 || status === 422) return { kind: 'payloadRefused' };
  // It may have been accepted: a gateway gave up waiting, or the service failed afterwards.
  if (status === 408 || status >= 500) return { kind: 'unavailable', ambiguous: true };
  return { kind: 'needsOperator' };
}
