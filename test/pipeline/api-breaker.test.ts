import { beforeEach, expect, test } from 'vitest';
import { backoffMs } from '../../lib/domain/backoff.ts';
import type { Cooldown, Job } from '../../lib/domain/job.ts';
import { createApiBreaker } from '../../lib/pipeline/api-breaker.ts';
import { cooldownKey, createCooldown } from '../../lib/pipeline/cooldown.ts';
import { UpstreamError, type UpstreamKind } from '../../lib/platform/errors.ts';
import type { Store } from '../../lib/table/store.ts';
import { bareJob, minute } from '../support/builders.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type Notes, takeNotes } from '../support/notes.ts';

const key = cooldownKey('environment', 'production');
const job = bareJob('Running');

let store: Store;
let clock: FakeClock;
let notes: Notes;
/** What the API does with each job, in the order in which it is asked. */
let answers: (() => Promise<Job>)[];
let asked: string[];
beforeEach(() => {
  store = createMemoryStore();
  clock = createFakeClock();
  notes = takeNotes();
  answers = [];
  asked = [];
});

const api = {
  getJob: async (jobId: string): Promise<Job> => {
    asked.push(jobId);
    return await (answers.shift() ?? (async () => job))();
  },
  listJobs: () => Promise.reject(new Error('a breaker asks for jobs only')),
  permissions: () => Promise.reject(new Error('a breaker asks for jobs only')),
};

const refuse = (kind: UpstreamKind, retryAfterMs?: number) => () =>
  Promise.reject(new UpstreamError(kind, `because of ${kind}`, { retryAfterMs }));
const times = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value);

const jobList = () => Promise.reject(new Error('a breaker asks for jobs only'));

const cooldownInTable = async () => (await store.readMarks([key])).get(key) as Cooldown | undefined;

/** The breaker of a new invocation. */
async function begin() {
  const cooldown = createCooldown({ store, clock, log: notes.log }, key, await cooldownInTable());
  const breaker = createApiBreaker({ ...notes, api, jobList, clock }, 'production', cooldown);
  return { breaker, read: (jobId = 'job_1') => breaker.read(jobId, clock.now() + 8_000) };
}

const closings = () => notes.lines.filter(({ message }) => message === 'environment paused');

test('a job that could be read is given, and counted as found', async () => {
  const { breaker, read } = await begin();
  expect(await read('job_7')).toEqual({ kind: 'job', job });
  expect([breaker.found(), asked]).toEqual([1, ['job_7']]);
  expect(notes.lines).toEqual([]);
});

test.each<[UpstreamKind, object]>([
  ['notFound', { kind: 'notFound', error: 'because of notFound' }],
  ['forbidden', { kind: 'unreadable', error: 'because of forbidden' }],
  ['unavailable', { kind: 'unreadable', error: 'because of unavailable' }],
  ['unreadable', { kind: 'unreadable', error: 'because of unreadable' }],
  ['credentialRefused', { kind: 'notAsked', error: 'because of credentialRefused' }],
  ['tokenUnavailable', { kind: 'notAsked', error: 'because of tokenUnavailable' }],
  ['rateLimited', { kind: 'notAsked', error: 'because of rateLimited' }],
])('%s becomes a reading that says why', async (kind, expected) => {
  answers = [refuse(kind)];
  const { breaker, read } = await begin();
  expect(await read()).toMatchObject(expected);
  expect(breaker.found()).toBe(0);
});

test.each<UpstreamKind>(['notFound', 'forbidden', 'unavailable', 'unreadable'])(
  '%s of one job keeps nobody from asking for the next',
  async (kind) => {
    answers = [refuse(kind)];
    const { read } = await begin();
    await read();
    expect(await read()).toEqual({ kind: 'job', job });
    expect(closings()).toEqual([]);
    expect(await cooldownInTable()).toBeUndefined();
  },
);

test('a bug of our own is thrown on, and closes nothing', async () => {
  answers = [() => Promise.reject(new TypeError('a bug'))];
  const { read } = await begin();
  await expect(read()).rejects.toThrow(TypeError);
  expect(await read()).toEqual({ kind: 'job', job });
});

test('ten failures in a row mean that the API is down: no further request, one line, one count', async () => {
  answers = times(50, refuse('unavailable'));
  const { read } = await begin();
  const kinds: string[] = [];
  for (let count = 0; count < 30; count++) kinds.push((await read()).kind);
  expect(kinds).toEqual([...times(10, 'unreadable'), ...times(20, 'notAsked')]);
  expect(asked).toHaveLength(10);
  expect(notes.lines).toMatchObject([
    { level: 'error', environment: 'production', reason: expect.stringMatching(/API is down: 10 .+ unavailable$/) },
  ]);
  expect([closings().length, notes.counts]).toEqual([1, ['trouble']]);
});

test('an API that is down is asked again by the next sweep', async () => {
  answers = times(10, refuse('unavailable'));
  const { read } = await begin();
  for (let count = 0; count < 10; count++) await read();
  expect(await read()).toMatchObject({ kind: 'notAsked', error: expect.stringContaining('API is down') });
  expect(await (await begin()).read()).toEqual({ kind: 'job', job });
});

test('failures in a row are those of this invocation', async () => {
  answers = times(9, refuse('unavailable'));
  const first = await begin();
  for (let count = 0; count < 9; count++) await first.read();
  answers = [refuse('unavailable')];
  const second = await begin();
  await second.read();
  expect((await second.read()).kind).toBe('job');
});

test.each<[string, () => Promise<Job>]>([
  ['a job that can be read', async () => job],
  ['a job that the API does not know', refuse('notFound')],
])('%s between two failures shows that the API is up', async (_, answer) => {
  answers = [...times(9, refuse('unavailable')), answer, ...times(9, refuse('unreadable'))];
  const { read } = await begin();
  for (let count = 0; count < 19; count++) expect((await read()).kind).not.toBe('notAsked');
  expect(closings()).toEqual([]);
});

test('twenty at once that fail close once', async () => {
  answers = times(20, refuse('unavailable'));
  const { read } = await begin();
  await Promise.all(times(20, 0).map(() => read()));
  expect(closings()).toHaveLength(1);
  expect(notes.lines).toHaveLength(1);
  expect((await read()).kind).toBe('notAsked');
});

test('a refused credential pauses the environment with backoff', async () => {
  const waits: number[] = [];
  const startedAt = new Date(clock.now()).toISOString();
  for (let count = 0; count < 7; count++) {
    answers = [refuse('credentialRefused')];
    const { read } = await begin();
    const reading = await read();
    expect(reading).toMatchObject({ kind: 'notAsked', error: 'because of credentialRefused', since: startedAt });
    const until = (await cooldownInTable())?.until ?? 0;
    waits.push(until - clock.now());
    clock.advance(until - clock.now() - 1);
    // Still paused: no request is sent, and the reading says so and until when.
    expect(await (await begin()).read()).toEqual({
      kind: 'notAsked',
      error: 'because of credentialRefused',
      retryAfterMs: 1,
      since: startedAt,
    });
    clock.advance(1);
  }
  expect(waits).toEqual([1, 2, 3, 4, 5, 6, 7].map(backoffMs));
  expect(asked).toHaveLength(7);
  expect(notes.lines.map(({ level, message }) => `${level} ${message}`)).toEqual(times(7, 'error environment paused'));
});

test('a credential that is refused for twenty jobs at once is one cooldown and one line', async () => {
  answers = times(20, refuse('credentialRefused'));
  const { read } = await begin();
  const readings = await Promise.all(times(20, 0).map(() => read()));
  expect(readings.every(({ kind }) => kind === 'notAsked')).toBe(true);
  expect(await cooldownInTable()).toMatchObject({ failures: 1, until: clock.now() + minute });
  expect(notes.lines).toHaveLength(1);
});

test('a successful reading ends the cooldown: the next cooldown is short again', async () => {
  for (let count = 0; count < 3; count++) {
    answers = [refuse('credentialRefused')];
    await (await begin()).read();
    clock.advance(15 * minute);
  }
  expect(await (await begin()).read()).toEqual({ kind: 'job', job });
  expect(await cooldownInTable()).toMatchObject({ recoveredAt: expect.any(String) });
  answers = [refuse('credentialRefused')];
  await (await begin()).read();
  expect(await cooldownInTable()).toMatchObject({ failures: 1, until: clock.now() + minute });
});

test.each<[number, number]>([
  [30_000, 30_000],
  [0, 1_000],
  [15 * minute, 15 * minute],
  [24 * 60 * minute, 15 * minute],
])('too many requests with %i ms to wait: the environment is paused for %i', async (retryAfterMs, restedMs) => {
  for (const kind of ['rateLimited', 'tokenUnavailable'] as const) {
    await store.removeMark(key);
    answers = [refuse(kind, retryAfterMs)];
    const { read } = await begin();
    expect(await read()).toMatchObject({ kind: 'notAsked', retryAfterMs: restedMs });
    expect(await cooldownInTable()).toMatchObject({ until: clock.now() + restedMs });
    expect((await read()).kind).toBe('notAsked');
    expect((await (await begin()).read()).kind).toBe('notAsked');
    clock.advance(restedMs);
    expect((await (await begin()).read()).kind).toBe('job');
  }
  expect(asked).toHaveLength(4);
});

test.each<UpstreamKind>(['rateLimited', 'tokenUnavailable'])(
  '%s with no time to wait: no request is sent until the next sweep',
  async (kind) => {
    answers = [refuse(kind)];
    const { read } = await begin();
    await read();
    expect(await read()).toMatchObject({ kind: 'notAsked', retryAfterMs: undefined });
    expect(asked).toHaveLength(1);
    expect((await (await begin()).read()).kind).toBe('job');
  },
);

/** Two jobs that are asked for at the same time, the first of them answered last. */
async function overtaken(slow: () => Promise<Job>, fast: () => Promise<Job>) {
  const { promise, resolve } = Promise.withResolvers<void>();
  answers = [() => promise.then(slow), fast];
  const { read } = await begin();
  const first = read('slow');
  await read('fast');
  resolve();
  return await first;
}

test.each<[UpstreamKind, number | undefined, number]>([
  ['rateLimited', 10 * minute, 10 * minute],
  ['credentialRefused', undefined, minute],
])(
  'a job that was read beside %s does not end the cooldown: its request was sent earlier',
  async (kind, retryAfterMs, restMs) => {
    expect(await overtaken(async () => job, refuse(kind, retryAfterMs))).toEqual({ kind: 'job', job });
    expect(await cooldownInTable()).toMatchObject({ until: clock.now() + restMs });
    expect((await (await begin()).read()).kind).toBe('notAsked');
  },
);

test('a wait that the API asks for counts, although the breaker was closed for another reason meanwhile', async () => {
  await overtaken(refuse('rateLimited', 10 * minute), refuse('tokenUnavailable'));
  expect(await cooldownInTable()).toMatchObject({ until: clock.now() + 10 * minute });
});

test('an environment whose jobs are all unknown is paused, with the reason', async () => {
  const { breaker, read } = await begin();
  await breaker.openAsForeign(5);
  expect(await read()).toMatchObject({ kind: 'notAsked', error: expect.stringMatching(/another tenant/) });
  expect(await cooldownInTable()).toMatchObject({ failures: 1, until: clock.now() + minute });
  expect(closings()).toHaveLength(1);
  expect(notes.lines).toMatchObject([{ level: 'error', reason: expect.stringMatching(/no longer knows 5 jobs/) }]);
});

test('a failed cooldown write does not keep the breaker open', async () => {
  store.writeMark = () => Promise.reject(new Error('the table is down'));
  answers = [refuse('credentialRefused')];
  const { read } = await begin();
  expect((await read()).kind).toBe('notAsked');
  expect((await read()).kind).toBe('notAsked');
  expect(asked).toHaveLength(1);
  expect(notes.lines).toMatchObject([{ level: 'error' }, { level: 'warn', message: 'cooldown write failed' }]);
});

test('a cooldown whose end cannot be written does not block jobs', async () => {
  await store.writeMark(key, { until: clock.now(), failures: 2, reason: 'before', since: '2026-01-01T00:00:00.000Z' });
  store.writeMark = () => Promise.reject(new Error('the table is down'));
  const { read } = await begin();
  expect(await read()).toEqual({ kind: 'job', job });
  expect(await read()).toEqual({ kind: 'job', job });
  expect(notes.lines).toMatchObject([
    { message: 'cooldown ended' },
    { level: 'warn', message: 'cooldown write failed' },
  ]);
});
