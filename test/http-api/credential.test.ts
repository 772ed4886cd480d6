import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasCredential, isAuthorized } from '../../lib/http-api/credential.ts';

const secret = 'of-the-pipeline';
const secrets = [secret, 'of-the-rotation: ä='];

test.each<[sentence: string, headers: Record<string, string>, expected: boolean]>([
  ['nothing', {}, false],
  ['a bearer', { authorization: `Bearer ${secret}` }, true],
  ['a bearer in other letters', { authorization: `bearer ${secret}` }, true],
  ['a bearer behind more spaces', { authorization: `Bearer   ${secret} ` }, true],
  ['a key', { 'x-api-key': secret }, true],
  ['the other secret as a bearer', { authorization: 'Bearer of-the-rotation: ä=' }, true],
  ['the other secret as a key', { 'x-api-key': 'of-the-rotation: ä=' }, true],
  ['a right key beside a wrong bearer', { authorization: 'Bearer wrong', 'x-api-key': secret }, true],
  ['a right key beside another scheme', { authorization: 'Basic eDp5', 'x-api-key': secret }, true],
  ['a wrong bearer', { authorization: 'Bearer wrong' }, false],
  ['a wrong key', { 'x-api-key': 'wrong' }, false],
  ['an empty key', { 'x-api-key': '' }, false],
  ['an empty bearer', { authorization: 'Bearer ' }, false],
  ['the secret without a scheme', { authorization: secret }, false],
  ['another scheme', { authorization: `Basic ${secret}` }, false],
  ['a scheme that only begins so', { authorization: `Bearers ${secret}` }, false],
  ['a scheme that only ends so', { authorization: `Forbearer ${secret}` }, false],
  ['a bearer with a second line', { authorization: `Bearer ${secret}\nx` }, false],
  ['the secret in other letters', { 'x-api-key': secret.toUpperCase() }, false],
  ['the beginning of the secret', { 'x-api-key': secret.slice(0, -1) }, false],
  ['more than the secret', { 'x-api-key': `${secret}x` }, false],
  ['both secrets at once', { 'x-api-key': secrets.join(', ') }, false],
  ['the secret in another header', { 'x-secret': secret, cookie: secret }, false],
])('a request with %s is authorized: %s', (_, headers, expected) => {
  expect(isAuthorized(headers, secrets)).toBe(expected);
});

test('without a configured secret, no request is authorized', () => {
  for (const headers of [
    {},
    { 'x-api-key': '' },
    { 'x-api-key': 'undefined' },
    { authorization: 'Bearer undefined' },
  ]) {
    expect(isAuthorized(headers, [])).toBe(false);
  }
});

test('a blank secret never matches', () => {
  for (const headers of [{}, { 'x-api-key': ' ' }, { authorization: 'Bearer   ' }]) {
    expect(isAuthorized(headers, ['', ' '])).toBe(false);
  }
});

test('only the secrets themselves match', () => {
  const matches = (offered: string) =>
    isAuthorized({ 'x-api-key': offered }, secrets) || isAuthorized({ authorization: `Bearer ${offered}` }, secrets);
  fc.assert(fc.property(fc.string(), (offered) => matches(offered) === secrets.includes(offered.trim())));
});

test.each<[headers: Record<string, string>, expected: boolean]>([
  [{}, false],
  [{ authorization: ' ', 'x-api-key': ' ' }, false],
  [{ authorization: 'anything' }, true],
  [{ 'x-api-key': 'anything' }, true],
])('%o holds a credential: %s', (headers, expected) => {
  expect(hasCredential(headers)).toBe(expected);
});
