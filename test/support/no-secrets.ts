/** The one assertion that no secret shows: used by the tests of every channel, of the API client, and from outside. */

import { inspect } from 'node:util';
import { expect } from 'vitest';

/**
 * Expects that none of `secrets` shows in any of `texts`: strings as they are, errors with their causes and stacks,
 * anything else with all that is inside. A secret also shows when it is encoded as in a URL or inside JSON.
 */
export function expectNoSecrets(texts: readonly unknown[], secrets: readonly string[]): void {
  // Without texts or secrets, or with a secret that stands in any text, this could not fail, or not hold.
  expect(texts.length, 'texts to look into').toBeGreaterThan(0);
  expect(secrets.length, 'secrets to look for').toBeGreaterThan(0);
  for (const secret of secrets) expect(secret.length, `length of the secret ${secret}`).toBeGreaterThan(3);

  const shown = texts.map(textOf);
  const leaks = secrets.flatMap((secret) =>
    formsOf(secret).flatMap((form) => shown.filter((text) => text.includes(form)).map((text) => around(text, form))),
  );
  expect(leaks, 'places where a secret shows').toEqual([]);
}

/** All that can be read off a value: what JSON shows of it, and what a debugger does. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const all = inspect(value, { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
  return `${all}\n${JSON.stringify(value) ?? ''}`;
}

const formsOf = (secret: string): string[] => [
  ...new Set([secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]),
];

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(at - 60, 0), at + form.length + 20);
}
