/** Workers that send to one channel at the same time keep its pace together. */

import { beforeEach, expect, test } from 'vitest';
import { createSimulatedTime, type SimulatedTime } from '../../bench/simulated-time.ts';
import { createPace, type Pace, paceKey } from '../../lib/pipeline/pace.ts';
import type { Store } from '../../lib/table/store.ts';
import { createMemoryStore } from '../support/memory-store.ts';

const second = 1_000;
const beginning = Date.parse('2026-01-01T10:00:00.000Z');
const [burst, tableMs] = [3, 5];

let time: SimulatedTime;
let store: Store;
/** How many turns each write claimed. */
let claims: number[];
beforeEach(() => {
  time = createSimulatedTime(beginning);
  claims = [];
  const memory = createMemoryStore();
  store = {
    ...memory,
    async claimTime(key, claim) {
      claims.push(claim.ms / second);
      const begin = await memory.claimTime(key, claim);
      await time.clock.wait(tableMs);
      return begin;
    },
  };
});

async function worker(): Promise<Pace> {
  const mark = (await store.readMarks([paceKey('team')])).get(paceKey('team')) as { until: number } | undefined;
  return createPace({ store, clock: time.clock }, { name: 'team', minIntervalMs: second, burst }, mark);
}
/** When each of so many turns comes that begin in time, all in seconds from the beginning. */
async function turnsOf(workers: Pace[], each: number, latest = Number.POSITIVE_INFINITY): Promise<number[]> {
  const turns: (number | undefined)[] = [];
  for (const pace of workers)
    for (let turn = 0; turn < each; turn++)
      void pace.claim(beginning + latest * second).then((at) => turns.push(at && (at - beginning) / second));
  await time.pass(second / 10);
  expect(turns).toHaveLength(workers.length * each);
  return turns.filter((at) => at !== undefined).sort((one, other) => one - other);
}
/** The most turns that begin within so many seconds. */
const mostWithin = (turns: number[], seconds: number) =>
  Math.max(...turns.map((from) => turns.filter((at) => at >= from && at < from + seconds).length));

test('a short burst is allowed after a pause, and then one message a second, however many workers there are', async () => {
  const turns = await turnsOf([await worker(), await worker(), await worker()], 10);
  expect(turns).toHaveLength(30);
  expect(turns.at(-1)).toBeLessThanOrEqual(30 - burst);
  for (const seconds of [1, 2, 5, 10, 20]) expect(mostWithin(turns, seconds)).toBeLessThanOrEqual(seconds + burst);
});

test('what a burst has used comes back only with time', async () => {
  const pace = await worker();
  const first = await turnsOf([pace], burst);
  time.later(2 * second, () => undefined);
  await time.pass(2 * second);
  const next = await turnsOf([pace], burst);
  expect([first, next].map((turns) => turns.filter((at) => at - (turns[0] ?? 0) < 0.5).length)).toEqual([3, 2]);
});

test('turns that are asked for at the same time are claimed in one write', async () => {
  await turnsOf([await worker()], 20);
  expect(claims).toEqual([1, 19]);
});

test('a worker knows how far the others have claimed', async () => {
  const idle = await worker();
  await turnsOf([await worker()], 20);
  const late = await worker();
  const aheadOf = (pace: Pace) => Math.round((pace.next() - time.clock.now()) / second);
  expect([aheadOf(idle), aheadOf(late)]).toEqual([0, 20 - burst + 1]);
});

test.each([
  [200, 1],
  [10, 20],
])(
  '%i workers that begin at once, with %i messages each, claim only the turns that come in time',
  async (workers, each) => {
    const paces = await Promise.all(Array.from({ length: workers }, worker));
    const turns = await turnsOf(paces, each, 15);
    expect([turns.length, Math.max(...turns)]).toEqual([15 + burst, 15]);
    // The last one, which got less than it asked for, knows where the claims end, and the next one continues there.
    const late = await worker();
    expect([paces.at(-1)?.next(), late.next()]).toEqual(Array(2).fill(beginning + 16 * second));
    expect(await turnsOf([late], 5, 18)).toEqual([16, 17, 18]);
  },
);

test('a worker whose last turn has passed claims nothing', async () => {
  const pace = await worker();
  await time.pass(second);
  expect([await turnsOf([pace], 1, 0.5), claims]).toEqual([[], []]);
});

test('a claim of a clock that was an hour ahead holds nobody up', async () => {
  await store.writeMark(paceKey('team'), { until: beginning + 3_600 * second });
  const pace = await worker();
  expect(pace.next()).toBe(beginning);
  expect(await turnsOf([pace], 1)).toEqual([0]);
});

test('a channel without a pace claims nothing', async () => {
  const pace = createPace({ store, clock: time.clock }, { name: 'events', minIntervalMs: 0 }, undefined);
  expect([await pace.claim(0), pace.next(), claims]).toEqual([beginning, beginning, []]);
});
