import { beforeEach, expect, test } from 'vitest';
import type { Rest } from '../../lib/domain/job.ts';
import { createLane, type Lane } from '../../lib/pipeline/channel-breaker.ts';
import { createRest, restKey } from '../../lib/pipeline/cooldown.ts';
import { UpstreamError, type UpstreamKind } from '../../lib/platform/errors.ts';
import type { Store } from '../../lib/table/store.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type Notes, settled, takeNotes } from '../support/notes.ts';

const second = 1_000;
const minute = 60 * second;
const key = restKey('channel', 'team');

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

const restInTable = async () => (await store.readMarks([key])).get(key) as Rest | undefined;
const error = (kind: UpstreamKind, retryAfterMs?: number) =>
  new UpstreamError(kind, `because of ${kind}`, { retryAfterMs });
const trouble = { until: 0, failures: 1, reason: 'before', since: '2026-01-01T10:00:00.000Z' };

/** The lane of a new invocation that lasts so long. */
async function begin({ paceMs = 0, lastsMs = 10 * minute } = {}): Promise<Lane> {
  const rest = createRest({ store, clock, log: notes.log }, key, await restInTable());
  return createLane({ ...notes, clock }, { name: 'team', paceMs }, rest, clock.now() + lastsMs);
}

/** Asks for so many turns at once; `turns` says for each when it came (ms), or that it is denied, or still waited for. */
function ask(lane: Lane, count: number): { turns: (number | 'denied' | 'waits')[] } {
  const turns: (number | 'denied' | 'waits')[] = Array.from({ length: count }, () => 'waits');
  turns.forEach((_, index) => {
    void lane.enter().then((isIn) => {
      turns[index] = isIn ? clock.now() - startedAt : 'denied';
    });
  });
  return { turns };
}

test('turns are as far apart as the place needs', async () => {
  const asked = ask(await begin({ paceMs: second }), 4);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 3_000]);
});

test('the pace counts from one turn to the next, whenever they are asked for', async () => {
  const lane = await begin({ paceMs: second });
  await lane.enter();
  clock.advance(400);
  const behind = ask(lane, 1);
  await settled();
  clock.advance(10_000);
  const later = ask(lane, 2);
  await settled();
  expect([...behind.turns, ...later.turns]).toEqual([1_000, 11_000, 12_000]);
});

test('where no pace is needed, all go at once', async () => {
  const asked = ask(await begin(), 20);
  await settled();
  expect(asked.turns).toEqual(Array(20).fill(0));
});

test('no turn begins after the last moment, and the lane says so', async () => {
  const lane = await begin({ paceMs: second, lastsMs: 2 * second });
  expect(lane.isOpen()).toBe(true);
  const asked = ask(lane, 5);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 'denied', 'denied']);
  expect(lane.isOpen()).toBe(false);
});

test('a lane whose last moment has passed is closed from the start', async () => {
  const lane = await begin({ lastsMs: -1 });
  expect(lane.isOpen()).toBe(false);
  expect(await lane.enter()).toBe(false);
});

test('a turn that is refused takes nobody else a turn away', async () => {
  const lane = await begin({ paceMs: second, lastsMs: second });
  const asked = ask(lane, 3);
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 'denied']);
});

test.each<UpstreamKind>(['unavailable', 'needsOperator', 'rateLimited', 'unreadable'])(
  'after %s the channel gets nothing more in this invocation, and one line and one count say so',
  async (kind) => {
    const lane = await begin();
    await lane.enter();
    await lane.failed(error(kind));
    expect(lane.isOpen()).toBe(false);
    expect(await lane.enter()).toBe(false);
    await lane.failed(error(kind));
    expect(notes.counts).toEqual([{ name: 'channelFailing', dimensions: { channel: 'team' } }]);
    expect(notes.lines).toMatchObject([{ level: 'error', channel: 'team', reason: `because of ${kind}` }]);
  },
);

test('who waited for a turn when the channel failed is not let in', async () => {
  const lane = await begin({ paceMs: second });
  await lane.enter();
  const asked = ask(lane, 3);
  await lane.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual(['denied', 'denied', 'denied']);
});

test('a failure without a time to wait is remembered, and the next sweep tries again', async () => {
  const lane = await begin();
  await lane.enter();
  await lane.failed(error('unavailable'));
  expect(await restInTable()).toEqual({
    until: clock.now(),
    failures: 1,
    reason: 'because of unavailable',
    since: '2026-01-01T10:10:00.000Z',
  });
  expect((await begin()).isOpen()).toBe(true);
});

test.each([
  [30 * second, 30 * second],
  [0, second],
  [24 * 60 * minute, 15 * minute],
])('told to wait %i ms, the channel rests for %i: the channel, not just the message', async (retryAfterMs, restMs) => {
  const lane = await begin();
  await lane.enter();
  await lane.failed(error('rateLimited', retryAfterMs));
  expect(await restInTable()).toMatchObject({ until: clock.now() + restMs });
  clock.advance(restMs - 1);
  const during = await begin();
  expect([during.isOpen(), await during.enter()]).toEqual([false, false]);
  clock.advance(1);
  expect((await begin()).isOpen()).toBe(true);
});

test('a refused payload says nothing about the channel', async () => {
  const lane = await begin();
  await lane.enter();
  await lane.failed(error('payloadRefused'));
  expect([lane.isOpen(), await lane.enter()]).toEqual([true, true]);
  expect([notes.lines, notes.counts, await restInTable()]).toEqual([[], [], undefined]);
});

test('a channel that was in trouble gets one message first, and the others wait for how that goes', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin();
  const asked = ask(lane, 4);
  await settled();
  expect(asked.turns).toEqual([0, 'waits', 'waits', 'waits']);
  clock.advance(700);
  await lane.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 700, 700, 700]);
  expect(await restInTable()).toBeUndefined();
});

test('after a rest the pace holds as well', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin({ paceMs: second });
  const asked = ask(lane, 4);
  await settled();
  await lane.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 1_000, 2_000, 3_000]);
});

test('a probe that fails is the only message: the others wait for another sweep', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin();
  const asked = ask(lane, 4);
  await settled();
  await lane.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual([0, 'denied', 'denied', 'denied']);
  expect(await restInTable()).toMatchObject({ failures: 2, since: trouble.since });
});

test('who comes after the probe has gone through waits for nothing', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin();
  await lane.enter();
  await lane.succeeded();
  const asked = ask(lane, 2);
  await settled();
  expect(asked.turns).toEqual([0, 0]);
});

// A message that could not be made, or was refused for what it says, has not shown that others get through.
test('after a probe whose payload was refused the next message is the probe', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin();
  const asked = ask(lane, 4);
  await settled();
  await lane.failed(error('payloadRefused'));
  await settled();
  expect(asked.turns).toEqual([0, 0, 'waits', 'waits']);
  await lane.failed(error('unavailable'));
  await settled();
  expect(asked.turns).toEqual([0, 0, 'denied', 'denied']);
});

test('a message that got through beside a failure does not end the rest: it was sent before', async () => {
  const lane = await begin();
  await Promise.all([lane.enter(), lane.enter()]);
  await lane.failed(error('rateLimited', 10 * minute));
  await lane.succeeded();
  expect(lane.isOpen()).toBe(false);
  expect(await restInTable()).toMatchObject({ until: clock.now() + 10 * minute });
});

test('a wait that is asked for counts, although another message has failed before', async () => {
  const lane = await begin();
  await Promise.all([lane.enter(), lane.enter()]);
  await lane.failed(error('unavailable'));
  await lane.failed(error('rateLimited', 10 * minute));
  expect(await restInTable()).toMatchObject({ until: clock.now() + 10 * minute });
});

test('what cannot be written about the channel stops no message', async () => {
  await store.writeMark(key, trouble);
  const lane = await begin();
  const down = () => Promise.reject(new Error('the table is down'));
  Object.assign(store, { writeMark: down, removeMark: down });
  const asked = ask(lane, 3);
  await settled();
  await lane.succeeded();
  await settled();
  expect(asked.turns).toEqual([0, 0, 0]);
  await lane.failed(error('unavailable'));
  expect(await lane.enter()).toBe(false);
  expect(notes.lines.map(({ message }) => message)).toEqual([
    'a rest could not be written',
    'channel failing',
    'a rest could not be written',
  ]);
});
