import { beforeEach, expect, test } from 'vitest';
import type { Cooldown } from '../../lib/domain/job.ts';
import { cooldownKey, createCooldown } from '../../lib/pipeline/cooldown.ts';
import type { Store } from '../../lib/table/store.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type Notes, takeNotes } from '../support/notes.ts';

const key = cooldownKey('environment', 'production');

let store: Store;
let clock: FakeClock;
let notes: Notes;
beforeEach(() => {
  store = createMemoryStore();
  clock = createFakeClock();
  notes = takeNotes();
});

const inTable = async () => (await store.readMarks([key])).get(key) as Cooldown | undefined;
const begin = async () => createCooldown({ store, clock, log: notes.log }, key, await inTable());

test('cooldowns have these keys', () => {
  expect([cooldownKey('environment', 'production'), cooldownKey('channel', 'team')]).toEqual([
    'cooldown#environment#production',
    'cooldown#channel#team',
  ]);
});

test('without a failure there is no cooldown and no write', async () => {
  const refuse = () => Promise.reject(new Error('nothing is to be written'));
  Object.assign(store, { writeMark: refuse, removeMark: refuse });
  const cooldown = await begin();
  await cooldown.end();
  expect([cooldown.current(), cooldown.isCoolingDown(), notes.lines]).toEqual([undefined, false, []]);
});

test('a cooldown lasts until its time, for this invocation and for others', async () => {
  const cooldown = await begin();
  await cooldown.begin('slow down', () => 30_000);
  const other = await begin();
  expect([cooldown.isCoolingDown(), other.isCoolingDown()]).toEqual([true, true]);
  expect(other.current()).toEqual({
    until: clock.now() + 30_000,
    failures: 1,
    reason: 'slow down',
    since: '2026-01-01T10:10:00.000Z',
  });
  clock.advance(29_999);
  expect([cooldown.isCoolingDown(), other.isCoolingDown()]).toEqual([true, true]);
  clock.advance(1);
  expect([cooldown.isCoolingDown(), other.isCoolingDown()]).toEqual([false, false]);
  // The failure stays on record until a success.
  expect(other.current()).toBeDefined();
});

test('failures accumulate and keep the time of the first one', async () => {
  const seen: number[] = [];
  const wait = (failures: number) => {
    seen.push(failures);
    return 1_000 * failures;
  };
  for (let count = 0; count < 3; count++) {
    await (await begin()).begin(`failure ${count}`, wait);
    clock.advance(60_000);
  }
  expect(seen).toEqual([1, 2, 3]);
  expect(await inTable()).toMatchObject({ failures: 3, reason: 'failure 2', since: '2026-01-01T10:10:00.000Z' });
});

test('failures within one invocation count as one, with the longest wait', async () => {
  const cooldown = await begin();
  for (const ms of [1_000, 30_000, 5_000]) await cooldown.begin('slow down', () => ms);
  expect(await inTable()).toMatchObject({ failures: 1, until: clock.now() + 30_000 });
});

test('a failure after a recovery starts a new count, even in the same invocation', async () => {
  for (let count = 0; count < 3; count++) {
    await (await begin()).begin('before', () => 1_000);
    clock.advance(60_000);
  }
  const cooldown = await begin();
  await cooldown.end();
  await cooldown.begin('after', (failures) => failures * 1_000);
  expect(await inTable()).toEqual({
    until: clock.now() + 1_000,
    failures: 1,
    reason: 'after',
    since: new Date(clock.now()).toISOString(),
  });
});

test('a failure without a wait is stored and pauses nothing', async () => {
  await (await begin()).begin('failed');
  const cooldown = await begin();
  expect(cooldown.isCoolingDown()).toBe(false);
  expect(cooldown.current()).toMatchObject({ failures: 1, until: clock.now() });
});

test('a recovery ends the cooldown, and stays on record with the time and the trouble', async () => {
  await (await begin()).begin('failed', () => 1_000);
  clock.advance(500);
  const cooldown = await begin();
  await cooldown.end();
  for (const each of [cooldown, await begin()])
    expect([each.current(), each.isCoolingDown()]).toEqual([undefined, false]);
  expect(await inTable()).toMatchObject({
    reason: 'failed',
    since: '2026-01-01T10:10:00.000Z',
    recoveredAt: '2026-01-01T10:10:00.500Z',
  });
});

test('a success after the recovery writes nothing', async () => {
  await (await begin()).begin('failed');
  await (await begin()).end();
  const recovered = await inTable();
  clock.advance(1_000);
  await (await begin()).end();
  expect(await inTable()).toEqual(recovered);
});

test('a cooldown that cannot be written or removed is logged and ignored', async () => {
  const cooldown = await begin();
  const down = () => Promise.reject(new Error('the table is down'));
  Object.assign(store, { writeMark: down, removeMark: down });
  await expect(cooldown.begin('failed', () => 1_000)).resolves.toBeUndefined();
  expect(cooldown.isCoolingDown()).toBe(true);
  await expect(cooldown.end()).resolves.toBeUndefined();
  expect(cooldown.isCoolingDown()).toBe(false);
  expect(notes.lines).toMatchObject([
    { level: 'warn', message: 'cooldown write failed', cooldown: key },
    { level: 'info', message: 'cooldown ended', cooldown: key },
    { level: 'warn', message: 'cooldown write failed', cooldown: key },
  ]);
});
