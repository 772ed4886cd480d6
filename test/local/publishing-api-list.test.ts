import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { isoTime, publishingJob } from '../../local/publishing-job.ts';

const start = Date.parse('2026-01-01T10:00:00Z');
const fromLibrary: unknown[] = [];
let api: PublishingApiServer;
let token: string;
beforeEach(async () => {
  api = await startPublishingApiServer({ listJobs: () => fromLibrary });
  fromLibrary.length = 0;
  // A job a minute; the last two have ended.
  for (let n = 1; n <= 5; n += 1) set(n, n > 3 ? 'Completed' : 'Running');
  const credentials = { client_id: api.clientId, client_secret: api.clientSecret };
  const body = { ...credentials, grant_type: 'client_credentials', audience: 'https://api.sitecorecloud.io' };
  const response = await fetch(api.tokenUrl, { method: 'POST', body: new URLSearchParams(body) });
  token = ((await response.json()) as { access_token: string }).access_token;
});
afterEach(() => api.close());

const documentOf = (n: number, status = 'Running') =>
  publishingJob({ id: `job_${n}`, status, queuedTime: isoTime(start + n * 60_000) });
const set = (n: number, status?: string) => api.setJob(`job_${n}`, documentOf(n, status));

async function list(search = '', authorization = `Bearer ${token}`) {
  const response = await fetch(`${api.url}/authoring/publishing/v1/jobs${search}`, { headers: { authorization } });
  // biome-ignore lint/suspicious/noExplicitAny: a response is JSON, and tests read it as a caller does.
  const body: any = await response.json();
  const numbers = body.data?.map(({ id }: { id: string }) => Number(id.slice(4))) as number[];
  return { status: response.status, body, numbers };
}

test('the newest jobs come first, with the total count', async () => {
  const { body, numbers } = await list();
  expect(numbers).toEqual([5, 4, 3, 2, 1]);
  expect(body).toMatchObject({ totalCount: 5, pageNumber: 1, pageSize: 20 });
  expect(body.data[0]).toEqual(documentOf(5, 'Completed'));
  expect([api.listRequests.length, api.requests.length]).toEqual([1, 0]);
});

test.each<[string, number[]]>([
  ['?pageSize=2', [5, 4]],
  ['?pageSize=2&pageNumber=3', [1]],
  ['?pageSize=2&pageNumber=4', []],
  ['?system.status=Completed', [5, 4]],
  ['?system.status=Queued%7CRunning', [3, 2, 1]],
  ['?system.queuedTime=%3E2026-01-01T10:02:00.000Z', [5, 4, 3]],
  ['?system.queuedTime=>2026-01-01T10:02:00Z&system.queuedTime=<2026-01-01T10:05:00Z', [4, 3]],
])('%s gives %j', async (search, expected) => {
  expect((await list(search)).numbers).toEqual(expected);
});

test.each([
  '?pageSize=0',
  '?pageSize=many',
  '?pageNumber=0',
  '?system.queuedTime=2026-01-01T10:02:00Z',
  '?system.queuedTime=>soon',
])('%s is answered 400, with the field that is wrong', async (search) => {
  const { status, body } = await list(search);
  expect(status).toBe(400);
  expect(Object.keys(body.errors)).toEqual([/\?([^=]+)/.exec(search)?.[1]]);
});

test('a checkpoint continues after its job, even if jobs were added before it', async () => {
  api.list.paging = 'checkpoint';
  const first = await list('?pageSize=3');
  expect([first.numbers, Object.keys(first.body)]).toEqual([
    [5, 4, 3],
    ['data', 'next'],
  ]);
  set(6);
  const second = await list(`?pageSize=3&continuationToken=${encodeURIComponent(first.body.next)}`);
  expect([second.numbers, second.body.next]).toEqual([[2, 1], null]);
});

test.each<[string, Partial<PublishingApiServer['list']>, string, number[]]>([
  ['oldest first', { order: 'oldestFirst' }, '', [1, 2, 3, 4, 5]],
  ['short pages', { maxPageSize: 2 }, '?pageSize=100', [5, 4]],
  [
    'an ignored filter by time',
    { ignoredFilters: ['queuedTime'] },
    '?system.queuedTime=>2026-01-01T10:04:00Z',
    [5, 4, 3, 2, 1],
  ],
  ['an ignored filter by status', { ignoredFilters: ['status'] }, '?system.status=Running', [5, 4, 3, 2, 1]],
  ['a cap', { cap: 3 }, '?pageSize=2&pageNumber=2', [3]],
  ['beyond the cap', { cap: 3 }, '?pageSize=3&pageNumber=2', []],
  ['pages that are all the first one', { repeatsFirstPage: true }, '?pageSize=2&pageNumber=2', [5, 4]],
  ['hidden jobs', { hidden: new Set(['job_4', 'job_1']) }, '', [5, 3, 2]],
  ['jobs that are not shown yet', { delayMs: 60_000 }, '', []],
])('%s', async (_, behavior, search, expected) => {
  Object.assign(api.list, behavior);
  expect((await list(search)).numbers).toEqual(expected);
});

test.each<[string, Partial<PublishingApiServer['list']>, string, number]>([
  ['a refused page size', { refusedPageSizes: [100] }, '?pageSize=100', 400],
  ['a refused filter by time', { refusedFilters: ['queuedTime'] }, '?system.queuedTime=>2026-01-01T10:02:00Z', 400],
  ['a refused filter by status', { refusedFilters: ['status'] }, '?system.status=Running', 400],
  ['a page that is refused beyond the cap', { cap: 3, beyondCap: 'refused' }, '?pageSize=3&pageNumber=2', 400],
  ['no list call', { absent: true }, '', 404],
  ['a credential that may not', { forbidden: true }, '', 403],
])('%s', async (_, behavior, search, status) => {
  Object.assign(api.list, behavior);
  expect((await list(search)).status).toBe(status);
});

test('an arbitrary order is the same each time', async () => {
  api.list.order = 'none';
  const { numbers } = await list();
  expect(numbers.toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect((await list()).numbers).toEqual(numbers);
});

test('members can be omitted, and the count can be wrong or absent', async () => {
  Object.assign(api.list, { omit: ['system.queuedTime', 'statistics'], totalCount: 7 });
  const { body } = await list();
  expect(body.totalCount).toBe(7);
  expect(body.data[0]).not.toHaveProperty('statistics');
  expect(body.data[0].system).not.toHaveProperty('queuedTime');
  expect(body.data[0].system).toHaveProperty('status');
  api.list.totalCount = null;
  expect((await list()).body).not.toHaveProperty('totalCount');
});

test('jobs from another source are listed too, each once', async () => {
  fromLibrary.push(documentOf(5, 'Queued'), documentOf(9));
  const { numbers, body } = await list();
  expect(numbers).toEqual([9, 5, 4, 3, 2, 1]);
  expect(body.data[1].system.status).toBe('Completed');
});

test('a fault applies only to the list, and a request without a token is refused', async () => {
  api.fault({ ...problemFault(503), call: 'list' });
  expect((await list()).status).toBe(503);
  expect((await list('', 'Bearer unknown')).status).toBe(401);
  expect((await list()).status).toBe(200);
});
