/** The lease: which worker may send, what a lost response means, and what a dead worker leaves behind. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler as createEvent } from '../../functions/event.ts';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import type { Sent } from '../../lib/channels/channel.ts';
import type { DueEntry } from '../../lib/domain/job.ts';
import { createClock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  ambiguousSends,
  day,
  deliveriesIn,
  dieAfterRecording,
  holdChannel,
  itemOf,
  itemsOf,
  latch,
  logged,
  markOf,
  minute,
  postWithin,
  second,
  statesIn,
  sweepAfter,
  sweepEvery,
  wrapChannel,
  wrapStore,
} from '../support/scene.ts';
import { lambdaContext, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const always = 1_000;
const worker = () => deploy(world, { clock: notifier.clock });
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const told = () => [world.slack.requestCount(), world.topic.publishCount()];
const item = () => itemOf(world, 'production#job_1');
const deliveries = async () => deliveriesIn((await notifier.get('job_1')).body);
/** Resolves when the table says that a delivery is sent. */
const isSent = async (key: string) => {
  while ((await deliveries())[key]?.['state'] !== 'sent');
};
/** Another worker acts just before the first write of the notifier. */
function beforeFirstSave(act: () => Promise<unknown>): void {
  let isFirst = true;
  wrapStore(notifier, (real) => ({
    save: async (...args) => {
      if (isFirst) await act();
      isFirst = false;
      return await real.save(...args);
    },
  }));
}
/** A worker that dies after it has sent a message to this channel, and before it stores the receipt. */
async function dieAfterSending(dying: Notifier, channel: string): Promise<void> {
  const sent = latch();
  wrapChannel(dying, channel, (real) => async (message, timeoutMs) => {
    await real.send(message, timeoutMs);
    sent.open();
    return new Promise<never>(() => undefined);
  });
  void dying.post('job_1');
  await sent.opened;
}
/** A job that is Completed by counters that were taken before its end, and then by others. */
const count = (failed: number, lastReportTime: string) =>
  world.setJob('job_1', { at: Date.parse('2026-01-01T10:10:00Z'), lastReportTime, failed });

describe('a worker that dies after the state write', () => {
  const functions: [string, number, (dying: Notifier) => unknown][] = [
    ['webhook', 25 * second, (dying) => dying.post('job_1')],
    ['event', 30 * second, (dying) => createEvent(dying.deps)({ jobId: 'job_1' }, lambdaContext(30 * second))],
    ['sweep', 55 * second, (dying) => createSweep(dying.deps)({}, lambdaContext(55 * second))],
  ];
  test.each(functions)(
    'leaves a lease until the deadline of its %s + 30 s, and is due then',
    async (name, time, act) => {
      set('job_1', 'Running');
      await notifier.post('job_1');
      set('job_1', 'Failed');
      const now = notifier.clock.now();
      await dieAfterRecording(world, notifier.clock, act);
      const left = await item();
      expect(left).toMatchObject({
        status: 'Failed',
        watch: 'jobs',
        dueAt: now + time + 30 * second,
        lease: { owner: expect.any(String), since: now, until: now + time + 30 * second },
      });
      expect(left).not.toHaveProperty('expiresAt');
      expect(statesIn((await notifier.get('job_1')).body)).toEqual({
        'failed/team': 'pending',
        'failed/events': 'pending',
      });

      // Before that, no other worker sends.
      notifier.clock.advance(time + 30 * second - 1);
      expect(await notifier.sweep(), name).toMatchObject({ checked: 0, sent: 0 });
      await notifier.post('job_1');
      expect(told()).toEqual([0, 0]);

      // Then another worker sends, and the delivery is marked ambiguous.
      notifier.clock.advance(1);
      expect(await notifier.sweep()).toMatchObject({ sent: 2 });
      expect(told()).toEqual([1, 1]);
      for (const delivery of Object.values(await deliveries())) {
        expect(delivery).toMatchObject({ state: 'sent', ambiguous: true });
      }
      expect(ambiguousSends(notifier)).toHaveLength(2);
      expect(await item()).not.toHaveProperty('lease');
    },
  );

  test('of several workers that take over at once, one sends', async () => {
    set('job_1', 'Failed');
    await dieAfterRecording(world, notifier.clock, (dying) => dying.post('job_1'));
    notifier.clock.advance(55 * second);
    const workers = [worker(), worker(), worker()];
    await Promise.all(workers.flatMap((one) => [one.sweep(), one.post('job_1')]));
    expect(told()).toEqual([1, 1]);
  });

  test('after one of its two receipts: only the other message is ambiguous and sent again', async () => {
    set('job_1', 'Failed');
    await dieAfterSending(worker(), 'team');
    await isSent('failed/events');
    notifier.clock.advance(55 * second);
    await notifier.sweep();
    expect(told()).toEqual([2, 1]);
    expect(await deliveries()).toMatchObject({
      'failed/team': { state: 'sent', ambiguous: true },
      'failed/events': { state: 'sent', ambiguous: false },
    });
  });

  test('after its receipts and before the lease is released: nothing is sent again', async () => {
    set('job_1', 'Failed');
    const dying = worker();
    const stuck = latch();
    let saves = 0;
    wrapStore(dying, (real) => ({
      save: (...args) => {
        saves += 1;
        if (saves === 1) return real.save(...args);
        stuck.open();
        return new Promise<never>(() => undefined);
      },
    }));
    void dying.post('job_1');
    await stuck.opened;
    expect(await item()).toHaveProperty('lease');
    notifier.clock.advance(55 * second);
    expect(await notifier.sweep()).toMatchObject({ sent: 0 });
    expect(told()).toEqual([1, 1]);
    const left = await item();
    expect(left).not.toHaveProperty('lease');
    expect(left).not.toHaveProperty('watch');
    expect(left?.expiresAt).toBeGreaterThan(0);
    for (const delivery of Object.values(await deliveries())) expect(delivery).toMatchObject({ ambiguous: false });
  });

  test('on a FIFO topic arrives exactly once', async () => {
    await world.close();
    world = await startWorld({ topicName: 'publishing-job-events.fifo' });
    notifier = deploy(world);
    set('job_1', 'Failed');
    await dieAfterSending(worker(), 'events');
    await sweepAfter(worker(), 55 * second);
    expect([world.topic.publishCount(), world.topic.messages.length]).toEqual([2, 1]);
    expect((await deliveries())['failed/events']).toMatchObject({ state: 'sent', ambiguous: false });
  });
});

describe('a worker whose clock is wrong', () => {
  /** A worker on a machine whose clock is ahead by this much. The table has the right time. */
  const workerAhead = (ms: number) => {
    const clock = Object.assign(
      createFakeClock(),
      createClock(() => Date.now() + ms),
    );
    return deploy(world, { clock });
  };

  test.each([
    ['the second one is ahead', 0, 240 * second],
    ['the second one is behind', 0, -240 * second],
    ['the first one is ahead', 240 * second, 0],
    ['the first one is behind', -240 * second, 0],
  ])('does not take over a lease that is held, and keeps its own: %s', async (_, firstMs, secondMs) => {
    const [holder, other] = [workerAhead(firstMs), workerAhead(secondMs)];
    world.setJob('job_1', { status: 'Failed', at: Date.now() });
    const slack = holdChannel(holder, 'team');
    const begunAt = Date.now();
    const posted = holder.post('job_1');
    await slack.begun;
    const heldForMs = Number((await item())?.lease?.until) - begunAt;
    expect(heldForMs).toBeGreaterThan(53 * second);
    expect(heldForMs).toBeLessThan(Date.now() - begunAt + 57 * second);
    expect(await other.sweep()).toMatchObject({ sent: 0, left: 0 });
    slack.release();
    expect(statesIn((await posted).body)).toEqual({ 'failed/team': 'sent', 'failed/events': 'sent' });
    expect(told()).toEqual([1, 1]);
    const corrections = [holder, other].flatMap(logged).filter(({ message }) => message === 'clock corrected');
    expect(corrections).toEqual([expect.objectContaining({ level: 'warn', offsetMs: expect.any(Number) })]);
  });
});

describe('the owner', () => {
  test('is another one with each write', async () => {
    world.slack.answerWith({ status: 429, body: 'rate_limited', times: always });
    set('job_1', 'Failed');
    const owners = new Set<unknown>();
    wrapChannel(notifier, 'team', (real) => async (message, timeoutMs) => {
      owners.add((await item())?.lease?.owner);
      return await real.send(message, timeoutMs);
    });
    await notifier.post('job_1');
    await sweepEvery(notifier, 15 * minute, 3);
    expect(owners.size).toBe(4);
    expect(owners).not.toContain(undefined);
  });

  test('shows a success whose response was lost, so that it is not mistaken for a defeat', async () => {
    set('job_1', 'Failed');
    // The SDK asks again when an answer is lost: the second time, the condition fails by our own write.
    wrapStore(notifier, (real) => ({
      save: async (...args) => {
        await real.save(...args);
        return await real.save(...args);
      },
    }));
    expect((await notifier.post('job_1')).body).toMatchObject({
      changed: true,
      deliveries: [{ state: 'sent' }, { state: 'sent' }],
    });
    expect(told()).toEqual([1, 1]);
    expect(await item()).not.toHaveProperty('lease');
  });

  test('shows it even after another worker has written under the lease', async () => {
    count(0, '2026-01-01T10:00:00Z');
    let isFirst = true;
    wrapStore(notifier, (real) => ({
      save: async (...args) => {
        const saved = await real.save(...args);
        if (!isFirst) return saved;
        isFirst = false;
        count(2, '2026-01-01T10:11:00Z');
        await worker().post('job_1');
        return await real.save(...args);
      },
    }));
    await notifier.post('job_1');
    await sweepAfter(notifier, minute);
    expect(Object.values(statesIn((await notifier.get('job_1')).body))).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(told()).toEqual([2, 2]);
  });
});

describe('a worker that loses the race', () => {
  test('has nothing to send', async () => {
    set('job_1', 'Failed');
    beforeFirstSave(() => worker().post('job_1'));
    expect((await notifier.post('job_1')).body).toMatchObject({ changed: false, status: 'Failed', watching: false });
    expect(told()).toEqual([1, 1]);
  });

  test('is not fooled by an index page that is old', async () => {
    set('job_1', 'Running');
    await notifier.post('job_1');
    const pages: DueEntry[][] = [];
    for await (const page of notifier.deps.store.due(notifier.clock.now())) pages.push(page);
    set('job_1', 'Failed');
    await notifier.post('job_1');
    const late = worker();
    wrapStore(late, () => ({
      async *due() {
        yield* pages;
      },
    }));
    expect(await late.sweep()).toMatchObject({ checked: 1, changed: 0, sent: 0 });
    expect(told()).toEqual([1, 1]);
  });

  test('a terminal status is never overwritten by one that was read before and written after it', async () => {
    set('job_1', 'Running');
    await notifier.post('job_1');
    set('job_1', 'Canceling');
    beforeFirstSave(() => {
      set('job_1', 'Canceled');
      return worker().post('job_1');
    });
    expect((await notifier.post('job_1')).body).toMatchObject({ status: 'Canceled', changed: false });
    expect(await item()).toMatchObject({ status: 'Canceled', decision: { outcome: 'canceled' } });
    expect(told()).toEqual([1, 1]);
  });
});

describe('a receipt', () => {
  test('that could not be stored leaves the lease to expire: sent again, and counted as ambiguous', async () => {
    set('job_1', 'Failed');
    const unlucky = worker();
    wrapStore(unlucky, (real) => ({
      saveDelivery: (job, key, delivery, known) =>
        key === 'failed/team'
          ? Promise.reject(new Error('the table is away'))
          : real.saveDelivery(job, key, delivery, known),
    }));
    expect((await unlucky.post('job_1')).status).toBe(200);
    expect(logged(unlucky)).toContainEqual(
      expect.objectContaining({ level: 'error', jobId: 'job_1', channel: 'team' }),
    );
    expect(await item()).toHaveProperty('lease');
    expect(await sweepAfter(notifier, 54 * second)).toMatchObject({ sent: 0 });
    expect(await sweepAfter(notifier, second)).toMatchObject({ sent: 1 });
    expect(told()).toEqual([2, 1]);
    expect(await deliveries()).toMatchObject({
      'failed/team': { state: 'sent', ambiguous: true },
      'failed/events': { state: 'sent', ambiguous: false },
    });
    expect(ambiguousSends(notifier)).toHaveLength(1);
  });

  test('is stored at once, before anything else is written about the channel', async () => {
    world.slack.answerWith({ status: 429, headers: { 'retry-after': '30' }, body: 'rate_limited' });
    set('job_1', 'Failed');
    await notifier.post('job_1');
    const writes: string[] = [];
    wrapStore(notifier, (real) => ({
      // The receipt of a single delivery is stored by the write that releases the lease.
      save: async (next, known, options) => {
        const saved = await real.save(next, known, options);
        if (options?.result) writes.push(`receipt of ${options.result}`);
        return saved;
      },
      writeMark: async (key, mark, options) => {
        writes.push(`${'recoveredAt' in mark ? 'end of ' : ''}${key}`);
        await real.writeMark(key, mark, options);
      },
    }));
    await sweepAfter(notifier, 30 * second);
    expect(writes).toEqual(['receipt of failed/team', 'end of cooldown#channel#team']);
  });

  test('needs neither lease nor revision: it is stored though others have written meanwhile', async () => {
    count(0, '2026-01-01T10:00:00Z');
    const slack = holdChannel(notifier, 'team');
    const posted = notifier.post('job_1');
    await slack.begun;
    const before = await item();
    count(2, '2026-01-01T10:11:00Z');
    await worker().post('job_1');
    expect((await item())?.revision).toBeGreaterThan(before?.revision ?? 0);
    slack.release();
    await posted;
    expect(Object.values(statesIn((await notifier.get('job_1')).body))).toEqual(['sent', 'sent', 'sent', 'sent']);
  });

  /** A worker that finishes its send on request, long after its lease expired. */
  const hangingSender = (end: () => Promise<Sent>) => {
    const slow = worker();
    const held = holdChannel(slow, 'team', end);
    return { ...held, done: slow.post('job_1') };
  };

  test.each([
    ['a success', () => Promise.resolve({ receipt: 'a late receipt' })],
    ['a failure', () => Promise.reject(new UpstreamError('unavailable', 'a late failure', { ambiguous: true }))],
  ])('that comes late (%s) does not overwrite what another worker has sent meanwhile', async (_name, end) => {
    set('job_1', 'Failed');
    const slow = hangingSender(end);
    await slow.begun;
    await sweepAfter(notifier, 55 * second);
    const before = await item();
    expect(before).toMatchObject({ deliveries: { 'failed/team': { state: 'sent', receipt: 'ok', error: null } } });
    slow.release();
    await slow.done;
    expect(await item()).toEqual(before);
    expect(await sweepAfter(notifier, 15 * minute)).toMatchObject({ sent: 0, left: 0 });
    expect(world.slack.requestCount()).toBe(1);
  });

  test('that comes late while another worker is sending does not make that one send twice', async () => {
    set('job_1', 'Failed');
    const slow = hangingSender(() => Promise.resolve({ receipt: 'a late receipt' }));
    await slow.begun;
    notifier.clock.advance(55 * second);
    const other = worker();
    const slack = holdChannel(other, 'team');
    const swept = other.sweep();
    await slack.begun;
    slow.release();
    await slow.done;
    slack.release();
    await swept;
    expect((await deliveries())['failed/team']).toMatchObject({ state: 'sent', receipt: 'a late receipt' });
    await sweepEvery(notifier, 2 * minute, 3);
    expect(world.slack.requestCount()).toBe(1);
    expect((await notifier.get('job_1')).body.watching).toBe(false);
  });
});

describe('a worker that is frozen after a channel accepted its message, while another one takes over and sends', () => {
  /** Freezes a worker after its message, lets another one send as well, and thaws the first one as `order` says. */
  async function thaw(channel: string, order: 'before' | 'after', frozenMs = 55 * second) {
    set('job_1', 'Failed');
    const [frozen, other] = [worker(), worker()];
    const [accepted, thawed, sent, resumed] = [latch(), latch(), latch(), latch()];
    wrapChannel(frozen, channel, (real) => async (message, timeoutMs) => {
      const result = await real.send(message, timeoutMs);
      accepted.open();
      await thawed.opened;
      return result;
    });
    wrapChannel(other, channel, (real) => async (message, timeoutMs) => {
      const result = await real.send(message, timeoutMs);
      sent.open();
      await resumed.opened;
      return result;
    });
    const posted = frozen.post('job_1');
    await accepted.opened;
    notifier.clock.advance(frozenMs);
    const swept = other.sweep();
    await sent.opened;
    const ends = [
      { go: thawed.open, done: posted },
      { go: resumed.open, done: swept },
    ];
    for (const { go, done } of order === 'before' ? ends : ends.toReversed()) {
      go();
      await done;
    }
    return (await deliveries())[`failed/${channel}`];
  }

  test.each([
    ['team', 'before'],
    ['team', 'after'],
    ['events', 'before'],
    ['events', 'after'],
  ] as const)(
    '%s has the message twice, and says so, if the first worker goes on %s the receipt',
    async (channel, order) => {
      expect(await thaw(channel, order)).toMatchObject({ state: 'sent', ambiguous: true });
      expect(channel === 'team' ? world.slack.messages.length : world.topic.messages.length).toBe(2);
      expect(await sweepAfter(notifier, 15 * minute)).toMatchObject({ sent: 0, left: 0 });
    },
  );

  test.each([
    ['before', 55 * second, 1],
    ['after', 55 * second, 1],
    ['before', 10 * minute, 2],
    ['after', 10 * minute, 2],
  ] as const)(
    'a FIFO topic is ambiguous only if it no longer deduplicates: %s the receipt, %i ms',
    async (order, ms, times) => {
      await world.close();
      world = await startWorld({ topicName: 'publishing-job-events.fifo' });
      notifier = deploy(world);
      expect(await thaw('events', order, ms)).toMatchObject({ state: 'sent', ambiguous: times === 2 });
    },
  );
});

describe('a change that B records while A holds the lease', () => {
  /** A, held while it sends its first message; B records the correction. */
  const overlap = async () => {
    count(0, '2026-01-01T10:00:00Z');
    const a = worker();
    const slack = holdChannel(a, 'team');
    const posted = a.post('job_1');
    await slack.begun;
    await isSent('completed/events');
    count(2, '2026-01-01T10:11:00Z');
    const b = worker();
    return { a, b, answer: await b.post('job_1'), go: slack.release, posted };
  };

  test('is sent by A, and only once', async () => {
    const { b, answer, go, posted } = await overlap();
    // B has recorded it, and leaves the sending to A.
    expect(answer.body).toMatchObject({ changed: true, outcome: 'completedWithWarnings', watching: true });
    expect(statesIn(answer.body)).toMatchObject({
      'completedWithWarnings/team': 'pending',
      'completedWithWarnings/events': 'pending',
    });
    await b.sweep();
    expect(told()).toEqual([0, 1]);
    go();
    const { body } = await posted;
    expect(Object.values(statesIn(body))).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(told()).toEqual([2, 2]);
    expect((await notifier.get('job_1')).body).toMatchObject({ watching: false, outcome: 'completedWithWarnings' });
    for (const one of Object.values(await deliveries())) expect(one).toMatchObject({ ambiguous: false, attempts: 1 });
    await sweepEvery(notifier, 2 * minute, 3);
    expect(told()).toEqual([2, 2]);
  });

  test('is sent by the next sweep when A dies', async () => {
    const { b } = await overlap();
    expect(await sweepAfter(b, 55 * second)).toMatchObject({ sent: 3 });
    expect(Object.values(statesIn((await notifier.get('job_1')).body))).toEqual(['sent', 'sent', 'sent', 'sent']);
    expect(told()).toEqual([2, 2]);
    expect(await deliveries()).toMatchObject({
      'completed/team': { ambiguous: true },
      'completed/events': { ambiguous: false },
    });
  });

  test('keeps the item in the work list until it is sent: leaving it needs this revision, and nothing pending', async () => {
    count(0, '2026-01-01T10:00:00Z');
    await notifier.post('job_1');
    // The last write of a sweep takes the item out of the work list; just before it, a trigger adds a delivery.
    const sweeper = worker();
    let isFirst = true;
    wrapStore(sweeper, (real) => ({
      save: async (next, known, options) => {
        if (isFirst && next.watch === null) {
          isFirst = false;
          count(2, '2026-01-01T10:11:00Z');
          await dieAfterRecording(world, notifier.clock, (dying) => dying.post('job_1'));
        }
        return await real.save(next, known, options);
      },
    }));
    await sweepAfter(sweeper, minute);
    expect(isFirst).toBe(false);
    expect(await item()).toMatchObject({ watch: 'jobs' });
    expect(await item()).not.toHaveProperty('expiresAt');
    await sweepEvery(notifier, minute, 2);
    expect(Object.values(statesIn((await notifier.get('job_1')).body))).toEqual(['sent', 'sent', 'sent', 'sent']);
  });
});

test('an item with a pending delivery does not leave the work list, whichever worker made it pending again', async () => {
  world.slack.answerWith({ status: 429, body: 'rate_limited' });
  world.topic.answerWith(snsFault(400, 'Throttling'));
  set('job_1', 'Failed');
  await notifier.post('job_1');
  // A sweep gives the delivery up; just before it takes the item out, an earlier worker stores its late failure.
  const config = world.config();
  const { team: _, ...channels } = config.channels;
  const sweeper = deploy(world, { clock: notifier.clock, config: { ...config, channels } });
  let isFirst = true;
  wrapStore(sweeper, (real) => ({
    save: async (next, known, options) => {
      const late = known?.deliveries['failed/team'];
      if (isFirst && next.watch === 'dead' && late) {
        isFirst = false;
        const nextAt = new Date(notifier.clock.now() + 2 * minute).toISOString();
        await real.saveDelivery(
          next,
          'failed/team',
          { ...late, state: 'pending', nextAt, error: 'a late failure' },
          late,
        );
      }
      return await real.save(next, known, options);
    },
  }));
  await sweepAfter(sweeper, minute);
  expect(isFirst).toBe(false);
  expect((await deliveries())['failed/team']).toMatchObject({ state: 'pending', error: 'a late failure' });
  expect(await item()).toMatchObject({ watch: 'jobs' });
  await sweepAfter(notifier, 2 * minute);
  expect((await deliveries())['failed/team']).toMatchObject({ state: 'sent' });
});

describe('the end of the invocation is near', () => {
  /** Reading a job takes so long that only this much time is left after it. */
  const readUntil = (of: Notifier, remainingMs: number, leftMs: number) => {
    const { api } = of.deps;
    const end = of.clock.now() + remainingMs;
    of.deps.api = (name) => ({
      ...api(name),
      getJob: async (id, deadline) => {
        const job = await api(name).getJob(id, deadline);
        of.clock.advance(end - leftMs - of.clock.now());
        return job;
      },
    });
  };
  /** When each message was begun, by the clock. */
  const timesOf = (of: Notifier, channel: string) => {
    const times: number[] = [];
    wrapChannel(of, channel, (real) => (message, timeoutMs) => {
      times.push(of.clock.now());
      // A send has its own end, and that lies before the deadline.
      expect(timeoutMs).toBeGreaterThan(0);
      return real.send(message, timeoutMs);
    });
    return times;
  };

  test.each([1 * second, 4 * second, 6 * second])(
    'a send that would not fit (%i ms left) is not started: recorded, no lease, and the next sweep sends it',
    async (leftMs) => {
      set('job_1', 'Failed');
      readUntil(notifier, 25 * second, leftMs);
      const { status, body } = await postWithin(notifier, 'job_1', 25 * second);
      expect([status, body.changed, body.watching]).toEqual([200, true, true]);
      expect(statesIn(body)).toEqual({ 'failed/team': 'pending', 'failed/events': 'pending' });
      expect(told()).toEqual([0, 0]);
      const left = await item();
      expect(left).not.toHaveProperty('lease');
      expect(left?.dueAt).toBeLessThanOrEqual(notifier.clock.now());
      expect(await worker().sweep()).toMatchObject({ sent: 2 });
      for (const one of Object.values(await deliveries())) expect(one).toMatchObject({ ambiguous: false, attempts: 1 });
    },
  );

  test('a send that fits starts, and ends before the deadline', async () => {
    set('job_1', 'Failed');
    readUntil(notifier, 25 * second, 9 * second);
    const deadline = notifier.clock.now() + 25 * second;
    const limits: number[] = [];
    for (const name of ['team', 'events']) {
      wrapChannel(notifier, name, (real) => (message, timeoutMs) => {
        limits.push(notifier.clock.now() + timeoutMs);
        return real.send(message, timeoutMs);
      });
    }
    await postWithin(notifier, 'job_1', 25 * second);
    expect(told()).toEqual([1, 1]);
    expect(limits).toHaveLength(2);
    for (const limit of limits) expect(limit).toBeLessThanOrEqual(deadline);
  });

  test('what was not started is released, and sent by later sweeps: 40 jobs that end in one minute', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `job_${index}`);
    const config = { ...world.config(), settings: { sweepConcurrency: 40 } };
    notifier = deploy(world, { clock: notifier.clock, config });
    for (const id of ids) {
      set(id, 'Running');
      await notifier.post(id);
    }
    for (const id of ids) set(id, 'Failed');
    notifier.clock.advance(minute);
    const times = timesOf(notifier, 'team');
    const deadline = notifier.clock.now() + 30 * second;
    const { changed, sent, left, failedDeliveries } = await notifier.sweep(30 * second);
    // SNS bears all that were read; Slack one a second, as long as one more fits.
    expect(changed + left).toBe(40);
    expect(world.topic.messages).toHaveLength(changed);
    expect(times.length).toBeGreaterThan(15);
    expect(times.length).toBeLessThan(changed);
    expect([sent, failedDeliveries]).toEqual([changed + times.length, 0]);
    for (const time of times) expect(time + 5 * second).toBeLessThanOrEqual(deadline);
    expect((await itemsOf(world)).filter(({ lease }) => lease)).toEqual([]);

    await sweepEvery(notifier, minute, 3);
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([40, 40]);
    expect(told()).toEqual([40, 40]);
    expect(ambiguousSends(notifier)).toHaveLength(0);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 0, sent: 0, left: 0 });
  });
});

describe('exactly one of `watch` and `expiresAt`', () => {
  test.each([
    [undefined, 30],
    [7, 7],
  ])('the expiry is %j -> %i days after the item left the work list, in seconds', async (keepForDays, days) => {
    if (keepForDays) notifier = deploy(world, { config: { ...world.config(), settings: { keepForDays } } });
    set('job_1', 'Failed');
    await notifier.post('job_1');
    const { expiresAt } = (await item()) ?? {};
    expect(expiresAt).toBe((notifier.clock.now() + days * day) / 1_000);
    // Asking again does not prolong it.
    notifier.clock.advance(day);
    await notifier.post('job_1');
    expect((await item())?.expiresAt).toBe(expiresAt);
    expect(await world.store.removeExpired((expiresAt ?? 0) * 1_000)).toBe(0);
    expect(await world.store.removeExpired((expiresAt ?? 0) * 1_000 + second)).toBe(1);
  });
});

describe('the items', () => {
  test('hold the few fields that messages need, not the raw response', async () => {
    world.setJob('job_1', { status: 'Running', at: notifier.clock.now(), name: 'x'.repeat(100_000) });
    await notifier.post('job_1');
    const text = JSON.stringify(await item());
    expect(text.length).toBeLessThan(4_000);
    for (const raw of ['permissions', 'isPublishRelatedItems', 'client-id-of-somebody']) {
      expect(text).not.toContain(raw);
    }
  });

  test('every function reads the cooldowns before its first request', async () => {
    world.api.fault({ call: 'job', status: 401, times: 2 });
    world.slack.answerWith({ status: 429, headers: { 'retry-after': '600' }, body: 'rate_limited' });
    set('job_1', 'Failed');
    await notifier.post('job_1');
    notifier.clock.advance(minute);
    await notifier.post('job_1');
    world.api.fault({ call: 'job', status: 401, times: 2 });
    await notifier.post('job_2');
    for (const key of ['cooldown#environment#production', 'cooldown#channel#team']) {
      expect(await markOf(world, key)).toMatchObject({
        until: expect.any(Number),
        failures: expect.any(Number),
        reason: expect.any(String),
      });
    }
    const calls = [world.api.requests.length, world.api.tokenRequests.length, ...told()];
    const { post, event, sweep } = worker();
    await post('job_3');
    await event({ jobId: 'job_4' });
    await sweep();
    expect([world.api.requests.length, world.api.tokenRequests.length, ...told()]).toEqual(calls);
  });
});

test('50 triggers, events and sweeps of several workers at once: one message to each channel', async () => {
  set('job_1', 'Running');
  await notifier.post('job_1');
  set('job_1', 'Completed');
  const workers = Array.from({ length: 5 }, worker);
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => {
      const one = workers[index % 5] ?? notifier;
      return [() => one.post('job_1'), () => one.event({ jobId: 'job_1' }), () => one.sweep()][index % 3]?.();
    }),
  );
  await sweepEvery(notifier, 2 * minute, 2);
  expect(told()).toEqual([1, 1]);
  for (const one of Object.values(await deliveries())) expect(one).toMatchObject({ state: 'sent', attempts: 1 });
});
