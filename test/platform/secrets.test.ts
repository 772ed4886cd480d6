import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets } from '../../lib/platform/secrets.ts';
import { createFakeClock } from '../support/clock.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

const fiveMinutes = 5 * 60_000;
const errorNamed = (name: string) => Object.assign(new Error('hush-hush'), { name });

/** Secrets over Systems Manager with these parameters. `refuse` can fail a read of some names. */
function start(parameters: Record<string, string>, { references = Object.keys(parameters), env = {} } = {}) {
  const manager = { asked: [] as string[][], refuse: (_names: string[]): Error | undefined => undefined };
  const readParameters = async (names: string[]) => {
    manager.asked.push(names);
    const error = manager.refuse(names);
    if (error) throw error;
    return new Map(Object.entries(parameters).filter(([name]) => names.includes(name)));
  };
  const [clock, redact] = [createFakeClock(), createRedactor()];
  const named = references.map((one) => (one.startsWith('/') ? `ssm:${one}` : one));
  const secrets = createSecrets({ env, clock, redact, readParameters, references: named });
  return { clock, manager, parameters, redact, secrets };
}

test.each([
  ['https://hooks.slack.invalid/T/B/X', 'https://hooks.slack.invalid/T/B/X'],
  ['environment', 'environment'],
  ['env:NAME', 'of the variable'],
])('%s is %s, without a call', async (reference, value) => {
  const { manager, secrets } = start({ '/p': 'value' }, { env: { NAME: 'of the variable' } });
  expect(await secrets.read(reference)).toBe(value);
  expect(manager.asked).toEqual([]);
});

test.each([
  ['env:MISSING', /environment variable MISSING/],
  ['env:EMPTY', /environment variable EMPTY/],
  ['ssm:/missing', /parameter \/missing/],
])('%s, which is missing, is named at every read, after at most one call', async (reference, expected) => {
  const { manager, secrets } = start({ '/p': 'value' }, { env: { EMPTY: '' }, references: ['/p', '/missing'] });
  for (let round = 0; round < 2; round++) {
    const error = await failure(secrets.read(reference));
    expect(error).toMatchObject({ kind: 'needsOperator', message: expect.stringMatching(expected) });
  }
  expect(await secrets.read('ssm:/p')).toBe('value');
  expect(manager.asked).toHaveLength(1);
});

test('every value that was read is redacted', async () => {
  const { secrets, redact } = start({ '/p': 'value-of-p' }, { env: { NAME: 'value-of-name' } });
  await Promise.all(['ssm:/p', 'env:NAME', 'a-literal'].map((reference) => secrets.read(reference)));
  expectNoSecrets([redact('value-of-p value-of-name a-literal')], ['value-of-p', 'value-of-name', 'a-literal']);
});

describe('parameters', () => {
  test.each([
    [1, [1]],
    [10, [10]],
    [11, [10, 1]],
    [30, [10, 10, 10]],
  ])('%d of them are read once, when one is needed, in batches of %j', async (count, sizes) => {
    const names = Array.from({ length: count }, (_, index) => `/p/${index}`);
    const { manager, secrets } = start(Object.fromEntries(names.map((name) => [name, name])), {
      references: [...names, ...names],
    });
    expect(manager.asked).toEqual([]);
    expect(await Promise.all(names.map((name) => secrets.read(`ssm:${name}`)))).toEqual(names);
    await secrets.read('ssm:/p/0');
    expect(manager.asked.map(({ length }) => length)).toEqual(sizes);
    expect(manager.asked.flat().sort()).toEqual([...names].sort());
  });

  test('that cannot be read fail every concurrent reader after one call, and the next reader tries again', async () => {
    const { manager, secrets } = start({ '/p': 'value' });
    manager.refuse = () => errorNamed('TimeoutError');
    for (const error of await Promise.all([failure(secrets.read('ssm:/p')), failure(secrets.read('ssm:/p'))])) {
      expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('TimeoutError') });
      expect(error.message).not.toContain('hush-hush');
    }
    expect(manager.asked).toHaveLength(1);
    manager.refuse = () => undefined;
    expect(await secrets.read('ssm:/p')).toBe('value');
    expect(manager.asked).toHaveLength(2);
  });
});

// GetParameters refuses the whole batch for one name.
describe('a parameter that spoils its batch', () => {
  // AccessDenied: not allowed, or its key is not; InvalidKeyId: its key is gone; Validation: not the name of a parameter.
  test.each(['AccessDeniedException', 'InvalidKeyId', 'ValidationException'])('fails alone: %s', async (name) => {
    const { manager, secrets } = start({ '/good': 'value', '/bad': 'value', '/better': 'value' });
    manager.refuse = (names) => (names.includes('/bad') ? errorNamed(name) : undefined);
    expect([await secrets.read('ssm:/good'), await secrets.read('ssm:/better')]).toEqual(['value', 'value']);
    await failure(secrets.read('ssm:/bad'));
  });

  test('does not hide another parameter whose read timed out', async () => {
    const { manager, secrets } = start({ '/good': 'value', '/bad': 'value' });
    let isSlow = true;
    manager.refuse = (names) =>
      names.includes('/bad') ? errorNamed('AccessDeniedException') : isSlow ? errorNamed('TimeoutError') : undefined;
    expect(await failure(secrets.read('ssm:/good'))).toMatchObject({ kind: 'unavailable' });
    isSlow = false;
    expect(await secrets.read('ssm:/good')).toBe('value');
  });
});

describe('a refresh after a refused credential', () => {
  test.each([
    [fiveMinutes - 1, false, 'before'],
    [fiveMinutes, true, 'after'],
  ])('after %d ms: %s, the value is the one %s', async (ms, expected, value) => {
    const { clock, parameters, secrets } = start({ '/p': 'before' });
    await secrets.read('ssm:/p');
    parameters['/p'] = 'after';
    clock.advance(ms);
    expect(await secrets.refresh()).toBe(expected);
    expect(await secrets.read('ssm:/p')).toBe(value);
  });

  test('reads once in five minutes, however many credentials are refused', async () => {
    const { clock, manager, secrets } = start({ '/p': 'value' });
    await secrets.read('ssm:/p');
    for (let minute = 0; minute < 12; minute++) {
      clock.advance(60_000);
      await Promise.all([secrets.refresh(), secrets.refresh()]);
    }
    expect(manager.asked).toHaveLength(1 + 2);
  });

  test('keeps the old values if it fails: one refused credential does not affect another', async () => {
    const { clock, manager, secrets } = start({ '/slack': 'value' }, { references: ['/slack', '/refused'] });
    await secrets.read('ssm:/slack');
    manager.refuse = () => errorNamed('down');
    clock.advance(fiveMinutes);
    await failure(secrets.refresh());
    expect(await secrets.read('ssm:/slack')).toBe('value');
  });

  test('does nothing without parameters', async () => {
    const { manager, secrets } = start({}, { references: ['env:NAME', 'literal'], env: { NAME: 'value' } });
    expect(await secrets.refresh()).toBe(false);
    expect(manager.asked).toEqual([]);
  });
});
