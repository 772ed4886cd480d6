/** Failures of a channel: other channels get their messages immediately, and the failing one gets its own later, once. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliveryWaitMs } from '../../lib/domain/backoff.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import type { Fault } from '../../local/faults.ts';
import { isoTime } from '../../local/publishing-job.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  ambiguousSends,
  counted,
  day,
  deliveriesIn,
  hour,
  hurrySend,
  itemOf,
  linesOf,
  logged,
  markOf,
  minute,
  second,
  statesIn,
  sweepAfter,
  sweepEvery,
} from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

async function begin(topicName?: string): Promise<void> {
  world = await startWorld(topicName ? { topicName } : {});
  notifier = deploy(world);
}
beforeEach(() => begin());
afterEach(() => world.close());

const always = 10_000;
const fail = (id: string) => world.setJob(id, { status: 'Failed', at: notifier.clock.now() });
const deliveryTo = async (channel: string, id = 'job_1') =>
  deliveriesIn((await notifier.get(id)).body)[`failed/${channel}`] ?? {};

/** `ambiguous`: whether the message may have arrived. `needsOperator`: whether retries are slow from the start. */
type Row = [name: string, fault: Fault, error: RegExp, expected: { ambiguous: boolean; needsOperator: boolean }];
const failing = { ambiguous: true, needsOperator: false };
const throttled = { ambiguous: false, needsOperator: false };
const refused = { ambiguous: false, needsOperator: true };

/** Expects sends to fail and to be retried as the row says, and to succeed after the recovery. */
async function suffer(channel: string, other: string, error: RegExp, expected: Row[3], rounds = 6): Promise<void> {
  const { ambiguous, needsOperator } = expected;
  const waits = Array.from({ length: rounds }, (_, index) =>
    deliveryWaitMs({ attempts: index + 1, needsOperator, isDeduplicated: false }),
  );
  fail('job_1');
  const { status, body } = await notifier.post('job_1');
  // The other channel has its message at once.
  expect([status, statesIn(body)]).toEqual([200, { [`failed/${channel}`]: 'pending', [`failed/${other}`]: 'sent' }]);
  for (const [index, wait] of waits.entries()) {
    const delivery = await deliveryTo(channel);
    expect(delivery).toMatchObject({ state: 'pending', attempts: index + 1, receipt: null, ambiguous });
    expect(delivery['error']).toMatch(error);
    expect(delivery['at']).toBe(new Date(notifier.clock.now()).toISOString());
    const next = Date.parse(String(delivery['nextAt']));
    expect(next - notifier.clock.now()).toBe(wait);
    // Not earlier, and by a sweep.
    notifier.clock.advance(next - notifier.clock.now() - 1);
    expect(await notifier.sweep()).toMatchObject({ sent: 0, failedDeliveries: 0, left: 0 });
    notifier.clock.advance(1);
    expect(await notifier.sweep()).toMatchObject({ sent: 0, failedDeliveries: 1 });
  }
  expect((await notifier.get('job_1')).body.watching).toBe(true);

  world.slack.clearAnswers();
  world.topic.clearAnswers();
  expect(await sweepAfter(notifier, 15 * minute)).toMatchObject({ sent: 1, failedDeliveries: 0 });
  expect(await deliveryTo(channel)).toMatchObject({
    state: 'sent',
    attempts: waits.length + 2,
    error: null,
    nextAt: null,
    ambiguous,
  });
  expect(await deliveryTo(other)).toMatchObject({ state: 'sent', attempts: 1 });
  expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
  expect((await notifier.get('job_1')).body.watching).toBe(false);
  expect(await sweepAfter(notifier, hour)).toMatchObject({ sent: 0, left: 0 });
  expect(ambiguousSends(notifier)).toHaveLength(ambiguous ? 1 : 0);
  expect(linesOf(notifier, 'delivery retry scheduled')).toHaveLength(waits.length + 1);
}

describe('Slack responds with', () => {
  test.each<Row>([
    ['500', { status: 500, body: 'rollup_error' }, /500 rollup_error/, failing],
    ['429 without a time', { status: 429, body: 'rate_limited' }, /429/, throttled],
    ['404', { status: 404, body: 'no_service' }, /404 no_service/, refused],
    ['`invalid_blocks`', { status: 400, body: 'invalid_blocks' }, /invalid_bl/, refused],
  ])('%s', async (_name, fault, error, expected) => {
    world.slack.answerWith({ ...fault, times: always });
    await suffer('team', 'events', error, expected);
  });

  test('nothing: the time-out', async () => {
    world.slack.answerWith({ kind: 'silence', times: always });
    hurrySend(notifier, 'team');
    await suffer('team', 'events', /no response within/, failing, 3);
  });

  test('not even the connection: certainly not posted', async () => {
    const config = world.config();
    config.channels['team'] = { type: 'slack', webhookUrl: 'http://127.0.0.1:9/services/T00000000/B00000000/team' };
    notifier = deploy(world, { config });
    fail('job_1');
    await notifier.post('job_1');
    expect(await deliveryTo('team')).toMatchObject({ state: 'pending', ambiguous: false, error: /cannot connect/ });
    expect(await deliveryTo('events')).toMatchObject({ state: 'sent' });
    notifier = deploy(world, { clock: notifier.clock });
    expect(await sweepAfter(notifier, minute)).toMatchObject({ sent: 1 });
    expect(await deliveryTo('team')).toMatchObject({ state: 'sent', ambiguous: false });
  });
});

describe('SNS', () => {
  test.each<Row>([
    ['throttles', snsFault(400, 'Throttled'), /Throttled/, throttled],
    ['fails inside', snsFault(500, 'InternalError'), /SNS/, failing],
    ['is missing', snsFault(404, 'NotFound'), /NotFound/, refused],
  ])('%s', async (_name, fault, error, expected) => {
    world.topic.answerWith({ ...fault, times: always });
    await suffer('events', 'team', error, expected);
  });

  test('is asked once an attempt: a repeated publish on a standard topic would be a second message', async () => {
    world.topic.answerWith({ ...snsFault(500, 'InternalError'), times: always });
    fail('job_1');
    await notifier.post('job_1');
    expect(world.topic.publishCount()).toBe(1);
  });
});

describe('Slack 429', () => {
  const limit = (headers: Record<string, string>, body: unknown = 'rate_limited') =>
    world.slack.answerWith({ status: 429, headers, body });

  test.each<[string, Record<string, string>, unknown, number]>([
    ['the header', { 'retry-after': '120' }, 'rate_limited', 2 * minute],
    ['the body', {}, { ok: false, error: 'rate_limited', retry_after: 45 }, 45 * second],
  ])('waits as long as %s says; the channel is paused, others go on', async (_name, headers, body, wait) => {
    limit(headers, body);
    fail('job_1');
    await notifier.post('job_1');
    const { nextAt } = await deliveryTo('team');
    expect(Date.parse(String(nextAt)) - notifier.clock.now()).toBe(wait);
    expect((await markOf(world, 'cooldown#channel#team'))?.['until']).toBe(notifier.clock.now() + wait);

    // The whole channel is left alone: by other jobs and by other workers too.
    notifier.clock.advance(wait - 1);
    fail('job_2');
    const other = deploy(world, { clock: notifier.clock });
    expect(statesIn((await other.post('job_2')).body)).toEqual({ 'failed/team': 'pending', 'failed/events': 'sent' });
    await other.sweep();
    expect([world.slack.requestCount(), world.topic.messages.length]).toEqual([1, 2]);
    notifier.clock.advance(1);
    expect(await other.sweep()).toMatchObject({ sent: 2, failedDeliveries: 0 });
    expect(world.slack.messages).toHaveLength(2);
    expect(await markOf(world, 'cooldown#channel#team')).toMatchObject({ recoveredAt: expect.any(String) });
  });
});

describe('the retry window', () => {
  const rows: [string, Fault][] = [
    ['500', { status: 500 }],
    ['a payload that is refused', { status: 400, body: 'invalid_blocks' }],
  ];
  test.each(rows)('has passed (%s): dead, watch `dead`, and never expires', async (_name, fault) => {
    world.slack.answerWith({ ...fault, times: always });
    fail('job_1');
    await notifier.post('job_1');
    await sweepEvery(notifier, 6 * hour, 11);
    expect(statesIn((await notifier.get('job_1')).body)).toEqual({ 'failed/team': 'pending', 'failed/events': 'sent' });
    await sweepEvery(notifier, 6 * hour, 2);
    const { body } = await notifier.get('job_1');
    expect(statesIn(body)).toEqual({ 'failed/team': 'dead', 'failed/events': 'sent' });
    expect(body.watching).toBe(false);
    expect(logged(notifier)).toContainEqual(expect.objectContaining({ message: 'delivery dead', jobId: 'job_1' }));
    expect(counted(notifier, 'dead')).toBe(1);

    const item = await itemOf(world, 'production#job_1');
    expect(item).toMatchObject({ watch: 'dead', dueAt: expect.any(Number) });
    expect(item).not.toHaveProperty('expiresAt');
    // Sweeps do not ask for it, and nothing removes it.
    const requests = world.slack.requestCount();
    expect(await sweepAfter(notifier, 15 * minute)).toMatchObject({ sent: 0, failedDeliveries: 0, left: 0 });
    expect(await world.store.removeExpired(notifier.clock.now() + 3_650 * day)).toBe(0);
    expect((await notifier.post('job_1')).body).toMatchObject({ changed: false, watching: false });
    expect(world.slack.requestCount()).toBe(requests);
  });
});

describe('a message that could not be tried', () => {
  const states = async (ids: string[]) => {
    const bodies = await Promise.all(ids.map(async (id) => (await notifier.get(id)).body));
    return bodies.map((body) => statesIn(body)['failed/team']);
  };

  test('does not die when the channel works again after the retry window: all are sent, at its pace', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `job_${index}`);
    world.slack.answerWith({ status: 429, headers: { 'retry-after': '60' }, body: 'rate_limited' });
    for (const id of ids) fail(id);
    for (const id of ids) await notifier.post(id);
    expect(world.slack.requestCount()).toBe(1);
    notifier.clock.advance(3 * day);
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      notifier.clock.advance(minute);
      await notifier.sweep(30 * second);
    }
    expect(await states(ids)).toEqual(ids.map(() => 'sent'));
    expect([world.slack.messages.length, counted(notifier, 'dead')]).toEqual([40, 0]);
  });

  test('does not die when the schedule was off for a week and the channel still fails', async () => {
    world.slack.answerWith({ status: 500, times: always });
    for (const id of ['job_1', 'job_2']) {
      fail(id);
      await notifier.post(id);
    }
    notifier.clock.advance(7 * day);
    await sweepEvery(notifier, 15 * minute, 4);
    expect(await states(['job_1', 'job_2'])).toEqual(['pending', 'pending']);
    world.slack.clearAnswers();
    await sweepEvery(notifier, 15 * minute, 2);
    expect(await states(['job_1', 'job_2'])).toEqual(['sent', 'sent']);
  });

  test('does not die of a channel that is busy, however long', async () => {
    world.slack.answerWith({ status: 500 });
    world.slack.answerWith({ status: 429, body: 'rate_limited', times: always });
    fail('job_1');
    await notifier.post('job_1');
    await sweepEvery(notifier, 6 * hour, 16);
    expect(await states(['job_1'])).toEqual(['pending']);
  });

  test('dies if the channel refuses it for three days of attempts, as do all that wait with it', async () => {
    const ids = ['job_1', 'job_2', 'job_3'];
    world.slack.answerWith({ status: 404, body: 'no_service', times: always });
    for (const id of ids) fail(id);
    for (const id of ids) await notifier.post(id);
    await sweepEvery(notifier, 15 * minute, 3);
    await sweepEvery(notifier, 2 * hour, 3 * 12 + 3);
    expect(await states(ids)).toEqual(['dead', 'dead', 'dead']);
    expect(counted(notifier, 'dead')).toBe(3);
  });
});

describe('a send whose response is lost', () => {
  test.each([
    ['Slack', 'team', 'events'],
    ['a standard topic', 'events', 'team'],
  ])('%s does not deduplicate: the message is sent again and logged as ambiguous', async (_name, channel, other) => {
    const lost = { status: 500, accepted: true };
    if (channel === 'team') world.slack.answerWith(lost);
    else world.topic.answerWith(lost);
    fail('job_1');
    await notifier.post('job_1');
    expect(await deliveryTo(channel)).toMatchObject({ state: 'pending', ambiguous: true });
    await sweepAfter(notifier, minute);
    expect(await deliveryTo(channel)).toMatchObject({ state: 'sent', ambiguous: true, attempts: 2 });
    expect(await deliveryTo(other)).toMatchObject({ state: 'sent', ambiguous: false, attempts: 1 });
    expect(ambiguousSends(notifier)).toHaveLength(1);
  });

  test('it is ambiguous even if the clock of the second worker is behind', async () => {
    const at = notifier.clock.now();
    const complete = (values: object) => world.setJob('job_1', { status: 'Completed', at, ...values });
    const ahead = deploy(world, { clock: createFakeClock(new Date(at + 5 * second).toISOString()) });
    world.slack.answerWith({ status: 500, accepted: true });
    complete({ lastReportTime: isoTime(at - minute) });
    await ahead.post('job_1');
    // Another message got through meanwhile.
    await ahead.deps.store.removeMark('cooldown#channel#team');
    // A correction takes along what it corrects.
    complete({ lastReportTime: isoTime(at + minute), failed: 3 });
    const { body } = await notifier.post('job_1');
    expect(statesIn(body)).toMatchObject({ 'completed/team': 'sent', 'completedWithWarnings/team': 'sent' });
    const deliveries = deliveriesIn((await notifier.get('job_1')).body);
    expect(deliveries['completed/team']).toMatchObject({ attempts: 2, ambiguous: true });
  });

  describe('on a FIFO topic', () => {
    const lost = { status: 500, accepted: true };
    beforeEach(async () => {
      await world.close();
      await begin('publishing-job-events.fifo');
      fail('job_1');
    });

    test('is repeated within four minutes, arrives once, and is not ambiguous', async () => {
      world.topic.answerWith(lost);
      await notifier.post('job_1');
      expect(await deliveryTo('events')).toMatchObject({ state: 'pending', ambiguous: true });
      await sweepAfter(notifier, minute);
      expect(await deliveryTo('events')).toMatchObject({ state: 'sent', ambiguous: false });
      expect([world.topic.publishCount(), world.topic.messages.length]).toEqual([2, 1]);
      expect(ambiguousSends(notifier)).toHaveLength(0);
    });

    test('and lost again and again: each retry comes within the deduplication window', async () => {
      world.topic.answerWith(lost);
      world.topic.answerWith({ ...snsFault(500, 'InternalError'), times: 3 });
      const start = notifier.clock.now();
      await notifier.post('job_1');
      for (let attempt = 1; attempt <= 3; attempt++) {
        const next = Date.parse(String((await deliveryTo('events'))['nextAt']));
        expect(next - start).toBeLessThan(4 * minute);
        await sweepAfter(notifier, next - notifier.clock.now());
      }
      expect(world.topic.publishCount()).toBe(4);
    });

    test('and repeated too late for deduplication: logged as ambiguous', async () => {
      world.topic.answerWith(lost);
      await notifier.post('job_1');
      await sweepAfter(notifier, 10 * minute);
      expect(await deliveryTo('events')).toMatchObject({ state: 'sent', ambiguous: true });
      expect(ambiguousSends(notifier)).toHaveLength(1);
    });
  });
});
