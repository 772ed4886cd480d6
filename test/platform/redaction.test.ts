import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { encodings } from '../support/encodings.ts';

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

describe('a secret that a server repeats', () => {
  // As long as secrets are. Some hold what an encoding escapes, or what is an escape sequence itself.
  const secret = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'ABCXYZ0189-_'), minLength: 20, maxLength: 40 }),
    fc.string({ unit: fc.constantFrom(...'AB01/+=%&"<>\\ \'ü€'), minLength: 16, maxLength: 30 }),
    fc.constantFrom('path/a%2Fb%2fc/0123456789', 'p&ss=w%rd +ü"\\/0123456789', 'a\\u002fb&amp;c+d%41-0123456789'),
  );
  const encodingNames = Object.keys(encodings);
  const encode = (name: string, text: string): string => encodings[name]?.(text) ?? '';
  const isBase64 = (name: string): boolean => name.includes('base64');

  test.each(encodingNames)('%s is redacted', (name) => {
    fc.assert(
      fc.property(secret, (one) => {
        const redacted = redactorOf('another-secret-0815', one)(`you sent (${encode(name, one)}), or not`);
        if (isBase64(name)) expect(redacted).toMatch(/^you sent \(.{0,12}\[redacted\].{0,16}\), or not$/);
        else expect(redacted).toBe('you sent ([redacted]), or not');
      }),
    );
  });

  test.each(encodingNames)('%s, encoded once or twice more, is redacted', (name) => {
    const others = encodingNames.filter((other) => !isBase64(other));
    fc.assert(
      fc.property(secret, fc.constantFrom(...others), fc.constantFrom(...others), (one, second, third) => {
        const repeated = encode(third, encode(second, encode(name, one)));
        expect(redactorOf(one)(`(${repeated})`)).toContain('[redacted]');
        if (!isBase64(name)) expect(redactorOf(one)(`(${repeated})`)).toBe('([redacted])');
      }),
    );
  });

  test('after it was decoded is redacted', () => {
    expect(redactorOf('/a%2Fb%3Fsecret-0815')('GET /a/b?secret-0815')).toBe('GET [redacted]');
  });

  test('in a log line leaves the line valid JSON', () => {
    fc.assert(
      fc.property(secret, fc.constantFrom(...encodingNames), (one, name) => {
        const line = JSON.stringify({ message: 'request failed', error: `<${encode(name, one)}>`, code: 7 });
        expect(JSON.parse(redactorOf(one)(line))).toMatchObject({ message: 'request failed', code: 7 });
      }),
    );
  });
});

describe('of an address', () => {
  const slack = 'https://hooks.slack.com/services/T0AAAAAA/B0BBBBBB/a1B2c3D4e5F6g7H8i9J0k1L2';
  const teams =
    'https://default00.1.environment.api.powerplatform.com:443/powerautomate/automations/direct/workflows/' +
    '0123456789abcdef/triggers/manual/paths/invoke?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=Zx9-Zx8_Zx7';

  test.each(Object.entries(encodings))('the path, and the last part of it, is redacted %s', (_, encode) => {
    const redact = redactorOf(slack);
    for (const part of [slack, new URL(slack).pathname, 'a1B2c3D4e5F6g7H8i9J0k1L2']) {
      const redacted = redact(`<${encode(part)}>`);
      expect(redacted).toContain('[redacted]');
      expect(redacted).not.toContain(encode('a1B2c3D4e5F6g7H8i9J0k1L2'));
    }
  });

  test('a random value of the query is redacted, and so is the whole of path and query', () => {
    const redact = redactorOf(teams);
    const { pathname, search } = new URL(teams);
    for (const part of ['Zx9-Zx8_Zx7', pathname, pathname + search, decodeURIComponent(pathname + search)]) {
      expect(redact(`the flow (${part}) is off`)).toBe('the flow ([redacted]) is off');
    }
  });

  test('words in it stay', () => {
    const text = 'services/team of publishing-job-notifier, triggers, manual, invoke, api-version';
    expect(redactorOf(slack, teams, 'https://example.org/publishing/notifier')(text)).toBe(text);
  });
});
