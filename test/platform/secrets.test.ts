// What is read and when; test/platform/secrets-in-errors.test.ts has what errors and refused parameters do.
import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import { createFakeClock } from '../support/clock.ts';

const fiveMinutes = 5 * 60_000;

/** Secrets over parameters that can be changed, with the names that were asked for. */
function start(
  parameters: Record<string, string>,
  { references = Object.keys(parameters).map((name) => `ssm:${name}`), env = {} } = {},
) {
  const asked: string[][] = [];
  const state = { isDown: false };
  const readParameters: ReadParameters = async (names) => {
    asked.push(names);
    if (state.isDown) throw Object.assign(new Error('hush-hush'), { name: 'TimeoutError' });
    return new Map(names.flatMap((name) => (name in parameters ? [[name, parameters[name] as string] as const] : [])));
  };
  const clock = createFakeClock();
  const secrets = createSecrets({ env, clock, redact: createRedactor(), readParameters, references });
  return { asked, clock, parameters, secrets, state };
}

describe('parameters', () => {
  test('are not asked for before one is needed', async () => {
    const { asked, secrets } = start({ '/p': 'value' });
    expect(asked).toEqual([]);
    await secrets.read('ssm:/p');
    expect(asked).toEqual([['/p']]);
  });

  test.each([
    [1, [1]],
    [10, [10]],
    [11, [10, 1]],
    [30, [10, 10, 10]],
  ])('%d of them are asked for in batches of %j', async (count, sizes) => {
    const names = Array.from({ length: count }, (_, index) => `/p/${index}`);
    const { asked, secrets } = start(Object.fromEntries(names.map((name) => [name, name])));
    const values = await Promise.all(names.map((name) => secrets.read(`ssm:${name}`)));
    expect(values).toEqual(names);
    expect(asked.map(({ length }) => length)).toEqual(sizes);
    expect(asked.flat().sort()).toEqual([...names].sort());
  });

  test('that are missing are the trouble of who needs them, at every need and without another call', async () => {
    const { asked, secrets } = start({ '/there': 'value' }, { references: ['ssm:/there', 'ssm:/missing'] });
    for (const reading of [secrets.read('ssm:/missing'), secrets.read('ssm:/missing')]) {
      await expect(reading).rejects.toMatchObject({
        kind: 'needsOperator',
        message: expect.stringContaining('/missing'),
      });
    }
    expect(await secrets.read('ssm:/there')).toBe('value');
    expect(asked).toHaveLength(1);
  });

  test('are asked for once by all who wait, also when that fails, and again by the next', async () => {
    const { asked, secrets, state } = start({ '/p': 'value' });
    state.isDown = true;
    const readings = await Promise.allSettled([secrets.read('ssm:/p'), secrets.read('ssm:/p')]);
    expect(readings.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(asked).toHaveLength(1);
    state.isDown = false;
    expect(await secrets.read('ssm:/p')).toBe('value');
    expect(asked).toHaveLength(2);
  });

  test('that cannot be read now are an error that shows nothing of what was answered', async () => {
    const { secrets, state } = start({ '/p': 'value' });
    state.isDown = true;
    const error: unknown = await secrets.read('ssm:/p').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('TimeoutError') });
    expect((error as Error).message).not.toContain('hush-hush');
  });
});

describe('a parameter that spoils its whole batch', () => {
  const errorNamed = (name: string) => Object.assign(new Error(name), { name });

  // AccessDenied: not allowed, or its key is not; InvalidKeyId: its key is gone; Validation: no name of a parameter.
  test.each(['AccessDeniedException', 'InvalidKeyId', 'ValidationException'])(
    'is the trouble of who needs it, and of nobody else: %s',
    async (error) => {
      const readParameters: ReadParameters = async (names) => {
        if (names.includes('/bad')) throw errorNamed(error);
        return new Map(names.map((name) => [name, 'value']));
      };
      const references = ['ssm:/good', 'ssm:/bad', 'ssm:/better'];
      const secrets = createSecrets({
        env: {},
        clock: createFakeClock(),
        redact: createRedactor(),
        readParameters,
        references,
      });
      expect([await secrets.read('ssm:/good'), await secrets.read('ssm:/better')]).toEqual(['value', 'value']);
      await expect(secrets.read('ssm:/bad')).rejects.toMatchObject({ name: 'UpstreamError' });
    },
  );

  test('does not make another one missing for good, that only timed out beside it', async () => {
    let isSlow = true;
    const readParameters: ReadParameters = async (names) => {
      if (names.includes('/bad')) throw errorNamed('AccessDeniedException');
      if (isSlow) throw errorNamed('TimeoutError');
      return new Map(names.map((name) => [name, 'value']));
    };
    const references = ['ssm:/good', 'ssm:/bad'];
    const secrets = createSecrets({
      env: {},
      clock: createFakeClock(),
      redact: createRedactor(),
      readParameters,
      references,
    });
    await expect(secrets.read('ssm:/good')).rejects.toMatchObject({ kind: 'unavailable' });
    isSlow = false;
    expect(await secrets.read('ssm:/good')).toBe('value');
  });
});

describe('reading anew, for a credential that was refused', () => {
  test.each([
    [fiveMinutes - 1, false, 'before'],
    [fiveMinutes, true, 'after'],
  ])('after %d ms: %s', async (ms, expected, value) => {
    const { clock, parameters, secrets } = start({ '/p': 'before' });
    await secrets.read('ssm:/p');
    parameters['/p'] = 'after';
    clock.advance(ms);
    expect(await secrets.refresh()).toBe(expected);
    expect(await secrets.read('ssm:/p')).toBe(value);
  });

  test('is done once in five minutes, however many credentials are refused', async () => {
    const { asked, clock, secrets } = start({ '/p': 'value' });
    await secrets.read('ssm:/p');
    for (let minute = 0; minute < 12; minute++) {
      clock.advance(60_000);
      await Promise.all([secrets.refresh(), secrets.refresh()]);
    }
    expect(asked).toHaveLength(1 + 2);
  });

  test('is of no use when there are no parameters', async () => {
    const { asked, secrets } = start({}, { references: ['env:NAME', 'literal'], env: { NAME: 'value' } });
    expect(await secrets.refresh()).toBe(false);
    expect(asked).toEqual([]);
  });
});

test.each([
  ['https://hooks.slack.invalid/T/B/X', 'https://hooks.slack.invalid/T/B/X'],
  ['environment', 'environment'],
  ['env:NAME', 'of the variable'],
])('%s is %s', async (reference, value) => {
  const { secrets } = start({}, { env: { NAME: 'of the variable' } });
  expect(await secrets.read(reference)).toBe(value);
});
