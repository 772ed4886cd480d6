/** Reads the whole list of an environment's jobs, however the API behaves. */

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isWatchableId } from '../../lib/domain/job.ts';
import type { UpstreamKind } from '../../lib/platform/errors.ts';
import { createJobList, type JobList, type JobListing, type JobListQuery } from '../../lib/sitecore/job-list.ts';
import type { Fault } from '../../local/faults.ts';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { isoTime, type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { apiOf } from './api-of.ts';

const minute = 60_000;
const hour = 60 * minute;
type Behavior = Partial<PublishingApiServer['list']>;

let server: PublishingApiServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await startPublishingApiServer();
  clock = createFakeClock();
});
afterEach(() => server.close());

/** A list that has learned nothing about the API, as in a new process. `before` runs before each call, with its number. */
function create(before: (call: number) => void = () => undefined): JobList {
  const api = apiOf(server, clock);
  let call = 0;
  const listJobs: typeof api.listJobs = (...asked) => {
    before(++call);
    return api.listJobs(...asked);
  };
  return createJobList({ api: { listJobs }, clock });
}

const read = (query: JobListQuery = {}, list = create()): Promise<JobListing> => list(query, clock.now() + minute);

const ago = (ms: number): number => clock.now() - ms;
const iso = (time: number): string => new Date(time).toISOString();
const lastDay = (): JobListQuery => ({ queuedFrom: iso(ago(24 * hour)) });

/** Sets a job that was queued at a time. */
const set = (id: string, queuedAt: number, values: Omit<PublishingJobValues, 'id'> = {}): void =>
  server.setJob(id, publishingJob({ id, status: 'Running', queuedTime: isoTime(queuedAt), ...values }));

/** Sets `count` jobs, spread evenly over the last `ms`, and returns their ids, sorted. */
function fill(count: number, ms = 24 * hour, prefix = 'job'): string[] {
  const ids = Array.from({ length: count }, (_, n) => `${prefix}_${String(n).padStart(5, '0')}`);
  for (const [n, id] of ids.entries()) set(id, ago((ms * n) / count));
  return ids;
}

const ids = ({ jobs }: JobListing): string[] => [...jobs.keys()].sort();

describe('reads the jobs of a day, among older ones', () => {
  const rows: [behavior: string, Behavior, calls: number, callsNextTime?: number][] = [
    ['as documented', {}, 3],
    ['by checkpoints', { paging: 'checkpoint' }, 3],
    ['oldest first', { order: 'oldestFirst' }, 3],
    ['in no order', { order: 'none' }, 3],
    ['with fewer entries a page than asked for', { maxPageSize: 60 }, 5],
    ['with fewer, by checkpoints', { maxPageSize: 60, paging: 'checkpoint' }, 5],
    ['with pages of 100 refused', { refusedPageSizes: [100] }, 7, 6],
    ['with every page size refused', { refusedPageSizes: [100, 50] }, 15, 13],
    ['with every page size refused, by checkpoints', { refusedPageSizes: [100, 50], paging: 'checkpoint' }, 15, 13],
    ['without a count', { totalCount: null }, 4],
    ['with a count that is too low', { totalCount: 7 }, 4],
    ['with a count of the page', { totalCount: 100 }, 3],
    ['with a count that is too high', { totalCount: 100_000 }, 4],
    ['with the filter by time ignored', { ignoredFilters: ['queuedTime'] }, 3],
    ['with it ignored, by checkpoints', { ignoredFilters: ['queuedTime'], paging: 'checkpoint' }, 3],
    ['with it ignored, oldest first', { ignoredFilters: ['queuedTime'], order: 'oldestFirst' }, 6],
    ['with it ignored, in no order', { ignoredFilters: ['queuedTime'], order: 'none' }, 6],
    ['with it refused', { refusedFilters: ['queuedTime'] }, 6, 3],
    ['with it refused, in no order', { refusedFilters: ['queuedTime'], order: 'none' }, 9, 6],
    ['with it and pages of 100 refused', { refusedFilters: ['queuedTime'], refusedPageSizes: [100] }, 10, 6],
    ['with every page the first one', { repeatsFirstPage: true }, 5],
    ['with every page the first one, oldest first', { repeatsFirstPage: true, order: 'oldestFirst' }, 5],
    ['with every page the first one, and no count', { repeatsFirstPage: true, totalCount: null }, 8],
    ['with every checkpoint ignored', { repeatsFirstPage: true, paging: 'checkpoint' }, 5],
  ];
  test.each(rows)('%s', async (_, behavior, calls, callsNextTime = calls) => {
    const expected = fill(250);
    for (let n = 1; n <= 320; n += 1) set(`old_${n}`, ago(24 * hour + n * minute));
    Object.assign(server.list, behavior);
    const list = create();
    const listing = await read(lastDay(), list);
    expect(listing).toMatchObject({ isComplete: true, error: null, skipped: 0, calls });
    expect(ids(listing)).toEqual(expected);
    expect(server.listRequests).toHaveLength(calls);
    // A query that the API refused is not sent again.
    expect((await read(lastDay(), list)).calls).toBe(callsNextTime);
  });
});

describe('more jobs than offset paging can reach', () => {
  test.each<[string, Behavior, calls: number]>([
    ['newest first', {}, 26],
    ['oldest first', { order: 'oldestFirst' }, 26],
    ['in no order', { order: 'none' }, 58],
    ['by checkpoints', { paging: 'checkpoint' }, 25],
    ['with a page beyond the cap refused', { beyondCap: 'refused' }, 26],
    ['without a count', { totalCount: null }, 27],
    ['with a count that is cut as well', { totalCount: 1_000 }, 27],
    ['with a cap that is lower than documented, and 400 beyond it', { cap: 300, beyondCap: 'refused' }, 34],
    ['with small pages', { maxPageSize: 50 }, 51],
    ['with every page the first one', { repeatsFirstPage: true }, 51],
    ['with the filter by time ignored, newest first', { ignoredFilters: ['queuedTime'], paging: 'checkpoint' }, 25],
  ])('reads all 2,500 of a day, %s', async (_, behavior, calls) => {
    const expected = fill(2_500);
    Object.assign(server.list, behavior);
    const listing = await read(lastDay());
    expect(listing).toMatchObject({ isComplete: true, error: null, calls });
    expect(ids(listing)).toEqual(expected);
  });

  test.each(['newestFirst', 'oldestFirst', 'none'] as const)(
    'reads all of them without a window, and with one that ends (%s)',
    async (order) => {
      const expected = fill(1_200, 2 * hour);
      server.list.order = order;
      expect(ids(await read({ statuses: ['Running'] }))).toEqual(expected);
      const query = { queuedFrom: iso(ago(hour)), queuedTo: iso(ago(minute)) };
      expect(ids(await read(query))).toEqual(expected.slice(10, 601));
      expect(ids(await read({ queuedTo: iso(ago(hour)) }))).toEqual(expected.slice(600));
    },
  );

  test.each<[string, Behavior, calls: number]>([
    ['newest first', {}, 11],
    ['oldest first', { order: 'oldestFirst' }, 11],
    ['in no order', { order: 'none' }, 12],
    ['in no order, each queued in the same second', { order: 'none' }, 10],
  ])('the listing is incomplete if the API ignores the filter by time: %s', async (what, behavior, calls) => {
    const all = fill(1_500, what.includes('second') ? 900 : 24 * hour);
    Object.assign(server.list, behavior, { ignoredFilters: ['queuedTime'] });
    const listing = await read();
    expect(listing).toMatchObject({ isComplete: false, error: null, calls });
    expect(all).toEqual(expect.arrayContaining(ids(listing)));
    expect(listing.jobs.size).toBe(1_000);
  });

  test('the listing is incomplete if the API refuses the filter by time, which is not tried again', async () => {
    fill(1_100);
    server.list.refusedFilters = ['queuedTime'];
    const listing = await read(lastDay());
    // Three of them are refused, one per page size.
    expect(listing).toMatchObject({ isComplete: false, error: null, calls: 13, jobs: { size: 1_000 } });
  });

  test.each(['newestFirst', 'oldestFirst', 'none'] as const)(
    'reads all of them with two queued each second (%s)',
    async (order) => {
      const expected = fill(3_000, 0);
      for (const [n, id] of expected.entries()) set(id, 0, { queuedTime: iso(ago(500 * n)) });
      server.list.order = order;
      const listing = await read({ queuedFrom: iso(ago(1_300_000)), queuedTo: iso(ago(100_000)) });
      expect(listing).toMatchObject({ isComplete: true, error: null });
      expect(ids(listing)).toEqual(expected.slice(200, 2_601));
    },
  );

  test('the listing is incomplete with too many jobs in one minute', async () => {
    for (let n = 0; n < 1_100; n += 1) set(`job_${n}`, ago(minute));
    const listing = await read({ queuedFrom: iso(ago(3 * minute)) });
    expect(listing).toMatchObject({ isComplete: false, error: null, calls: 21 });
    expect(listing.jobs.size).toBe(1_000);
  });
});

test.each<[jobs: number, Behavior, calls: number]>([
  [0, {}, 1],
  [1, {}, 1],
  [99, {}, 1],
  // The count may be the count of the page, so one more page is requested.
  [100, {}, 2],
  [990, {}, 10],
  // 1,000 may be the cap, so one more call asks for jobs that were queued earlier.
  [1_000, {}, 11],
  [0, { paging: 'checkpoint' }, 1],
  [100, { paging: 'checkpoint' }, 1],
  [1_000, { paging: 'checkpoint' }, 10],
])('reading %i running jobs by status, %j, costs %i calls', async (count, behavior, calls) => {
  const expected = fill(count);
  for (let n = 0; n < 150; n += 1) set(`done_${n}`, ago(n * minute), { status: 'Completed' });
  Object.assign(server.list, behavior);
  const listing = await read({ statuses: ['Queued', 'Running', 'Canceling'] });
  expect(ids(listing)).toEqual(expected);
  expect(listing).toMatchObject({ isComplete: true, calls });
});

describe('the filter by status is', () => {
  test.each<[string, Behavior, calls: number, callsNextTime: number]>([
    ['taken', {}, 1, 1],
    ['ignored', { ignoredFilters: ['status'] }, 1, 1],
    ['refused', { refusedFilters: ['status'] }, 4, 1],
    ['refused, as the one by time', { refusedFilters: ['status', 'queuedTime'] }, 10, 1],
  ])('%s', async (_, behavior, calls, callsNextTime) => {
    for (const [n, status] of ['Queued', 'Running', 'Completed', 'Paused', 'Failed'].entries()) {
      set(`job_${n}`, ago(n * minute), { status });
    }
    Object.assign(server.list, behavior);
    const list = create();
    const query = { ...lastDay(), statuses: ['Queued', 'Failed'] };
    const listing = await read(query, list);
    expect([...listing.jobs].map(([id, job]) => [id, job?.status])).toEqual([
      ['job_0', 'Queued'],
      ['job_4', 'Failed'],
    ]);
    expect(listing.calls).toBe(calls);
    expect((await read(query, list)).calls).toBe(callsNextTime);
  });
});

test.each<[string, Behavior, JobListQuery, jobs: number, calls: number]>([
  ['newest first, where they are too old', {}, { queuedFrom: '2026-01-01T07:10:00Z' }, 181, 2],
  ['oldest first, where they are too new', { order: 'oldestFirst' }, { queuedTo: '2025-12-31T21:10:00Z' }, 181, 2],
  ['in no order, not before the end', { order: 'none' }, { queuedFrom: '2026-01-01T07:10:00Z' }, 181, 10],
])(
  'stops at the end of the window if the API ignores the filter by time: %s',
  async (_, behavior, query, jobs, calls) => {
    // One a minute, from 18:10 the day before to now, at 10:10.
    fill(961, 961 * minute);
    Object.assign(server.list, behavior, { ignoredFilters: ['queuedTime'] });
    expect(await read(query)).toMatchObject({ isComplete: true, jobs: { size: jobs }, calls });
  },
);

test('a short list is complete, even if every page is the first one and there is no count', async () => {
  const expected = fill(3);
  Object.assign(server.list, { repeatsFirstPage: true, totalCount: null });
  const listing = await read(lastDay());
  expect(listing).toMatchObject({ isComplete: true, calls: 2 });
  expect(ids(listing)).toEqual(expected);
});

test('a window includes both ends, however exact the API is', async () => {
  for (const offset of [-1_000, 0, 1_000, 59_000, 60_000, 61_000]) set(`job_${offset}`, ago(hour) + offset);
  const listing = await read({ queuedFrom: iso(ago(hour)), queuedTo: iso(ago(hour) + minute) });
  expect(ids(listing)).toEqual(['job_0', 'job_1000', 'job_59000', 'job_60000']);
});

test('retries a refused query only while there is something to leave out', async () => {
  server.fault({ ...problemFault(400), call: 'list', times: 100 });
  await expect(read()).rejects.toMatchObject({ kind: 'queryRefused' });
  expect(server.listRequests.map(({ path }) => path.split('?')[1])).toEqual([
    'pageSize=100&pageNumber=1',
    'pageSize=50&pageNumber=1',
    undefined,
  ]);
});

test('remembers nothing if every query is refused', async () => {
  fill(3);
  const list = create();
  server.fault({ ...problemFault(400), call: 'list', times: 6 });
  await expect(read(lastDay(), list)).rejects.toMatchObject({ kind: 'queryRefused' });
  expect(await read(lastDay(), list)).toMatchObject({ isComplete: true, calls: 1 });
  expect(server.listRequests.at(-1)?.path).toMatch(/queuedTime.+pageSize=100/);
});

describe('entries that lack members', () => {
  test('a job without its time of queueing is kept; the caller decides', async () => {
    const expected = fill(120);
    server.list.omit = ['system.queuedTime'];
    const listing = await read(lastDay());
    expect(ids(listing)).toEqual(expected);
    expect([...listing.jobs.values()].every((job) => job?.queuedAt === null)).toBe(true);
  });

  test('an entry without a status is kept as null', async () => {
    fill(2);
    server.list.omit = ['system.status'];
    expect((await read(lastDay())).jobs).toEqual(new Map(fill(2).map((id) => [id, null])));
  });

  test('an entry without an id is skipped, and counted', async () => {
    const expected = fill(150);
    for (let n = 0; n < 30; n += 1) server.setJob(`x_${n}`, publishingJob({ id: `not/an/id/${n}`, at: ago(hour) }));
    const listing = await read(lastDay());
    expect(listing).toMatchObject({ isComplete: true, skipped: 30 });
    expect(ids(listing)).toEqual(expected);
  });

  test('a page of skipped entries does not end the list', async () => {
    for (let n = 0; n < 100; n += 1) server.setJob(`x_${n}`, publishingJob({ id: '', queuedTime: isoTime(ago(n)) }));
    set('job_1', ago(hour));
    expect(await read(lastDay())).toMatchObject({ isComplete: true, skipped: 100, jobs: { size: 1 } });
  });
});

describe('a list that changes while it is read', () => {
  test('a job that the next page repeats counts once, with its later status', async () => {
    const expected = fill(150);
    const last = expected[99] ?? '';
    const list = create((call) => {
      if (call !== 2) return;
      set('job_new', clock.now());
      set(last, ago((99 / 150) * 24 * hour), { status: 'Failed' });
    });
    const listing = await read(lastDay(), list);
    expect(ids(listing)).toEqual(expected);
    expect(listing.jobs.get(last)?.status).toBe('Failed');
  });

  test('a job that has ended stays ended if a later page has an earlier status', async () => {
    for (const [n, status] of ['Running', 'Completed', 'Running'].entries()) {
      const data = [publishingJob({ id: 'job_1', status }), publishingJob({ id: `other_${n}`, status })];
      server.fault({ call: 'list', status: 200, body: { pageNumber: n + 1, data } });
    }
    const { jobs } = await read(lastDay());
    expect(jobs.get('job_1')?.status).toBe('Completed');
  });

  test('a hundred new jobs before the second page hide no other', async () => {
    const expected = fill(250);
    const list = create((call) => void (call === 2 && fill(100, minute, 'new')));
    const listing = await read(lastDay(), list);
    expect(ids(listing).filter((id) => id.startsWith('job'))).toEqual(expected);
    expect(listing.isComplete).toBe(true);
  });

  test('a job that appears late is in the next listing', async () => {
    const expected = fill(3);
    server.list.hidden.add('job_00001');
    expect(ids(await read(lastDay()))).toEqual(['job_00000', 'job_00002']);
    server.list.hidden.clear();
    expect(ids(await read(lastDay()))).toEqual(expected);
  });
});

describe('checkpoints', () => {
  const job = (id: string) => publishingJob({ id, queuedTime: '2026-01-01T09:10:00Z' });
  const pages = (...bodies: object[]) => {
    for (const body of bodies) server.fault({ call: 'list', status: 200, body });
  };

  const page = (ids: string[], next?: string | number | null) => ({ data: ids.map(job), next });

  test.each<[string, object[], expected: string[]]>([
    ['an empty page on the way', [page(['a'], '1'), page([], '2'), page(['b'], null)], ['a', 'b']],
    ['an empty page at the end', [page(['a'], '1'), page([], null)], ['a']],
    ['no next on the last page', [page(['a'], '1'), page(['b'])], ['a', 'b']],
    ['numbers', [page(['a'], 1), page(['b'], null)], ['a', 'b']],
  ])('with %s', async (_, bodies, expected) => {
    pages(...bodies);
    expect(await read(lastDay())).toMatchObject({ isComplete: true, calls: bodies.length });
    pages(...bodies);
    expect(ids(await read(lastDay()))).toEqual(expected);
  });

  test('that repeat end the list, which is incomplete', async () => {
    server.fault({ call: 'list', status: 200, body: { data: [], next: 'x' }, times: 500 });
    expect(await read(lastDay())).toMatchObject({ isComplete: false, calls: 2 });
  });

  test('without an end stop after 200 calls', async () => {
    let n = 0;
    const list = create(() => {
      server.clearFaults();
      pages({ data: [job(`job_${++n}`)], next: `${n}` });
    });
    const listing = await read(lastDay(), list);
    expect(listing).toMatchObject({ isComplete: false, calls: 200, jobs: { size: 200 } });
  });
});

describe('an error', () => {
  test.each<[string, Fault, UpstreamKind]>([
    ['there is no list call', problemFault(404), 'notFound'],
    ['the credential may not list jobs', problemFault(403), 'forbidden'],
    ['the API is busy', problemFault(429, { 'retry-after': '30' }), 'rateLimited'],
    ['the API is down', problemFault(503), 'unavailable'],
    ['the response is HTML', { status: 200, body: '<html>' }, 'unreadable'],
  ])('(%s) on the first page is thrown; on a later page it ends the list', async (_, fault, kind) => {
    const expected = fill(250);
    server.fault({ ...fault, call: 'list' });
    await expect(read(lastDay())).rejects.toMatchObject({ kind });
    const list = create((call) => void (call === 2 && server.fault({ ...fault, call: 'list' })));
    const listing = await read(lastDay(), list);
    expect(listing).toMatchObject({ isComplete: false, calls: 2 });
    expect(listing.error).toMatchObject({ kind, retryAfterMs: kind === 'rateLimited' ? 30_000 : undefined });
    expect(ids(listing)).toEqual(expected.slice(0, 100));
  });

  test('at the deadline leaves the pages that were read', async () => {
    fill(2_500);
    const listing = await read(
      lastDay(),
      create(() => clock.advance(9_000)),
    );
    expect(listing).toMatchObject({ isComplete: false, calls: 7, error: null });
    expect(listing.jobs.size).toBe(600);
  });

  test('is not reported if the time runs out between two windows', async () => {
    fill(1_100);
    server.setJob('slow', () => {
      if (server.listRequests.length === 10) clock.advance(minute);
      return publishingJob({ id: 'slow', at: ago(hour) });
    });
    expect(await read(lastDay())).toMatchObject({ isComplete: false, calls: 10, error: null });
  });

  test('that is a bug is thrown as it is', async () => {
    const listJobs = () => Promise.reject(new TypeError('a bug of ours'));
    await expect(read({}, createJobList({ api: { listJobs }, clock }))).rejects.toThrow(TypeError);
  });
});

/** Any behavior of the list call that hides no jobs. */
const anyBehavior: fc.Arbitrary<Behavior> = fc.record({
  paging: fc.constantFrom('offset', 'checkpoint'),
  maxPageSize: fc.constantFrom(10, 25, 50, 100, 1_000),
  refusedPageSizes: fc.constantFrom([], [100], [100, 50]),
  ignoredFilters: fc.subarray(['queuedTime', 'status']),
  refusedFilters: fc.subarray(['queuedTime', 'status']),
  order: fc.constantFrom('newestFirst', 'oldestFirst', 'none'),
  cap: fc.constantFrom(1_000, 100, 60),
  beyondCap: fc.constantFrom('empty', 'refused'),
  totalCount: fc.constantFrom(undefined, null, 0, 7, 100, 1_000_000),
  repeatsFirstPage: fc.boolean(),
} as const) as fc.Arbitrary<Behavior>;

test('however the API behaves, a complete listing is complete, and every job in a listing matches the query', async () => {
  let complete = 0;
  const statuses = ['Queued', 'Running', 'Completed'];
  const jobs = Array.from({ length: 180 }, (_, n) => ({
    n,
    at: ago(n * 7 * minute),
    status: statuses[n % 3] as string,
  }));
  for (const { n, at, status } of jobs) set(`job_${n}`, at, { status });
  await fc.assert(
    fc.asyncProperty(
      anyBehavior,
      fc.record({ from: fc.integer({ min: 0, max: 200 }), to: fc.integer({ min: 0, max: 200 }) }),
      fc.subarray(statuses),
      async (behavior, { from, to }, wanted) => {
        // A cap that is lower than documented cannot be detected if the pages beyond it are empty.
        if (behavior.beyondCap === 'empty') behavior.cap = 1_000;
        Object.assign(server.list, { totalCount: undefined }, behavior);
        const query = {
          queuedFrom: iso(ago(from * 7 * minute)),
          queuedTo: iso(ago(to * 7 * minute)),
          statuses: wanted,
        };
        const listing = await read(query);
        const expected = jobs.filter(
          ({ n, status }) => n <= from && n >= to && (!wanted.length || wanted.includes(status)),
        );
        if (listing.isComplete) expect(ids(listing)).toEqual(expected.map(({ n }) => `job_${n}`).sort());
        else expect(expected.map(({ n }) => `job_${n}`)).toEqual(expect.arrayContaining(ids(listing)));
        expect(listing.calls).toBeLessThanOrEqual(200);
        expect(listing.error).toBeNull();
        complete += listing.isComplete ? 1 : 0;
      },
    ),
    { numRuns: 150 },
  );
  expect(complete).toBeGreaterThan(75);
});

const anything = fc.jsonValue({ maxDepth: 2 });
const anyStatus = fc.oneof(fc.constantFrom('Running', 'Completed', 'Paused', '', ' '), anything);
const anyEntry = fc.oneof(
  anything,
  fc.record({
    id: fc.oneof(fc.constantFrom('job_1', 'job_2', 'job_3'), anything),
    statistics: anything,
    system: fc.oneof(anything, fc.record({ status: anyStatus, queuedTime: anything, createdBy: anything })),
  }),
);
const anyPage = fc.oneof(
  anything,
  fc.record(
    {
      data: fc.oneof(
        { weight: 9, arbitrary: fc.array(anyEntry, { maxLength: 12 }) },
        { weight: 1, arbitrary: anything },
      ),
      totalCount: fc.oneof(fc.nat(20), anything),
      pageNumber: fc.oneof(fc.nat(3), anything),
      pageSize: fc.oneof(fc.nat(20), anything),
      next: fc.oneof(fc.constantFrom(null, 'x', 'https://elsewhere.invalid/?y'), anything),
    },
    { requiredKeys: ['data'] },
  ),
);

test('any JSON is a listing of the jobs and statuses in it, or unreadable', async () => {
  let [lists, errors] = [0, 0];
  await fc.assert(
    fc.asyncProperty(anyPage, fc.boolean(), async (page, asksForTime) => {
      server.clearFaults();
      server.fault({ call: 'list', status: 200, body: JSON.stringify(page), times: 1_000 });
      try {
        const { jobs } = await read(asksForTime ? { queuedFrom: '0001-01-01T00:00:00Z' } : {});
        lists += 1;
        const entries = (page as { data: { id?: unknown; system?: { status?: unknown } }[] }).data ?? [];
        for (const [id, job] of jobs) {
          expect(isWatchableId(id)).toBe(true);
          const statuses = entries.filter((entry) => entry?.id === id).map((entry) => entry.system?.status);
          expect(statuses.length).toBeGreaterThan(0);
          if (job !== null)
            expect(statuses.map((status) => String(status).trim().slice(0, 20))).toContain(job.status.slice(0, 20));
        }
      } catch (error) {
        errors += 1;
        expect(error).toMatchObject({ name: 'UpstreamError', kind: 'unreadable' });
      }
    }),
    { numRuns: 300 },
  );
  expect(Math.min(lists, errors)).toBeGreaterThan(20);
});
