/** The assertion that no secret is visible, for the tests of channels, of the API client, and from outside. */

import { inspect } from 'node:util';
import { expect } from 'vitest';
import { encodings } from './encodings.ts';

/**
 * Expects that none of `texts` contains any of `secrets`: strings as they are, errors with causes and stacks, other
 * values with everything inside. A secret also counts in any usual encoding.
 */
export function expectNoSecrets(texts: readonly unknown[], secrets: readonly string[]): void {
  // Without texts or secrets this could not fail, and a short secret could occur by chance.
  expect(texts.length, 'texts to look into').toBeGreaterThan(0);
  expect(secrets.length, 'secrets to look for').toBeGreaterThan(0);
  for (const secret of secrets) expect(secret.length, `length of the secret ${secret}`).toBeGreaterThan(3);

  const shown = texts.map(textOf);
  const leaks = secrets.flatMap((secret) =>
    formsOf(secret).flatMap((form) => shown.filter((text) => text.includes(form)).map((text) => around(text, form))),
  );
  expect(leaks, 'places where a secret is visible').toEqual([]);
}

/** Everything that is readable in a value, as JSON and as a debugger show it. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const all = inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
  return `${all}\n${JSON.stringify(value) ?? ''}`;
}

const formsOf = (secret: string): string[] => [...new Set(Object.values(encodings).map((encode) => encode(secret)))];

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(at - 60, 0), at + form.length + 20);
}
