import { expect, test } from 'vitest';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import { createFakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

const fiveMinutes = 5 * 60_000;

function start(readParameters: ReadParameters, references: string[], env: Record<string, string> = {}) {
  const clock = createFakeClock();
  const redact = createRedactor();
  return { clock, redact, secrets: createSecrets({ env, clock, redact, readParameters, references }) };
}

/** Systems Manager that gives each parameter its name as its value, and remembers what it was asked for. */
function namesAsValues() {
  const asked: string[][] = [];
  const read: ReadParameters = async (names) => {
    asked.push(names);
    return new Map(names.map((name) => [name, `value of ${name}`]));
  };
  return { asked, read };
}

test('parameters are read once, all together, in batches of ten', async () => {
  const manager = namesAsValues();
  const names = Array.from({ length: 23 }, (_, index) => `/p/${index}`);
  const { secrets } = start(
    manager.read,
    [...names, ...names].map((name) => `ssm:${name}`),
  );
  const values = await Promise.all(names.map((name) => secrets.read(`ssm:${name}`)));
  expect(values).toEqual(names.map((name) => `value of ${name}`));
  await secrets.read('ssm:/p/0');
  expect(manager.asked.map(({ length }) => length)).toEqual([10, 10, 3]);
});

test('what is no parameter needs no call', async () => {
  const manager = namesAsValues();
  const { secrets } = start(manager.read, ['literal', 'env:NAME', 'ssm:/p'], { NAME: 'of the environment' });
  expect(await secrets.read('literal')).toBe('literal');
  expect(await secrets.read('env:NAME')).toBe('of the environment');
  expect(manager.asked).toEqual([]);
});

test.each([
  ['env:MISSING', /environment variable MISSING/],
  ['env:EMPTY', /environment variable EMPTY/],
  ['ssm:/missing', /parameter \/missing/],
])('%s, which is not there, is named', async (reference, expected) => {
  const { secrets } = start(async () => new Map(), [reference], { EMPTY: '' });
  const error = await secrets.read(reference).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    name: 'UpstreamError',
    kind: 'needsOperator',
    message: expect.stringMatching(expected),
  });
});

test('every value that was read is redacted from then on', async () => {
  const { secrets, redact } = start(async () => new Map([['/p', 'value-of-p']]), ['ssm:/p'], { NAME: 'value-of-name' });
  await Promise.all(['ssm:/p', 'env:NAME', 'a-literal'].map((reference) => secrets.read(reference)));
  expectNoSecrets([redact('value-of-p value-of-name a-literal')], ['value-of-p', 'value-of-name', 'a-literal']);
});

test('what could not be read is tried again at the next need', async () => {
  let isDown = true;
  const { secrets } = start(async () => {
    if (isDown) throw new Error('down');
    return new Map([['/p', 'value']]);
  }, ['ssm:/p']);
  await expect(secrets.read('ssm:/p')).rejects.toMatchObject({ name: 'UpstreamError', kind: 'unavailable' });
  isDown = false;
  expect(await secrets.read('ssm:/p')).toBe('value');
});

test('what was read is kept when it cannot be read again: one refused credential takes no other one along', async () => {
  let isDown = false;
  const { secrets, clock } = start(async () => {
    if (isDown) throw new Error('down');
    return new Map([['/slack', 'value']]);
  }, ['ssm:/slack', 'ssm:/refused']);
  await secrets.read('ssm:/slack');
  isDown = true;
  clock.advance(fiveMinutes);
  await secrets.refresh().catch(() => false);
  expect(await secrets.read('ssm:/slack')).toBe('value');
});

// GetParameters refuses the whole batch when one of its names may not be read.
test('a parameter that may not be read is the trouble of whoever needs it, and of nobody else', async () => {
  const refuseAll: ReadParameters = async (names) => {
    if (names.includes('/forbidden')) throw Object.assign(new Error('denied'), { name: 'AccessDeniedException' });
    return new Map(names.map((name) => [name, 'value']));
  };
  const { secrets } = start(refuseAll, ['ssm:/fine', 'ssm:/forbidden']);
  expect(await secrets.read('ssm:/fine')).toBe('value');
  await expect(secrets.read('ssm:/forbidden')).rejects.toMatchObject({ name: 'UpstreamError' });
});

test('parameters that are read again replace the old ones, at most every five minutes', async () => {
  let value = 'before';
  const { secrets, clock } = start(async () => new Map([['/p', value]]), ['ssm:/p']);
  expect(await secrets.read('ssm:/p')).toBe('before');
  value = 'after';
  expect(await secrets.refresh()).toBe(false);
  clock.advance(fiveMinutes);
  expect(await secrets.refresh()).toBe(true);
  expect(await secrets.read('ssm:/p')).toBe('after');
  expect(await secrets.refresh()).toBe(false);
});
