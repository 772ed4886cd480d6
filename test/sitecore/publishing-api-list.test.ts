/** One page of the list of jobs. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UpstreamKind } from '../../lib/platform/errors.ts';
import type { JobPageQuery, PublishingApi } from '../../lib/sitecore/publishing-api.ts';
import type { Fault } from '../../local/faults.ts';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { failure } from '../support/failure.ts';
import { apiOf } from './api-of.ts';

let server: PublishingApiServer;
let clock: FakeClock;
let api: PublishingApi;
const lines: string[] = [];
beforeEach(async () => {
  server = await startPublishingApiServer();
  clock = createFakeClock();
  lines.length = 0;
  api = apiOf(server, clock, lines);
});
afterEach(() => server.close());

const ask = (query: JobPageQuery = {}) => api.listJobs(query, clock.now() + 5_000);
const respondWith = (body: unknown) => server.fault({ call: 'list', status: 200, body: JSON.stringify(body) });

const path = '/authoring/publishing/v1/jobs';

test.each<[string, JobPageQuery, string]>([
  ['nothing', {}, ''],
  ['a page', { pageSize: 100, pageNumber: 3 }, '?pageSize=100&pageNumber=3'],
  [
    'both ends of the time',
    { queuedFrom: '2026-01-01T10:00:00.000Z', queuedTo: '2026-01-01T11:00:00.000Z' },
    '?system.queuedTime=%3E2026-01-01T10%3A00%3A00.000Z&system.queuedTime=%3C2026-01-01T11%3A00%3A00.000Z',
  ],
  ['statuses', { statuses: ['Queued', 'Running'] }, '?system.status=Queued%7CRunning'],
  ['no statuses', { statuses: [] }, ''],
  ['a checkpoint', { next: 'a+b/c=&d?e' }, '?continuationToken=a%2Bb%2Fc%3D%26d%3Fe'],
  [
    'a checkpoint that is an address',
    { next: 'https://elsewhere.invalid/jobs?token=x&pageSize=5' },
    '?token=x&pageSize=5',
  ],
  ['a checkpoint that is a path', { next: `${path}?token=x` }, '?token=x'],
  ['a checkpoint that no path may hold', { next: `${path}?token=ü x` }, '?token=%C3%BC%20x'],
])('sends a query for %s as documented', async (_, query, search) => {
  await ask(query).catch(() => undefined);
  expect(server.listRequests).toMatchObject([{ method: 'GET', path: `${path}${search}` }]);
  expect(server.requests).toEqual([]);
});

test('reads the jobs of a page like a single job, in their order', async () => {
  const documents = [
    publishingJob({ id: 'job_2', status: 'Running' }),
    publishingJob({ id: 'job_1', status: 'Paused' }),
  ];
  respondWith({ totalCount: 7, pageNumber: 1, pageSize: 2, data: documents });
  for (const job of documents) server.setJob(job.id, job);
  expect(await ask()).toEqual({
    jobs: [
      { id: 'job_2', job: await api.getJob('job_2', clock.now() + 5_000) },
      { id: 'job_1', job: await api.getJob('job_1', clock.now() + 5_000) },
    ],
    entries: 2,
    totalCount: 7,
    pageSize: 2,
    next: null,
    isCheckpoint: false,
    tenants: ['org_example/tenant-example', 'org_example/tenant-example'],
  });
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ level: 'warn', status: 'Paused' }]);
});

test.each<[string, unknown, boolean]>([
  ['no status', { id: 'job_1', system: {} }, true],
  ['no system', { id: 'job_1' }, true],
  ['a status that is a number', { id: 'job_1', system: { status: 3 } }, true],
  ['no id', { system: { status: 'Running' } }, false],
  ['an id that is a number', { id: 1, system: { status: 'Running' } }, false],
  ['an empty id', { id: '', system: { status: 'Running' } }, false],
  ['an id that can be none', { id: 'a/b', system: { status: 'Running' } }, false],
  ['an id that is too long', { id: 'x'.repeat(129), system: { status: 'Running' } }, false],
  ['nothing', null, false],
  ['a list', [], false],
])('an entry with %s does not affect the others', async (_, entry, isKept) => {
  respondWith({ data: [entry, publishingJob({ id: 'job_2', status: 'Failed' })] });
  const page = await ask();
  expect(page.entries).toBe(2);
  expect(page.jobs).toMatchObject([...(isKept ? [{ id: 'job_1', job: null }] : []), { id: 'job_2', job: {} }]);
});

describe('the way of paging of a response', () => {
  const [checkpoint, offset] = [{ isCheckpoint: true }, { isCheckpoint: false }];
  test.each<[object, object]>([
    [
      { data: [], next: 'x' },
      { ...checkpoint, next: 'x' },
    ],
    [
      { data: [], next: 7 },
      { ...checkpoint, next: '7' },
    ],
    [
      { data: [], next: null },
      { ...checkpoint, next: null },
    ],
    [
      { data: [], next: '' },
      { ...checkpoint, next: null },
    ],
    [
      { data: [], next: null, totalCount: 0 },
      { ...checkpoint, next: null },
    ],
    [
      { data: [], next: { page: 2 } },
      { ...offset, next: null },
    ],
    [{ data: [] }, { ...offset, next: null }],
    [{ data: [], pageNumber: 1, next: null }, offset],
    [{ data: [], pageNumber: 1, next: 'x' }, offset],
    [
      { data: [], totalCount: '12', pageSize: 'many' },
      { totalCount: 12, pageSize: null },
    ],
    [
      { data: [], totalCount: -1, pageSize: 2.5 },
      { totalCount: null, pageSize: null },
    ],
    [
      { data: null, totalCount: 0 },
      { entries: 0, jobs: [] },
    ],
  ])('%j', async (body, expected) => {
    respondWith(body);
    expect(await ask()).toMatchObject(expected);
  });
});

test.each<[string, Fault, UpstreamKind, RegExp]>([
  ['400', problemFault(400), 'queryRefused', /the query for the list of jobs was refused \(400\): Bad Request$/],
  [
    '403',
    problemFault(403),
    'forbidden',
    /not allowed to list the jobs \(403\).+xmcpub\.jobs\.a:r.+of the environment/,
  ],
  ['404', problemFault(404), 'notFound', /there is no list of jobs \(404\): Not Found$/],
  ['429', problemFault(429, { 'retry-after': '7' }), 'rateLimited', /too many requests \(429\)$/],
  ['500', problemFault(500), 'unavailable', /answered 500/],
  ['HTML', { status: 200, body: '<html>Sign in</html>' }, 'unreadable', /the response is not JSON$/],
  ['null', { status: 200, body: 'null' }, 'unreadable', /no list of jobs in the response$/],
  ['a list and no page', { status: 200, body: '[]' }, 'unreadable', /no list of jobs in the response$/],
  ['a page without data', { status: 200, body: { totalCount: 0 } }, 'unreadable', /no list of jobs/],
  [
    'data that is null, though there are jobs',
    { status: 200, body: { data: null, totalCount: 3 } },
    'unreadable',
    /no list/,
  ],
  ['a single job', { status: 200, body: publishingJob({ id: 'job_1' }) }, 'unreadable', /no list of jobs/],
  ['20 MB', { status: 200, bytes: 20_000_000 }, 'unreadable', /longer than 8388608 bytes$/],
  ['a reset', { kind: 'reset' }, 'unavailable', /the connection broke/],
])('%s is an error with its own kind', async (_, fault, kind, message) => {
  // A read is repeated once if its connection was idle, as it is while the token is fetched.
  server.fault({ ...fault, call: 'list', times: 2 });
  const error = await failure(ask());
  expect(error.kind).toBe(kind);
  expect(error.message).toMatch(/^Publishing API of production: /);
  expect(error.message).toMatch(message);
  expect(error.retryAfterMs).toBe(kind === 'rateLimited' ? 7_000 : undefined);
});

test('reads a hundred jobs that name a thousand items each', async () => {
  const locales = Array.from({ length: 1_000 }, (_, item) => `{00000000-0000-0000-0000-${item}}`);
  for (let n = 0; n < 100; n += 1) server.setJob(`job_${n}`, publishingJob({ id: `job_${n}`, locales }));
  expect((await ask({ pageSize: 100 })).jobs).toHaveLength(100);
});
