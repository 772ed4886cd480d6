/** Jobs that exceed a time limit are announced once per limit, and only from what was read. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { replay } from '../../lib/pipeline/replay.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { isoTime, type PublishingJobValues } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { countStore, day, hour, itemOf, logged, minute, statesIn, sweepAfter, sweepEvery } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

const limits = [{ queuedFor: 30, runningFor: 60, noProgressFor: 20 }];
const deployWith = (values: Partial<ConfigDocument>): Notifier =>
  deploy(world, { ...(notifier ? { clock: notifier.clock } : {}), config: { ...world.config(), ...values } });

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, { config: { ...world.config(), limits } });
});
afterEach(() => world.close());

const now = () => notifier.clock.now();
const ago = (ms: number) => isoTime(now() - ms);
type Values = Omit<PublishingJobValues, 'id'>;

/** The clock begins at 10:10. */
const queued = { queuedTime: '2026-01-01T10:09:00Z', startTime: null };
const running = { queuedTime: '2026-01-01T10:08:00Z', startTime: '2026-01-01T10:09:00Z' };

/** A job as the API shows it from now on: queued a minute ago, running since, counted now. */
const set = (status: string, values: Values = {}, id = 'job_1') =>
  world.setJob(id, { status, at: now(), queuedTime: ago(minute), lastReportTime: ago(0), ...values });
/** The same job with new counters every minute, for this many sweeps. */
async function sweepBusily(status: string, values: Values, times: number): Promise<void> {
  for (let round = 0; round < times; round++) {
    notifier.clock.advance(minute);
    set(status, { ...values, lastReportTime: ago(0) });
    await notifier.sweep();
  }
}
const told = () => world.topic.messages.map(({ subject }) => subject?.split(':')[0]);
const documents = () => world.topic.messages.map(({ document }) => JSON.parse(document));
const inSlack = () => world.slack.messages.map(({ payload }) => payload.text?.split(':')[0]);
/** What the store is asked from now on. */
function counting(): { gets: () => number; saves: () => number } {
  const counts = countStore(notifier);
  return { gets: () => counts['get'] ?? 0, saves: () => (counts['save'] ?? 0) + (counts['saveDelivery'] ?? 0) };
}

describe('a job that takes too long', () => {
  // Each of them was queued, or began to run, a minute before it is first seen.
  test.each<[sentence: string, status: string, values: Values, minutes: number, title: string, document: object]>([
    [
      'queued',
      'Queued',
      queued,
      29,
      'Late in production, still queued',
      { outcome: 'late', reason: 'queuedTooLong', limit: 'queuedFor', since: '2026-01-01T10:09:00.000Z' },
    ],
    [
      'running',
      'Running',
      running,
      59,
      'Late in production, still running',
      { outcome: 'late', reason: 'runningTooLong', limit: 'runningFor', since: '2026-01-01T10:09:00.000Z' },
    ],
  ])('%s: is announced once, when the limit has passed', async (_, status, values, minutes, title, document) => {
    set(status, values);
    await notifier.post('job_1');
    await sweepBusily(status, values, minutes);
    expect(told()).toEqual([]);
    await sweepBusily(status, values, 1);
    expect(told()).toEqual([title]);
    expect(inSlack()).toEqual([title]);
    expect(documents()[0]).toMatchObject({ ...document, status, previousStatus: status, finishedAt: null });
    await sweepBusily(status, values, 30);
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
  });

  test('standing still: is announced once, with its counters and since when nothing moved', async () => {
    set('Running', { ...running, processed: 40 });
    await notifier.post('job_1');
    await sweepEvery(notifier, minute, 20);
    expect(told()).toEqual([]);
    await sweepAfter(notifier, minute);
    expect(told()).toEqual(['Stuck in production']);
    expect(documents()[0]).toMatchObject({
      outcome: 'stuck',
      reason: 'noProgress',
      limit: 'noProgressFor',
      limitMinutes: 20,
      since: '2026-01-01T10:10:00.000Z',
      statistics: { processed: 40, asOf: '2026-01-01T10:10:00.000Z' },
    });
    expect(world.slack.messages[0]?.payload.text).toMatch(
      / · 40 items so far · no progress since 2026-01-01 10:10 UTC\n/,
    );
    await sweepEvery(notifier, minute, 30);
    expect(told()).toEqual(['Stuck in production']);
  });

  test('is announced by one of many workers that see it at the same time', async () => {
    set('Running', running);
    await notifier.post('job_1');
    notifier.clock.advance(2 * hour);
    set('Running', running);
    const workers = Array.from({ length: 5 }, () => deployWith({ limits }));
    await Promise.all(workers.flatMap((worker) => [worker.sweep(), worker.post('job_1')]));
    await sweepAfter(notifier, minute);
    expect(told()).toEqual(['Late in production, still running']);
    expect(inSlack()).toEqual(['Late in production, still running']);
  });

  test('is announced at first sight, in the response to the caller', async () => {
    set('Running', { queuedTime: ago(3 * hour), startTime: ago(2 * hour) });
    const { body } = await notifier.post('job_1');
    expect(body).toMatchObject({ status: 'Running', changed: true, watching: true, outcome: null });
    expect(body.deliveries).toEqual([
      { outcome: 'late', channel: 'events', limit: 'runningFor', state: 'sent' },
      { outcome: 'late', channel: 'team', limit: 'runningFor', state: 'sent' },
    ]);
  });

  test('queued, then running, and then done: each limit once, and the end says so', async () => {
    set('Queued', queued);
    await notifier.post('job_1');
    await sweepBusily('Queued', queued, 40);
    const startTime = ago(0);
    await sweepBusily('Running', { ...running, startTime }, 70);
    set('Completed', { ...running, startTime, finishTime: ago(0) });
    await sweepAfter(notifier, minute);
    await sweepEvery(notifier, minute, 3);
    const expected = [
      'Late in production, still queued',
      'Late in production, still running',
      'Completed in production',
    ];
    expect(told()).toEqual(expected);
    expect(inSlack()).toEqual(expected);
    const ids = documents().map(({ deduplicationId }) => deduplicationId);
    expect(new Set(ids).size).toBe(3);
    expect(documents()[2]).toMatchObject({ exceeded: ['queuedFor', 'runningFor'], durationSeconds: 70 * 60 });
    for (const text of [world.slack.messages[2]?.payload.text, world.topic.messages[2]?.email]) {
      expect(text).toContain(' · was late: queued over 30 min · was late: ran over 1 h · ');
      expect(text).toContain(' · 1 h 10 min · ');
    }
  });

  test('says so in GET /jobs, and goes on as before', async () => {
    set('Running', { ...running, createdBy: { id: null, name: 'Jane Editor', type: 'User' } });
    const rules = [{ when: { outcome: 'late' }, notify: ['team'], mention: 'starter' }];
    notifier = deployWith({ limits, rules, people: { 'Jane Editor': 'U012AB3CD' } });
    await notifier.post('job_1');
    await sweepAfter(notifier, 2 * hour);
    const { body } = await notifier.get('job_1');
    expect(body).toMatchObject({
      status: 'Running',
      watching: true,
      outcome: null,
      decision: { reason: 'firstSeen' },
      exceeded: [
        { limit: 'runningFor', minutes: 60, reason: 'runningTooLong', rule: 'rules[0]', mention: 'U012AB3CD' },
        { limit: 'noProgressFor', minutes: 20, reason: 'noProgress', rule: 'noRule', channels: [] },
      ],
      deliveries: [{ outcome: 'late', channel: 'team', limit: 'runningFor', state: 'sent', attempts: 1 }],
    });
    expect(world.slack.messages[0]?.payload.text).toContain('<@U012AB3CD>');
    expect(logged(notifier).filter(({ exceeded }) => exceeded)).toMatchObject([
      { message: 'job checked', transition: null, exceeded: ['runningFor', 'noProgressFor'] },
    ]);
  });

  test('can be replayed after its delivery has died', async () => {
    set('Running', running);
    await notifier.post('job_1');
    world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
    for (let hours = 0; hours < 80; hours++) await sweepAfter(notifier, hour);
    expect(statesIn((await notifier.get('job_1')).body)).toMatchObject({ 'late/team': 'dead', 'late/events': 'sent' });
    world.slack.clearAnswers();
    const job = { environment: 'production', jobId: 'job_1' };
    const replayed = await replay(notifier.deps, { job });
    expect(replayed).toEqual([{ job, revived: ['late/team/runningFor', 'stuck/team/noProgressFor'] }]);
    await sweepEvery(notifier, minute, 3);
    expect(inSlack().slice(-2)).toEqual(['Late in production, still running', 'Stuck in production']);
  });
});

test('a message that arrives after the end says so; the document is what was decided', async () => {
  notifier = deployWith({ limits: [{ runningFor: 60 }] });
  set('Running', running);
  await notifier.post('job_1');
  world.slack.answerWith({ status: 500, times: 1_000 });
  world.topic.answerWith({ ...snsFault(500, 'InternalError'), times: 1_000 });
  await sweepAfter(notifier, 61 * minute);
  set('Completed', { ...running, finishTime: ago(0) });
  await sweepAfter(notifier, minute);
  world.slack.clearAnswers();
  world.topic.clearAnswers();
  await sweepEvery(notifier, 15 * minute, 2);
  expect(inSlack()).toEqual(['Late in production, was still running', 'Completed in production']);
  const texts = world.slack.messages.map(({ payload }) => payload.text);
  expect(texts[0]).toContain('it has ended since then, and its status is Completed.');
  for (const text of [texts[0], world.topic.messages[0]?.email]) {
    expect(text).not.toMatch(/has been running/);
  }
  expect(documents()[0]).toMatchObject({ outcome: 'late', status: 'Running', finishedAt: null, exceeded: [] });
});

describe('counters', () => {
  const rule = [{ noProgressFor: 20 }];
  /** So many minutes, in each of which the API shows the counters that `counts` tells. */
  async function run(minutes: number, counts: (minute: number) => Values): Promise<void> {
    for (let round = 1; round <= minutes; round++) {
      notifier.clock.advance(minute);
      set('Running', { ...running, ...counts(round) });
      await notifier.sweep();
    }
  }
  const fixed = { lastReportTime: '2026-01-01T10:10:00Z' };
  const unknown = { lastReportTime: 'unknown' };

  beforeEach(async () => {
    notifier = deployWith({ limits: rule });
    set('Running', { ...running, processed: 0, ...fixed });
    await notifier.post('job_1');
  });

  test('that move again after that are not announced again, not even if they stop again', async () => {
    await run(30, () => ({ processed: 1, ...fixed }));
    await run(30, (at) => ({ processed: at, lastReportTime: ago(0) }));
    await run(60, () => ({ processed: 30, ...fixed }));
    expect(told()).toEqual(['Stuck in production']);
  });

  test.each<[sentence: string, counts: (minute: number) => Values]>([
    ['without a report', (at) => ({ processed: at, ...unknown })],
    ['with an old report', (at) => ({ processed: at, lastReportTime: ago(hour) })],
  ])('that move all the time cost four writes per limit, and a read a sweep: %s', async (_, counts) => {
    const { gets, saves } = counting();
    await run(100, counts);
    expect(told()).toEqual([]);
    expect(saves()).toBeLessThanOrEqual(20);
    expect(gets()).toBeLessThanOrEqual(100);
  });
});

describe('what it costs', () => {
  test.each<[sentence: string, status: string]>([['a job that runs', 'Running']])(
    '%s, within its limits: neither a read nor a write',
    async (_, status) => {
      set(status);
      await notifier.post('job_1');
      const { gets, saves } = counting();
      await sweepBusily(status, { queuedTime: '2026-01-01T10:09:00Z' }, 25);
      expect([gets(), saves()]).toEqual([0, 0]);
    },
  );

  test.each<[sentence: string, rules: unknown[] | undefined]>([
    ['announced to every channel', undefined],
    ['announced to nobody because no rule matches', [{ when: { outcome: ['failed', 'stuck'] }, notify: ['team'] }]],
  ])('a job that is late, %s: a read a sweep at most, and no write', async (_, rules) => {
    notifier = deployWith({ limits, ...(rules ? { rules } : {}) });
    set('Queued', queued);
    await notifier.post('job_1');
    await sweepAfter(notifier, hour);
    await sweepAfter(notifier, minute);
    expect(told()).toEqual(rules ? [] : ['Late in production, still queued']);
    const lines = logged(notifier).length;
    const { gets, saves } = counting();
    await sweepEvery(notifier, minute, 10);
    expect(saves()).toBe(0);
    expect(gets()).toBeLessThanOrEqual(10);
    // And a line for each sweep, not for each job.
    expect(logged(notifier).length - lines).toBe(10);
    expect((await itemOf(world, 'production#job_1'))?.exceeded).toMatchObject({ queuedFor: { minutes: 30 } });
  });
});

describe('what could not be seen is not announced', () => {
  const _refuseTokens = () => {
    world.api.revokeTokens();
    world.api.fault({ call: 'token', ...problemFault(401), times: 1_000 });
  };

  test.each<[sentence: string, fault: () => void]>([
    ['while the API is down', () => world.api.fault({ call: 'job', status: 500, times: 1_000 })],
    ['while the environment is paused', () => world.api.fault({ call: 'job', status: 401, times: 1_000 })],
    ['while the API gives no status', () => world.api.setJob('job_1', { id: 'job_1', system: {} })],
  ])('%s, however long that takes: a job that ended meanwhile was never late', async (_, fault) => {
    set('Running', running);
    await notifier.post('job_1');
    fault();
    await sweepEvery(notifier, 10 * minute, 18);
    expect(told()).toEqual([]);
    world.api.clearFaults();
    set('Completed', { ...running, finishTime: ago(0) });
    await sweepEvery(notifier, 15 * minute, 3);
    expect(told()).toEqual(['Completed in production']);
    expect(world.topic.messages[0]?.email).not.toContain('had been');
  });

  test('a job that the API does not know is not late, nor is one that it never knew', async () => {
    set('Running', running);
    await notifier.post('job_1');
    world.api.setJob('job_1', undefined);
    await notifier.post('job_never');
    await sweepEvery(notifier, minute, 9);
    notifier.clock.advance(3 * day);
    await sweepEvery(notifier, minute, 3);
    expect(told()).toEqual(['Lost track in production']);
    expect((await itemOf(world, 'production#job_never'))?.exceeded).toBeUndefined();
  });

  test('a job that still runs when the API can be asked again is late then', async () => {
    set('Running', running);
    await notifier.post('job_1');
    world.api.fault({ call: 'job', status: 500, times: 3 });
    await sweepEvery(notifier, hour, 3);
    expect(told()).toEqual([]);
    await sweepAfter(notifier, hour);
    expect(told()).toEqual(['Late in production, still running', 'Stuck in production']);
    expect(documents()[0].since).toBe('2026-01-01T10:09:00.000Z');
  });
});

test('a discovered job is announced like any other, at the same cost', async () => {
  const { environments, ...config } = world.config();
  const production = { ...environments['production'], discover: true };
  notifier = deploy(world, { clock: notifier.clock, config: { ...config, limits, environments: { production } } });
  const values = { queuedTime: ago(2 * hour), startTime: ago(59 * minute) };
  for (const id of ['job_1', 'job_2', 'job_3', 'job_4', 'job_5']) set('Running', values, id);
  await notifier.sweep();
  expect(told()).toEqual([]);
  notifier.clock.advance(2 * minute);
  for (const id of ['job_1', 'job_2', 'job_3', 'job_4', 'job_5']) set('Running', values, id);
  await notifier.sweep();
  expect(told()).toEqual(Array(5).fill('Late in production, still running'));
  const { gets, saves } = counting();
  await sweepAfter(notifier, minute);
  expect([gets(), saves()]).toEqual([5, 0]);
});
