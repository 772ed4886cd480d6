import { expect, test } from 'vitest';
import { expectNoSecrets } from './no-secrets.ts';

const secret = 's3cr3t "of"/somebody';
const cause = new Error(`inner: ${secret}`);

test.each<[string, unknown]>([
  ['as it is', `a line with ${secret} in it`],
  ['inside a URL', `https://example.invalid/${encodeURIComponent(secret)}`],
  ['inside JSON text', JSON.stringify({ secret })],
  ['in a member', { headers: { authorization: `Bearer ${secret}` } }],
  ['in the message of an error', new Error(secret)],
  ['in the cause of an error', new Error('outer', { cause })],
  ['in a member of an error', Object.assign(new Error('outer'), { config: { url: secret } })],
  ['in a map', new Map([['token', secret]])],
  ['deep inside a list', [[[[secret]]]]],
])('a secret %s is found', (_, value) => {
  expect(() => expectNoSecrets(['harmless', value], [secret])).toThrow(/places where a secret is visible/);
  expect(() => expectNoSecrets(['harmless', value], ['another secret'])).not.toThrow();
});

test('to search nothing, or for nothing, is an error', () => {
  expect(() => expectNoSecrets([], [secret])).toThrow();
  expect(() => expectNoSecrets(['text'], [])).toThrow();
  expect(() => expectNoSecrets(['text'], [''])).toThrow();
});
