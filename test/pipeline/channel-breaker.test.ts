import { beforeEach, expect, test } from 'vitest';
import type { Cooldown } from '../../lib/domain/job.ts';
import { type ChannelBreaker, createChannelBreaker } from '../../lib/pipeline/channel-breaker.ts';
import { cooldownKey, createCooldown } from '../../lib/pipeline/cooldown.ts';
import { createPace, paceKey } from '../../lib/pipeline/pace.ts';
import { UpstreamError, type UpstreamKind } from '../../lib/platform/errors.ts';
import type { Store } from '../../lib/table/store.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type Notes, settled, takeNotes } from '../support/notes.ts';

const second = 1_000;
const minute = 60 * second;
const key = cooldownKey('channel', 'team');

let store: Store;
let clock: FakeClock;
let notes: Notes;
let startedAt: number;
beforeEach(() => {
  store = createMemoryStore();
  clock = createFakeClock();
  notes = takeNotes();
  startedAt = clock.now();
});

const cooldownInTable = async () => (await store.readMarks([key])).get(key) as Cooldown | undefined;
const error = (kind: UpstreamKind, retryAfterMs?: number) =>
  new UpstreamError(kind, `because of ${kind}`, { retryAfterMs });
const trouble = { until: 0, failures: 1, reason: 'before', since: '2026-01-01T10:00:00.000Z' };

/** The breaker of a new invocation that lasts so long. */
async function begin({
  minIntervalMs = 0,
  burst = 1,
  lastsMs = 10 * minute,
  mostAheadMs = 10 * minute,
} = {}): Promise<ChannelBreaker> {
  const cooldown = createCooldown({ store, clock, log: notes.log }, key, await cooldownInTable());
  const mark = (await store.readMarks([paceKey('team')])).get(paceKey('team')) as { until: number } | undefined;
  const pace = createPace({ store, clock }, { name: 'team', minIntervalMs, burst }, mark);
  const lastTurnAt = clock.now() + lastsMs;
  const turns = { lastTurnAt: () => lastTurnAt, mostAheadMs };
  return createChannelBreaker({ ...notes, clock }, { name: 'team', pace }, cooldown, turns);
}

/** Requests this many turns at once. `turns` holds when each one came (ms), or that it was denied or still waits. */
function ask(breaker: ChannelBreaker, count: number): { turns: (number | 'denied' | 'waits')[] } {
  const turns: (number | 'denied' | 'waits')[] = Array.from({ length: count }, () => 'waits');
  turns.forEach((_, index) => {
    void breaker.enter().then((isIn) => {
      turns[index] = isIn ? clock.now() - startedAt : 'denied';
    });
  });
  return { turns };
}

test('turns are as far apart as the channel needs', async () => {
  const asked = ask(await begin({ minIntervalMs: second }), 4);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 3_000]);
});

test('the interval counts from one turn to the next', async () => {
  const breaker = await begin({ minIntervalMs: second });
  await breaker.enter();
  clock.advance(400);
  const behind = ask(breaker, 1);
  await settled();
  clock.advance(10_000);
  const later = ask(breaker, 2);
  await settled();
  expect([...behind.turns, ...later.turns]).toEqual([1_000, 11_000, 12_000]);
});

test('without an interval all turns start at once', async () => {
  const asked = ask(await begin(), 20);
  await settled();
  expect(asked.turns).toEqual(Array(20).fill(0));
});

test('no turn begins after the last moment, and the breaker says so', async () => {
  const breaker = await begin({ minIntervalMs: second, lastsMs: 2 * second });
  expect(breaker.acceptsMessages()).toBe(true);
  const asked = ask(breaker, 5);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 'denied', 'denied']);
  expect(breaker.acceptsMessages()).toBe(false);
});

test('turns are claimed no further ahead than the next poll, and again as time passes', async () => {
  const breaker = await begin({ minIntervalMs: second, mostAheadMs: 2 * second });
  const asked = ask(breaker, 5);
  await settled();
  const later = ask(breaker, 1);
  await settled();
  expect([asked.turns, later.turns]).toEqual([[0, 1_000, 2_000, 'denied', 'denied'], [3_000]]);
});

test.each<[what: string, claim: Store['claimTime']]>([
  [
    'that comes late, because the process was frozen, has expired',
    async (_, { now }) => {
      clock.advance(6 * second);
      return { isClaimed: true, begin: now };
    },
  ],
  ['that the table does not grant is none', () => Promise.reject(new Error('throttled'))],
])('a turn %s', async (_, claimTime) => {
  Object.assign(store, { claimTime });
  const breaker = await begin({ minIntervalMs: second });
  expect(await breaker.enter()).toBe(false);
});

test('a breaker whose last moment has passed is closed from the start', async () => {
  const breaker = await begin({ lastsMs: -1 });
  expect(breaker.acceptsMessages()).toBe(false);
  expect(await breaker.enter()).toBe(false);
});

test('a refused turn costs no other turn', async () => {
  const breaker = await begin({ minIntervalMs: second, lastsMs: second });
  const asked = ask(breaker, 3);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 'denied']);
});

test.each<UpstreamKind>(['unavailable', 'needsOperator', 'rateLimited', 'unreadable'])(
  'after %s the channel gets nothing more in this invocation, and one line says so',
  async (kind) => {
    const breaker = await begin();
    await breaker.enter();
    await breaker.failed(error(kind));
    expect(breaker.acceptsMessages()).toBe(false);
    expect(await breaker.enter()).toBe(false);
    await breaker.failed(error(kind));
    expect(notes.lines).toMatchObject([{ level: 'error', channel: 'team', reason: `because of ${kind}` }]);
  },
);

test('a worker that waits for a turn when the channel fails is refused', async () => {
  const breaker = await begin({ minIntervalMs: second });
  await breaker.enter();
  const asked = ask(breaker, 3);
  await breaker.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual(['denied', 'denied', 'denied']);
});

test('a failure without a time to wait is remembered, and the next sweep tries again', async () => {
  const breaker = await begin();
  await breaker.enter();
  await breaker.failed(error('unavailable'));
  expect(await cooldownInTable()).toEqual({
    until: clock.now(),
    failures: 1,
    reason: 'because of unavailable',
    since: '2026-01-01T10:10:00.000Z',
  });
  expect((await begin()).acceptsMessages()).toBe(true);
});

test.each([
  [30 * second, 30 * second],
  [0, second],
  [24 * 60 * minute, 15 * minute],
])(
  'told to wait %i ms, the channel is paused for %i: the channel, not just the message',
  async (retryAfterMs, restMs) => {
    const breaker = await begin();
    await breaker.enter();
    await breaker.failed(error('rateLimited', retryAfterMs));
    expect(await cooldownInTable()).toMatchObject({ until: clock.now() + restMs });
    clock.advance(restMs - 1);
    const during = await begin();
    expect([during.acceptsMessages(), await during.enter()]).toEqual([false, false]);
    clock.advance(1);
    expect((await begin()).acceptsMessages()).toBe(true);
  },
);

test('a refused payload says nothing about the channel', async () => {
  const breaker = await begin();
  await breaker.enter();
  await breaker.failed(error('payloadRefused'));
  expect([breaker.acceptsMessages(), await breaker.enter()]).toEqual([true, true]);
  expect([notes.lines, await cooldownInTable()]).toEqual([[], undefined]);
});

test('a channel that was failing gets one message first, and the others wait for how that goes', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin();
  const asked = ask(breaker, 4);
  await settled();
  expect(asked.turns).toEqual([0, 'waits', 'waits', 'waits']);
  clock.advance(700);
  await breaker.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 700, 700, 700]);
  expect(await cooldownInTable()).toMatchObject({ recoveredAt: expect.any(String) });
});

test('the interval also applies after a cooldown', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin({ minIntervalMs: second });
  const asked = ask(breaker, 4);
  await settled();
  await breaker.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 3_000]);
});

test('a probe that fails is the only message: the others wait for another sweep', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin();
  const asked = ask(breaker, 4);
  await settled();
  await breaker.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual([0, 'denied', 'denied', 'denied']);
  expect(await cooldownInTable()).toMatchObject({ failures: 2, since: trouble.since });
});

test('after a successful probe no turn waits', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin();
  await breaker.enter();
  await breaker.succeeded();
  const asked = ask(breaker, 2);
  await settled();
  expect(asked.turns).toEqual([0, 0]);
});

// A message that could not be made, or was refused for what it says, has not shown that others get through.
test('after a probe whose payload was refused the next message is the probe', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin();
  const asked = ask(breaker, 4);
  await settled();
  await breaker.failed(error('payloadRefused'));
  await settled();
  expect(asked.turns).toEqual([0, 0, 'waits', 'waits']);
  await breaker.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual([0, 0, 'denied', 'denied']);
});

test('a success beside a failure does not end the cooldown: its message was sent earlier', async () => {
  const breaker = await begin();
  await Promise.all([breaker.enter(), breaker.enter()]);
  await breaker.failed(error('rateLimited', 10 * minute));
  await breaker.succeeded();
  expect(breaker.acceptsMessages()).toBe(false);
  expect(await cooldownInTable()).toMatchObject({ until: clock.now() + 10 * minute });
});

test('a wait that is asked for counts, although another message has failed before', async () => {
  const breaker = await begin();
  await Promise.all([breaker.enter(), breaker.enter()]);
  await breaker.failed(error('unavailable'));
  await breaker.failed(error('rateLimited', 10 * minute));
  expect(await cooldownInTable()).toMatchObject({ until: clock.now() + 10 * minute });
});

test('what cannot be written about the channel stops no message', async () => {
  await store.writeMark(key, trouble);
  const breaker = await begin();
  const down = () => Promise.reject(new Error('the table is down'));
  Object.assign(store, { writeMark: down, removeMark: down });
  const asked = ask(breaker, 3);
  await settled();
  await breaker.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 0, 0]);
  await breaker.failed(error('unavailable'));
  expect(await breaker.enter()).toBe(false);
  expect(notes.lines.map(({ message }) => message)).toEqual([
    'cooldown ended',
    'cooldown write failed',
    'channel paused',
    'cooldown write failed',
  ]);
});
