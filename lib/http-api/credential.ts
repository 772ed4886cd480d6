/** Who may call the webhook: whoever knows one of its secrets. Pure. */

import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether the headers (names in lower case) carry one of the secrets, as `Authorization: Bearer <secret>` or as
 * `x-api-key: <secret>`. Takes the same time whichever secret it is, and however much of it is right.
 */
export function isAuthorized(headers: Record<string, string | undefined>, secrets: string[]): boolean {
  const bearer = headers['authorization']?.match(/^Bearer (.+)$/i)?.[1];
  const offered = [bearer, headers['x-api-key']].flatMap(digests);
  const expected = secrets.flatMap(digests);
  let authorized = false;
  for (const one of offered) {
    for (const other of expected) authorized = timingSafeEqual(one, other) || authorized;
  }
  return authorized;
}

// Digests are of one length, as a comparison in constant time needs. Nothing is no secret.
const digests = (text: string | undefined): Buffer[] => {
  const secret = text?.trim();
  return secret ? [createHash('sha256').update(secret).digest()] : [];
};
