import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../lib/platform/redaction.ts';

const redactorOf = (...secrets: string[]) => {
  const redact = createRedactor();
  for (const secret of secrets) redact.learn(secret);
  return redact;
};

describe('a secret', () => {
  test.each<[sentence: string, secret: string, text: string, expected: string]>([
    ['in a sentence', 'hush-hush', 'the key hush-hush was refused', 'the key [redacted] was refused'],
    ['every time', 'hush-hush', 'hush-hush,hush-hush', '[redacted],[redacted]'],
    ['inside a word', 'hush-hush', 'xhush-hushx', 'x[redacted]x'],
    ['in its form in a URL', 'a b/c?d', 'GET /?key=a%20b%2Fc%3Fd', 'GET /?key=[redacted]'],
    ['in its form in JSON', 'say "x"\\', '{"key":"say \\"x\\"\\\\"}', '{"key":"[redacted]"}'],
    ['even if it looks like a pattern', 'a.*b$&', 'axxb a.*b$&', 'axxb [redacted]'],
    [
      'that is an address',
      'https://hooks.invalid/T/B/x',
      'POST https://hooks.invalid/T/B/x failed',
      'POST [redacted] failed',
    ],
  ])('is replaced %s', (_, secret, text, expected) => {
    expect(redactorOf(secret)(text)).toBe(expected);
  });

  test('of four characters is replaced; a shorter one would garble any text', () => {
    const redact = redactorOf('', 'a', 'abc', 'abcd');
    expect(redact('a banal abc, and abcd')).toBe('a banal abc, and [redacted]');
  });

  test.each([[['hush-old', 'hush-old-and-new']], [['hush-old-and-new', 'hush-old']]])(
    'is replaced completely even if it begins with another one, in any order: %j',
    (secrets) => {
      expect(redactorOf(...secrets)('key hush-old-and-new.')).toBe('key [redacted].');
    },
  );

  test('is unknown to another redactor', () => {
    redactorOf('hush-hush');
    expect(redactorOf()('hush-hush')).toBe('hush-hush');
  });
});

test('text without a secret is unchanged', () => {
  const redact = redactorOf('hush-hush');
  fc.assert(fc.property(fc.string(), (text) => redact(text) === text));
});

test('no secret remains, however many there are', () => {
  // Capitals, so that no secret is part of the replacement.
  const secret = fc.string({ unit: fc.constantFrom(...'ABC"/% \\'), minLength: 4, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(secret, { minLength: 1, maxLength: 4 }), (secrets) => {
      const redact = redactorOf(...secrets);
      for (const one of secrets) {
        for (const form of [one, encodeURIComponent(one), JSON.stringify(one).slice(1, -1)]) {
          expect(redact(`<${form}>`)).toBe('<[redacted]>');
        }
      }
    }),
  );
});
