/** What operators see of an invocation: one log line per check, and metrics. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { linesOf, logged, sweepAfter, sweepEvery, wrapStore } from '../support/scene.ts';
import { startWorld, type World, webhookSecret } from '../support/world.ts';

const minute = 60_000;

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, {
    config: { ...world.config(), rules: [{ when: { outcome: ['failed'] }, notify: ['team'] }] },
  });
});
afterEach(() => world.close());

const set = (status: string, finishTime?: number) =>
  world.setJob('job_1', {
    status,
    at: notifier.clock.now(),
    ...(finishTime ? { finishTime: new Date(finishTime).toISOString() } : {}),
  });
const checks = () => logged(notifier).filter(({ message }) => message === 'job checked');
const measured = () =>
  notifier.lines
    .map((line) => JSON.parse(line))
    .filter((line) => '_aws' in line)
    .map(({ _aws, ...values }) => values);

test('a check is one line: which job, what was found, what was decided by which rule, what became of it', async () => {
  set('Failed');
  await notifier.post('job_1');
  expect(checks()).toEqual([
    {
      time: expect.any(String),
      level: 'info',
      message: 'job checked',
      environment: 'production',
      jobId: 'job_1',
      status: 'Failed',
      previousStatus: null,
      reading: 'job',
      transition: 'firstSeenFinished',
      outcome: 'failed',
      rule: 'rules[0]',
      channels: ['team'],
      deliveries: { 'failed/team': 'sent' },
      tookMs: expect.any(Number),
      requestId: 'request-1',
      triggerId: 'request-1',
    },
  ]);
});

test('a check that notifies nobody logs the rule', async () => {
  set('Completed');
  await notifier.event({ id: 'event-7', detail: { jobId: 'job_1' } });
  expect(checks()).toMatchObject([{ outcome: 'completed', rule: 'noRule', channels: [], triggerId: 'event-7' }]);
});

test('a check that failed says why, and how often it has', async () => {
  world.api.fault({ call: 'job', status: 500, times: 1 });
  await notifier.post('job_1');
  expect(checks()).toMatchObject([
    { level: 'warn', reading: 'unreadable', transition: null, failures: 1, error: expect.stringContaining('500') },
  ]);
});

test('how long it took counts from the reading to the last receipt', async () => {
  set('Running');
  await notifier.post('job_1');
  world.api.setJob('job_1', () => {
    notifier.clock.advance(1_500);
    return { ...finished, system: { ...finished.system, status: 'Failed' } };
  });
  await sweepAfter(notifier, minute);
  expect(checks().at(-1)).toMatchObject({ transition: 'finished', tookMs: 1_500 });
});
const finished = { id: 'job_1', name: 'Nightly', source: 'Pages', system: { status: 'Failed' } };

test('a job that is unchanged is no line of its own, and no metric', async () => {
  set('Running');
  await notifier.post('job_1');
  const before = checks().length;
  await sweepAfter(notifier, minute);
  expect(checks()).toHaveLength(before);
  expect([logged(notifier).at(-1), measured()]).toMatchObject([{ message: 'sweep finished', checked: 1 }, []]);
});

test('a sweep logs the size of the work list, with entries that are not due yet, and the age of its oldest entry', async () => {
  set('Running');
  await notifier.post('job_1');
  world.api.fault({ call: 'job', status: 500, times: 1 });
  await notifier.post('job_2');
  await sweepAfter(notifier, minute - 1);
  expect(logged(notifier).at(-1)).toMatchObject({
    message: 'sweep finished',
    checked: 1,
    watched: 2,
    oldestEntrySeconds: 60,
  });
});

test('the oldest entry is a metric once it has been due for an hour', async () => {
  set('Running');
  await notifier.post('job_1');
  await sweepAfter(notifier, 60 * minute - 1_000);
  expect(measured()).toEqual([]);
  await sweepAfter(notifier, 1_000);
  expect(measured()).toEqual([{ oldestEntry: 3_600 }]);
});

test.each([
  ['42 s ago', -42_000, 42],
  ['by a clock of Sitecore that is ahead, in the future', 5_000, 0],
])('a sent message logs the seconds from the end of its job: %s', async (_, endedMs, secondsToNotify) => {
  set('Failed', notifier.clock.now() + endedMs);
  await notifier.post('job_1');
  const [sent] = linesOf(notifier, 'delivery sent');
  expect(sent).toMatchObject({ channel: 'team', outcome: 'failed', secondsToNotify });
  // Queries ask whether these are present.
  expect(Object.keys(sent ?? {})).not.toEqual(expect.arrayContaining(['error', 'ambiguousSince']));
});

test('what does not work is counted by each scheduled sweep until it works again', async () => {
  world.slack.answerWith({ status: 404, body: 'no_service' });
  set('Failed');
  await notifier.post('job_1');
  expect(linesOf(notifier, 'delivery sent', 'delivery retry scheduled')).toMatchObject([
    { level: 'warn', channel: 'team', error: expect.stringContaining('no_service') },
  ]);
  world.api.fault({ call: 'token', status: 401 });
  await sweepEvery(notifier, minute, 2);
  expect(measured()).toEqual([{ trouble: 1 }, { trouble: 1 }]);
  await sweepEvery(notifier, 15 * minute, 2);
  expect([linesOf(notifier, 'delivery sent').length, measured().length]).toEqual([1, 3]);
});

test('an exception that no caller gets is counted: the table refuses a receipt', async () => {
  wrapStore(notifier, (store) => ({
    save: (next, known, options) =>
      options?.result ? Promise.reject(new Error('ThrottlingException')) : store.save(next, known, options),
  }));
  set('Failed');
  await notifier.post('job_1');
  expect(linesOf(notifier, 'receipt write failed')).toMatchObject([{ error: { message: 'ThrottlingException' } }]);
  expect(measured()).toEqual([{ internalErrors: 1 }]);
});

test('no line holds a secret', async () => {
  set('Failed');
  await notifier.post('job_1');
  world.api.fault({ call: 'token', status: 401, times: 1 });
  await notifier.sweep();
  expectNoSecrets(notifier.lines, [webhookSecret, world.api.clientSecret, world.slack.webhookUrl('team')]);
});
