/** Jobs at first sight, and jobs with an unknown status. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

const _outcomes = { Completed: 'completed', Failed: 'failed', Canceled: 'canceled' } as Record<string, string>;
const _statuses = ['Queued', 'Running', 'Canceling', 'Completed', 'Failed', 'Canceled'];

describe('first sight, already terminal', () => {
  test.each([
    ['exactly 24 hours', day, 'firstSeenFinished', 1],
    ['a second more than 24 hours', day + second, 'finishedLongAgo', 0],
  ])('%s ago', async (_name, age, reason, messages) => {
    set('job_1', 'Failed', now() - age);
    const { status, body } = await notifier.post('job_1');
    expect([status, body.status, body.changed, body.outcome]).toEqual([200, 'Failed', true, 'failed']);
    await sweepAfter(notifier, minute);
    await notifier.post('job_1');
    expect((await notifier.get('job_1')).body.decision.reason).toBe(reason);
    expect(told()).toEqual([messages, messages]);
  });

  test('that ended long ago is recorded, and leaves the work list', async () => {
    set('job_1', 'Completed', now() - 2 * day);
    expect((await notifier.post('job_1')).body).toMatchObject({ watching: false, deliveries: [] });
    const item = await itemOf(world, 'production#job_1');
    expect(item).toMatchObject({ status: 'Completed', expiresAt: now() / 1_000 + (30 * day) / 1_000 });
    expect(item).not.toHaveProperty('watch');
    expect((await notifier.get('job_1')).body.decision).toMatchObject({ channels: [], rule: null });
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
});

describe('a trigger for an announced job', () => {
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
  test('is kept as it is, is not terminal, and stays watched', async () => {
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
});

test('from Queued to Canceled, sweep by sweep: one message, at the end', async () => {
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
