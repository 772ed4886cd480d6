import { expect, test } from 'vitest';
import { correlated, createLog } from '../../lib/platform/log.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createFakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

const secret = 'p&ss "w/rd"=';

function start() {
  const redact = createRedactor();
  const lines: string[] = [];
  const log = createLog({ clock: createFakeClock(), redact, write: (line) => void lines.push(line) });
  return { log, lines, redact };
}

test('writes each call as one line of JSON, with its time, level and fields', () => {
  const { log, lines } = start();
  log.info('job changed', { jobId: 'job_1', previousStatus: null, channels: ['team'] });
  log.warn('two\nlines');
  log.error('failed', { reason: undefined });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: '2026-01-01T10:10:00.000Z',
      level: 'info',
      message: 'job changed',
      jobId: 'job_1',
      previousStatus: null,
      channels: ['team'],
    },
    { time: '2026-01-01T10:10:00.000Z', level: 'warn', message: 'two\nlines' },
    { time: '2026-01-01T10:10:00.000Z', level: 'error', message: 'failed' },
  ]);
  for (const line of lines) expect(line).not.toContain('\n');
});

test('writes an error with its name, message and stack', () => {
  const { log, lines } = start();
  log.error('failed', { error: new RangeError('out of range') });
  const { error } = JSON.parse(lines[0] ?? '');
  expect(error).toMatchObject({ name: 'RangeError', message: 'out of range' });
  expect(error.stack).toContain('log.test.ts');
});

test.each<[string, unknown]>([
  ['as it is', secret],
  ['within a text', `Bearer ${secret}, twice: ${secret}`],
  ['within a URL', `https://example.invalid/?token=${encodeURIComponent(secret)}`],
  ['within JSON text', JSON.stringify({ secret }).slice(1, -1)],
  ['in a nested field', { deep: { deeper: [secret] } }],
  ['as the name of a field', { [secret]: 1 }],
  ['in an error', new Error(`refused: ${secret}`)],
  ['in the cause of an error', new Error('refused', { cause: new Error(secret) })],
])('a secret %s never reaches the log', (_, value) => {
  const { log, lines, redact } = start();
  redact.learn(secret);
  log.info('field', { value });
  log.error(typeof value === 'string' ? value : 'message');
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  expectNoSecrets([...lines, ...lines.map((line) => JSON.parse(line))], [secret]);
});

test('adds the ids to every line of the correlated work, and to no other line', async () => {
  const { log, lines } = start();
  const turn = Promise.withResolvers<void>();
  const one = correlated({ requestId: 'one' }, async () => {
    await turn.promise;
    log.info('first');
  });
  const other = correlated({ requestId: 'other' }, async () => {
    log.info('second');
    turn.resolve();
  });
  await Promise.all([one, other]);
  log.info('third');
  const written = lines.map((line) => JSON.parse(line)).map(({ message, requestId }) => [message, requestId]);
  expect(written).toEqual([
    ['second', 'other'],
    ['first', 'one'],
    ['third', undefined],
  ]);
});
