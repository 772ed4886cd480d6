/** Checks the credential of a request to the webhook. Pure. */

import { createHash, timingSafeEqual } from 'node:crypto';

type RequestHeaders = Record<string, string | undefined>;

/**
 * Whether the headers (names in lower case) hold one of the secrets, as `Authorization: Bearer <secret>` or as
 * `x-api-key: <secret>`. The time that it takes does not depend on which secret matches, or on how much of it.
 */
export function isAuthorized(headers: RequestHeaders, secrets: string[]): boolean {
  const bearer = headers['authorization']?.match(/^Bearer (.+)$/i)?.[1];
  const offered = [bearer, headers['x-api-key']].flatMap(digests);
  const expected = secrets.flatMap(digests);
  let authorized = false;
  for (const one of offered) {
    for (const other of expected) authorized = timingSafeEqual(one, other) || authorized;
  }
  return authorized;
}

/** Whether the headers hold a credential of any kind, right or wrong. */
export const hasCredential = (headers: RequestHeaders): boolean =>
  Boolean(headers['authorization']?.trim() || headers['x-api-key']?.trim());

// All digests have the same length, which a comparison in constant time needs. An empty value is never a secret.
const digests = (text: string | undefined): Buffer[] => {
  const secret = text?.trim();
  return secret ? [createHash('sha256').update(secret).digest()] : [];
};
