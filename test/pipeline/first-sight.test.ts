/** What a job's status does to what is known of it: at first sight, and from each status to each other one. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { day, hour, itemOf, logged, minute, second, sweepAfter } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const now = () => notifier.clock.now();
const set = (id: string, status: string, at = now()) => world.setJob(id, { status, at });
const told = () => [world.slack.requestCount(), world.topic.publishCount()];

const outcomes = { Completed: 'completed', Failed: 'failed', Canceled: 'canceled' } as Record<string, string>;
const statuses = ['Queued', 'Running', 'Canceling', 'Completed', 'Failed', 'Canceled'];

describe('first sight', () => {
  test.each(['Queued', 'Running', 'Canceling'])('of %s: watched, and nobody is told', async (status) => {
    set('job_1', status);
    expect((await notifier.post('job_1')).body).toMatchObject({ status, changed: true, watching: true, outcome: null });
    expect((await notifier.get('job_1')).body.decision).toMatchObject({
      reason: 'firstSeen',
      outcome: null,
      rule: null,
    });
    expect(told()).toEqual([0, 0]);
  });

  test.each(['Completed', 'Failed', 'Canceled'])('of %s: told at once, reason `firstSeenFinished`', async (status) => {
    set('job_1', status);
    const { body } = await notifier.post('job_1');
    expect(body).toMatchObject({ status, previousStatus: null, changed: true, watching: false });
    expect(body.outcome).toBe(outcomes[status]);
    expect((await notifier.get('job_1')).body.decision).toMatchObject({ reason: 'firstSeenFinished' });
    expect(JSON.parse(world.topic.messages[0]?.document ?? '')).toMatchObject({ reason: 'firstSeenFinished' });
    expect(told()).toEqual([1, 1]);
  });
});

describe('first sight, already terminal', () => {
  const isTold = async () => {
    const { body } = await notifier.get('job_1');
    return [body.decision.reason, world.slack.messages.length, world.topic.messages.length];
  };

  test.each([
    ['a moment', second, 'firstSeenFinished', 1],
    ['23 hours', 23 * hour, 'firstSeenFinished', 1],
    ['exactly 24 hours', day, 'firstSeenFinished', 1],
    ['a second more than 24 hours', day + second, 'finishedLongAgo', 0],
    ['a month', 30 * day, 'finishedLongAgo', 0],
    ['minus an hour, by a clock that is wrong', -hour, 'firstSeenFinished', 1],
  ])('%s ago', async (_name, age, reason, messages) => {
    set('job_1', 'Failed', now() - age);
    const { status, body } = await notifier.post('job_1');
    expect([status, body.status, body.changed, body.outcome]).toEqual([200, 'Failed', true, 'failed']);
    expect(await isTold()).toEqual([reason, messages, messages]);
    // It stays that way.
    for (let round = 0; round < 3; round++) await sweepAfter(notifier, minute);
    await notifier.post('job_1');
    expect(await isTold()).toEqual([reason, messages, messages]);
  });

  test('that ended long ago is recorded, and leaves the work list', async () => {
    set('job_1', 'Completed', now() - 2 * day);
    expect((await notifier.post('job_1')).body).toMatchObject({ watching: false, deliveries: [] });
    const item = await itemOf(world, 'production#job_1');
    expect(item).toMatchObject({ status: 'Completed', expiresAt: now() / 1_000 + (30 * day) / 1_000 });
    expect(item).not.toHaveProperty('watch');
    expect((await notifier.get('job_1')).body.decision).toMatchObject({ channels: [], rule: null });
  });

  test.each([null, '', 'yesterday', '2026-13-45T99:00:00Z', '12/24/2025'])(
    'with the finishTime %j counts as recent',
    async (finishTime) => {
      world.setJob('job_1', { status: 'Completed', at: now() - 10 * day, finishTime });
      await notifier.post('job_1');
      expect((await isTold()).slice(0, 2)).toEqual(['firstSeenFinished', 1]);
    },
  );

  test('without any times and without a system name counts as recent', async () => {
    const { system, ...job } = publishingJob({ id: 'job_1' });
    world.api.setJob('job_1', { ...job, system: { status: system.status } });
    await notifier.post('job_1');
    expect((await isTold()).slice(0, 2)).toEqual(['firstSeenFinished', 1]);
  });

  test.each([
    [48, 47 * hour, 1],
    [1, 2 * hour, 0],
  ])('how long ago is a setting: announceWithinHours %i', async (announceWithinHours, age, messages) => {
    notifier = deploy(world, { config: { ...world.config(), settings: { announceWithinHours } } });
    set('job_1', 'Failed', now() - age);
    await notifier.post('job_1');
    expect(world.slack.messages).toHaveLength(messages);
  });

  test.each([
    ['within 24 h before it was first named, is told', -23 * hour, 1],
    ['more than 24 h before it was first named, is not', -25 * hour, 0],
  ])('read for the first time two days after it was named: one that ended %s', async (_name, offset, messages) => {
    const firstSeen = now();
    world.api.fault({ call: 'job', status: 404 });
    expect((await notifier.post('job_1')).status).toBe(202);
    set('job_1', 'Failed', firstSeen + offset);
    expect(await sweepAfter(notifier, 2 * day)).toMatchObject({ changed: 1 });
    expect(world.slack.messages).toHaveLength(messages);
  });

  test('a job that was seen running is told, however long ago it says it ended', async () => {
    set('job_1', 'Running');
    await notifier.post('job_1');
    set('job_1', 'Failed', now() - 3 * day);
    await notifier.sweep();
    expect(await isTold()).toEqual(['finished', 1, 1]);
  });
});

describe('from each status to each other one', () => {
  const isTerminal = (status: string) => status in outcomes;
  test.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))('%s -> %s', async (from, to) => {
    set('job_1', from);
    await notifier.post('job_1');
    const before = world.slack.messages.length;
    set('job_1', to);
    const { status, body } = await notifier.post('job_1');
    const stays = from === to || (isTerminal(from) && !isTerminal(to));
    const last = stays ? from : to;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: last,
      previousStatus: from,
      changed: !stays,
      watching: !isTerminal(last),
      outcome: outcomes[last] ?? null,
    });
    const messages = !stays && isTerminal(to) ? 1 : 0;
    expect(world.slack.messages.length - before).toBe(messages);
    expect(world.topic.messages.length).toBe(world.slack.messages.length);
    if (messages === 0) return;
    const isCorrection = isTerminal(from);
    expect(JSON.parse(world.topic.messages.at(-1)?.document ?? '')).toMatchObject({
      outcome: outcomes[to],
      previousStatus: from,
      reason: isCorrection ? 'corrected' : 'finished',
      correction: isCorrection,
    });
  });

  test('the whole way, sweep by sweep: one message at the end', async () => {
    for (const status of ['Queued', 'Running', 'Canceling']) {
      set('job_1', status);
      await (status === 'Queued' ? notifier.post('job_1') : sweepAfter(notifier, minute));
      expect((await notifier.get('job_1')).body).toMatchObject({ status, watching: true });
      expect(told()).toEqual([0, 0]);
    }
    set('job_1', 'Canceled');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 0, sent: 0 });
    expect(told()).toEqual([1, 1]);
  });
});

test('a late "Running" from a slow API never reopens a job that ended', async () => {
  world.setJob('job_1', { status: 'Completed', at: now(), lastReportTime: '2026-01-01T10:00:00Z' });
  await notifier.post('job_1');
  set('job_1', 'Running');
  for (let round = 0; round < 3; round++) {
    await sweepAfter(notifier, 2 * minute);
    await notifier.post('job_1');
    expect((await notifier.get('job_1')).body).toMatchObject({ status: 'Completed', outcome: 'completed' });
  }
  expect(told()).toEqual([1, 1]);
});

describe('asked again about an announced job', () => {
  test('200, `changed: false`, and the deliveries as they stand', async () => {
    world.slack.answerWith({ status: 403, body: 'action_prohibited', times: 9 });
    set('job_1', 'Failed');
    await notifier.post('job_1');
    for (let round = 0; round < 3; round++) {
      const { status, body } = await notifier.post('job_1');
      expect(status).toBe(200);
      expect(body).toMatchObject({
        status: 'Failed',
        previousStatus: 'Failed',
        changed: false,
        outcome: 'failed',
        watching: true,
        deliveries: [
          { channel: 'events', outcome: 'failed', state: 'sent' },
          { channel: 'team', outcome: 'failed', state: 'pending' },
        ],
      });
    }
    // Asking is no retry: that has its time.
    expect(told()).toEqual([1, 1]);
  });

  test('by another worker, months later: still nothing new', async () => {
    set('job_1', 'Failed');
    await notifier.post('job_1');
    notifier.clock.advance(25 * day);
    const { status, body } = await deploy(world, { clock: notifier.clock }).post('job_1');
    expect([status, body.changed, ...told()]).toEqual([200, false, 1, 1]);
  });
});

describe('unknown status string', () => {
  test('is kept as it is, is not terminal, and is watched on', async () => {
    set('job_1', 'PausedByOperator');
    const { status, body } = await notifier.post('job_1');
    expect([status, body.status, body.changed, body.watching]).toEqual([200, 'PausedByOperator', true, true]);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 1, changed: 0 });
    set('job_1', 'Completed');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
    expect(JSON.parse(world.topic.messages[0]?.document ?? '')).toMatchObject({ previousStatus: 'PausedByOperator' });
  });

  test('is cut to 64 characters, and stays the same status', async () => {
    set('job_1', 'x'.repeat(5_000));
    const { body } = await notifier.post('job_1');
    expect(body.status).toHaveLength(64);
    expect(body.status).toMatch(/^x{60}/);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 1, changed: 0 });
  });

  test.each(['completed', 'COMPLETED', 'Complete', 'Completed With Warnings', 'Succeeded'])(
    '%j is not taken for an end',
    async (status) => {
      set('job_1', status);
      expect((await notifier.post('job_1')).body).toMatchObject({ status, outcome: null, watching: true });
      expect(told()).toEqual([0, 0]);
    },
  );

  test('is logged once per value, however many jobs have it and however often it is read', async () => {
    const warnings = (value: string) =>
      logged(notifier).filter(({ level, status }) => level === 'warn' && status === value);
    for (const id of ['job_1', 'job_2', 'job_3']) {
      set(id, 'Paused');
      await notifier.post(id);
    }
    await sweepAfter(notifier, minute);
    expect(warnings('Paused')).toHaveLength(1);
    set('job_2', 'Archived');
    await sweepAfter(notifier, minute);
    await sweepAfter(notifier, minute);
    expect([warnings('Paused').length, warnings('Archived').length]).toEqual([1, 1]);
    expect(warnings('Running')).toHaveLength(0);
  });

  test('never overwrites a terminal one', async () => {
    set('job_1', 'Failed');
    await notifier.post('job_1');
    set('job_1', 'Reopened');
    expect((await notifier.post('job_1')).body).toMatchObject({ status: 'Failed', changed: false });
  });
});
