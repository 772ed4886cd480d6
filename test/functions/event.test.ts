/** EventBridge events that name a job, and errors that send an event to the dead-letter queue. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deploy, type Notifier } from '../support/notifier.ts';
import { itemOf, wrapStore } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

/** An event as EventBridge delivers it. */
const envelope = (detail: unknown) => ({
  version: '0',
  id: '6a7e8feb-b491-4cf7-a9f1-bf3703467718',
  'detail-type': 'Publishing Job Check',
  source: 'release-pipeline',
  account: '000000000000',
  time: '2026-01-01T10:10:00Z',
  region: 'eu-west-1',
  resources: [],
  detail,
});

describe('an event that names a job', () => {
  test.each([
    ['in an envelope', envelope({ jobId: 'job_1' })],
    ['in an envelope, with members nobody asked for', envelope({ jobId: 'job_1', status: 'Running', x: [1] })],
    ['bare, as EventBridge Scheduler sends it', { jobId: 'job_1' }],
  ])('%s: the job is checked, and its end announced immediately', async (_name, event) => {
    world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
    expect(await notifier.event(event)).toEqual({
      jobId: 'job_1',
      environment: 'production',
      status: 'Failed',
      previousStatus: null,
      changed: true,
      watching: false,
      outcome: 'failed',
      deliveries: [
        { channel: 'events', outcome: 'failed', state: 'sent' },
        { channel: 'team', outcome: 'failed', state: 'sent' },
      ],
    });
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
  });

  test('comes twice, as EventBridge may send it: announced once', async () => {
    world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
    const other = deploy(world, { clock: notifier.clock });
    await Promise.all([notifier.event(envelope({ jobId: 'job_1' })), other.event(envelope({ jobId: 'job_1' }))]);
    await notifier.event(envelope({ jobId: 'job_1' }));
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
  });

  test.each([
    ['is down', 500],
    ['does not know the job yet', 404],
    ['refuses the credential', 401],
  ])('while the API %s: recorded and watched, and nothing is thrown', async (_name, status) => {
    world.api.fault({ call: 'job', status, times: 2 });
    expect(await notifier.event({ jobId: 'job_1' })).toMatchObject({ status: null, watching: true, deliveries: [] });
    expect(await itemOf(world, 'production#job_1')).toMatchObject({ watch: 'jobs' });
    world.api.clearFaults();
    world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
    notifier.clock.advance(60_000);
    expect(await notifier.sweep()).toMatchObject({ changed: 1, sent: 2 });
  });
});

describe('bad input throws a clear error, and sends no request', () => {
  const rows: [unknown, RegExp][] = [
    [undefined, /jobId/],
    [{ jobId: 'a/b' }, /1 to 128 characters/],
    [{ jobId: 'job_1', environment: 'nowhere' }, /environment.*production/],
    [envelope(undefined), /jobId/],
    [envelope({ jobId: 'a b' }), /1 to 128 characters/],
    // The job is named by the detail alone.
    [{ ...envelope({}), jobId: 'job_1' }, /jobId/],
  ];
  test.each(rows)('%j', async (event, message) => {
    await expect(notifier.event(event)).rejects.toThrow(message);
    expect(world.calls()).toBe(0);
    expect(await itemOf(world, 'production#job_1')).toBeUndefined();
  });
});

test('a job that another worker records while it is fetched is announced once', async () => {
  world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
  const other = deploy(world, { clock: notifier.clock });
  const { api } = notifier.deps;
  notifier.deps.api = (name) => ({
    ...api(name),
    async getJob(id, deadline) {
      await other.post(id);
      return await api(name).getJob(id, deadline);
    },
  });
  // The record was read before, so the write is refused, and the decision is made again.
  expect(await notifier.event({ jobId: 'job_1' })).toMatchObject({ previousStatus: 'Failed', changed: false });
  expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
});

describe('an event that cannot be recorded throws', () => {
  test.each(['getWithMarks', 'save'] as const)('because the table fails at %s', async (method) => {
    world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
    wrapStore(notifier, () => ({ [method]: () => Promise.reject(new Error('the table is away')) }));
    await expect(notifier.event({ jobId: 'job_1' })).rejects.toThrow('the table is away');
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([0, 0]);
  });

  test('and is not lost: redriven from the dead-letter queue, it is announced once', async () => {
    world.setJob('job_1', { status: 'Failed', at: notifier.clock.now() });
    const broken = deploy(world, { clock: notifier.clock });
    wrapStore(broken, () => ({ save: () => Promise.reject(new Error('the table is away')) }));
    await expect(broken.event({ jobId: 'job_1' })).rejects.toThrow();
    expect(await notifier.event({ jobId: 'job_1' })).toMatchObject({ changed: true, outcome: 'failed' });
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
  });
});

test('metrics are written when an event throws, too', async () => {
  notifier.deps.metrics.count('dead', 7);
  await expect(notifier.event({})).rejects.toThrow();
  expect(notifier.lines.join('\n')).toContain('"dead":7');
});
