import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { Http } from '../../lib/platform/http.ts';
import type { PublishingApi } from '../../lib/sitecore/publishing-api.ts';
import { readJob } from '../../lib/sitecore/responses.ts';
import type { Fault } from '../../local/faults.ts';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { apiOf } from './api-of.ts';

const clientId = 'client-id-of-the-tests';
const clientSecret = 'client-secret-of-the-tests';
const createdById = 'oauth-client-of-somebody';

let server: PublishingApiServer;
let clock: FakeClock;
const lines: string[] = [];
beforeEach(async () => {
  server = await startPublishingApiServer({ clientId, clientSecret });
  clock = createFakeClock();
  lines.length = 0;
});
afterEach(() => server.close());

const create = (http?: Http): PublishingApi => apiOf(server, clock, lines, http);
const inTime = () => clock.now() + 5_000;
const ask = (jobId = 'job_1', api = create()) => api.getJob(jobId, inTime());

/** A job with every member that is documented, and some that are not. */
const documented = {
  id: 'job_1',
  name: 'Nightly site publish',
  source: 'Pages',
  description: 'Everything below /sites',
  options: { xmc: { type: 'Site', mode: 'Smart', locales: ['en'] } },
  permissions: { canViewDetails: true, canCancel: true },
  statistics: {
    lastReportTime: '2026-01-01T10:04:00Z',
    itemsSent: 100,
    itemsProcessed: 103,
    itemsFailed: 2,
    xmc: {
      additionalItemsSent: 3,
      itemsAcknowledged: 101,
      itemsDeleted: 4,
      itemsSkipped: 40,
      itemsSendingComplete: true,
    },
  },
  system: {
    organizationId: 'org_example',
    tenantId: 'tenant-example',
    tenantJobId: 'tenant-job',
    environmentId: 'main',
    branchId: 'main',
    status: 'Canceled',
    queuedTime: '2026-01-01T10:00:00Z',
    startTime: '2026-01-01T10:00:05Z',
    finishTime: '2026-01-01T10:04:05Z',
    createdBy: { id: createdById, name: 'Release pipeline', type: 'Application' },
    canceledBy: { id: 'user-of-somebody', name: 'Erika Mustermann', type: 'User' },
  },
};

const asJob = {
  status: 'Canceled',
  name: 'Nightly site publish',
  source: 'Pages',
  startedBy: 'Release pipeline',
  startedByType: 'Application',
  canceledBy: 'Erika Mustermann',
  queuedAt: '2026-01-01T10:00:00.000Z',
  startedAt: '2026-01-01T10:00:05.000Z',
  finishedAt: '2026-01-01T10:04:05.000Z',
  statistics: {
    sent: 100,
    processed: 103,
    failed: 2,
    skipped: 40,
    deleted: 4,
    additional: 3,
    asOf: '2026-01-01T10:04:00.000Z',
  },
  published: { type: 'Site', mode: 'Smart', locales: ['en'] },
  organizationId: 'org_example',
  tenantId: 'tenant-example',
};

type Json = Record<string, unknown>;

/** A copy with the value at a path replaced; undefined removes it. */
function replaced(path: string, value: unknown): Json {
  const copy = structuredClone(documented) as Json;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce((object, key) => object[key] as Json, copy);
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy;
}

const read = (document: unknown) => readJob(JSON.stringify(document), 'the API');

test('reads the documented response with every member that messages need, and no id of a person', async () => {
  server.setJob('job_1', documented);
  expect(await ask()).toEqual(asJob);
});

const paths: [string, Partial<Record<keyof typeof asJob, unknown>>][] = [
  ['id', {}],
  ['name', { name: null }],
  ['source', { source: null }],
  ['description', {}],
  ['options', { published: null }],
  ['options.xmc', { published: null }],
  ['options.xmc.type', { published: { ...asJob.published, type: null } }],
  ['options.xmc.mode', { published: { ...asJob.published, mode: null } }],
  ['options.xmc.locales', { published: { ...asJob.published, locales: [] } }],
  ['permissions', {}],
  ['permissions.canCancel', {}],
  ['statistics', { statistics: null }],
  ['statistics.lastReportTime', { statistics: { ...asJob.statistics, asOf: null } }],
  ['statistics.itemsSent', { statistics: { ...asJob.statistics, sent: null } }],
  ['statistics.itemsProcessed', { statistics: { ...asJob.statistics, processed: null } }],
  ['statistics.itemsFailed', { statistics: { ...asJob.statistics, failed: null } }],
  ['statistics.xmc', { statistics: { ...asJob.statistics, skipped: null, deleted: null, additional: null } }],
  ['statistics.xmc.itemsSkipped', { statistics: { ...asJob.statistics, skipped: null } }],
  ['statistics.xmc.itemsDeleted', { statistics: { ...asJob.statistics, deleted: null } }],
  ['statistics.xmc.additionalItemsSent', { statistics: { ...asJob.statistics, additional: null } }],
  ['statistics.xmc.itemsSendingComplete', {}],
  ['system.organizationId', { organizationId: null }],
  ['system.tenantId', { tenantId: null }],
  ['system.queuedTime', { queuedAt: null }],
  ['system.startTime', { startedAt: null }],
  ['system.finishTime', { finishedAt: null }],
  ['system.createdBy', { startedBy: null, startedByType: null }],
  ['system.createdBy.name', { startedBy: null }],
  ['system.createdBy.type', { startedByType: null }],
  ['system.canceledBy', { canceledBy: null }],
  ['system.canceledBy.name', { canceledBy: null }],
];

test.each(paths)('%s may be absent, null or of another type: only its own value is then null', (path, expected) => {
  // None of these is a string, a count or an object.
  for (const value of [undefined, null, true, -1.5]) {
    expect(read(replaced(path, value)), `${path} as ${JSON.stringify(value)}`).toEqual({ ...asJob, ...expected });
  }
});

test.each<[string, unknown]>([
  ...[undefined, null, 'Completed', [{ status: 'Completed' }], {}].map((one): [string, unknown] => ['system', one]),
  ...[undefined, null, '', ' \t\n', '\u0000\u001b', 3, ['Completed'], { value: 'Completed' }, true].map(
    (one): [string, unknown] => ['system.status', one],
  ),
])('a job whose %s is %j has no status', (path, value) => {
  const error = new UpstreamError('unreadable', 'the API: no status in the response');
  expect(() => read(replaced(path, value))).toThrow(error);
});

test.each([
  'Queued',
  'Running',
  'Completed',
  'Failed',
  'Canceled',
  'Canceling',
  'CompletedWithErrors',
  'Cancellation',
  'Complete',
  'Succès ✓',
])('keeps the status %s', (status) => expect(read(replaced('system.status', status)).status).toBe(status));

test('a documented status is read in any case, and with both spellings of `Canceled`', () => {
  const spellings: [documented: string, others: string[]][] = [
    ['Queued', []],
    ['Running', []],
    ['Completed', []],
    ['Failed', []],
    ['Canceled', ['Cancelled']],
    ['Canceling', ['Cancelling']],
  ];
  const inAnyCase = fc.constantFrom(...spellings).chain(([status, others]) =>
    fc.constantFrom(status, ...others).chain((spelling) =>
      fc.array(fc.boolean(), { minLength: spelling.length, maxLength: spelling.length }).map((capitals) => ({
        status,
        written: [...spelling].map((one, at) => (capitals[at] ? one.toUpperCase() : one.toLowerCase())).join(''),
      })),
    ),
  );
  fc.assert(
    fc.property(inAnyCase, ({ status, written }) => {
      expect(read(replaced('system.status', ` ${written}\n`)).status).toBe(status);
    }),
  );
});

test('cuts an unknown status to 64 characters on one line', () => {
  const { status } = read(replaced('system.status', `Waiting\nfor ${'x'.repeat(5_000)}`));
  expect(status).toMatch(/^Waiting for x+…$/);
  expect(status).toHaveLength(64);
});

test('logs each status that is not documented once', async () => {
  const api = create();
  for (const status of ['Paused', 'Completed', 'Paused', 'Waiting', 'Paused']) {
    server.setJob('job_1', replaced('system.status', status));
    await api.getJob('job_1', inTime());
  }
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 'warn', environment: 'production', status: 'Paused' },
    { level: 'warn', environment: 'production', status: 'Waiting' },
  ]);
});

test.each<[unknown, number | null]>([
  [0, 0],
  ['0', 0],
  ['12345', 12_345],
  ['007', 7],
  [-1, null],
  ['-1', null],
  [1.5, null],
  ['1.5', null],
  ['1e3', null],
  ['', null],
  [' 5 ', null],
  ['many', null],
  [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  [1e300, null],
  ['9'.repeat(400), null],
])('the count %j is read as %j', (value, expected) => {
  expect(read(replaced('statistics.itemsFailed', value)).statistics?.failed).toBe(expected);
});

test.each<[string, string | null]>([
  ['2026-01-01T10:04:05Z', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01T10:04:05', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01 10:04:05', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01T10:04Z', '2026-01-01T10:04:00.000Z'],
  ['2026-01-01T10:04:05.1Z', '2026-01-01T10:04:05.100Z'],
  ['2026-01-01T10:04:05.1234567Z', '2026-01-01T10:04:05.123Z'],
  ['2026-01-01T10:04:05.1234567', '2026-01-01T10:04:05.123Z'],
  ['2026-01-01T10:04:05.999999999Z', '2026-01-01T10:04:05.999Z'],
  ['2026-01-01T12:04:05+02:00', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01T12:04:05.1234567+02:00', '2026-01-01T10:04:05.123Z'],
  ['2026-01-01T04:34:05-0530', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01t10:04:05z', '2026-01-01T10:04:05.000Z'],
  ['  2026-01-01T10:04:05Z\n', '2026-01-01T10:04:05.000Z'],
  ['2026-01-01T24:00:00Z', '2026-01-02T00:00:00.000Z'],
  ['2026-02-30T10:04:05Z', '2026-03-02T10:04:05.000Z'],
  ['', null],
  ['soon', null],
  ['2026-01-01', null],
  ['10:04:05', null],
  ['1767261845', null],
  ['01/02/2026 10:04:05', null],
  ['2026-13-01T10:04:05Z', null],
  ['2026-01-32T10:04:05Z', null],
  ['2026-01-01T25:04:05Z', null],
  ['2026-01-01T10:04:05Z and more', null],
  ['2026-01-01T10:04:05+99:00', null],
  ['99999-01-01T10:04:05Z', null],
])('the time %j is read as %j', (value, expected) => {
  const { queuedAt, startedAt, finishedAt } = read({
    system: { status: 'Completed', queuedTime: value, startTime: value, finishTime: value },
  });
  expect([queuedAt, startedAt, finishedAt]).toEqual([expected, expected, expected]);
});

test('a member that nobody needs can be nested to any depth', () => {
  const nested = `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`;
  const body = JSON.stringify(documented).replace('"Pages"', `"Pages","more":${nested}`);
  expect(readJob(body, 'the API')).toEqual(asJob);
});

test('external text is put on one line and cut, without half characters', () => {
  const job = read({
    name: `\u202Ea\u0000b\r\n${'🚀'.repeat(5_000)}`,
    source: 's'.repeat(5_000),
    system: { status: 'Failed', createdBy: { name: 'n'.repeat(5_000) }, canceledBy: { name: '\ud800' } },
  });
  expect(job.name).toMatch(/^a b 🚀+…$/u);
  expect(job.name?.length).toBeLessThanOrEqual(1_000);
  expect(job.source).toHaveLength(100);
  expect(job.startedBy).toHaveLength(200);
  expect(job.canceledBy).toBe('\ufffd');
  expect(read(replaced('name', ' \n ')).name).toBeNull();
});

// Any JSON, but often of the documented shape with something else in its places.
const anything = fc.jsonValue({ maxDepth: 3 });
const oddJob = fc.oneof(
  anything,
  fc
    .array(fc.tuple(fc.constantFrom('system', 'system.status', ...paths.map(([path]) => path)), anything), {
      maxLength: 4,
    })
    .map((changes) => {
      const job = structuredClone(documented) as Json;
      for (const [path, value] of changes) {
        const keys = path.split('.');
        const last = keys.pop() ?? '';
        const parent = keys.reduce<unknown>((object, key) => (object as Json | null)?.[key], job);
        if (typeof parent === 'object' && parent !== null) (parent as Json)[last] = value;
      }
      return job;
    }),
);

test('any JSON is either a job with the status in it, or unreadable', () => {
  let [jobs, errors] = [0, 0];
  fc.assert(
    fc.property(oddJob, (document) => {
      // JSON drops the named members of a list.
      const shown = JSON.parse(JSON.stringify(document)) as { system?: { status?: unknown } } | null;
      const status = shown?.system?.status;
      const expected =
        typeof status === 'string' && status.replace(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, ' ').trim();
      try {
        const job = read(document);
        jobs += 1;
        expect(expected).toBeTruthy();
        expect(job.status.length).toBeGreaterThan(0);
        expect(job.status.length).toBeLessThanOrEqual(64);
        if (!job.status.endsWith('…'))
          expect(String(expected).toWellFormed().replace(/ +/g, ' ')).toContain(job.status);
        expect(JSON.stringify(job).length).toBeLessThan(6_000);
        expectNoSecrets([job], [createdById]);
        const { sent, processed, failed } = job.statistics ?? {};
        for (const count of [sent, processed, failed]) expect(count ?? 0).toBeGreaterThanOrEqual(0);
        for (const time of [job.queuedAt, job.startedAt, job.finishedAt, job.statistics?.asOf]) {
          if (time != null) expect(new Date(time).toISOString()).toBe(time);
        }
      } catch (error) {
        errors += 1;
        expect(error).toBeInstanceOf(UpstreamError);
        expect(error).toMatchObject({ kind: 'unreadable', ambiguous: false });
        expect(expected).toBeFalsy();
      }
    }),
    { numRuns: 1_000 },
  );
  // The property proves nothing if only one side occurs.
  expect(Math.min(jobs, errors)).toBeGreaterThan(50);
});

test('any text is a job or an upstream error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), fc.constant('['.repeat(100_000))), (body) => {
      try {
        readJob(body, 'the API');
      } catch (error) {
        expect(error).toBeInstanceOf(UpstreamError);
      }
    }),
  );
});

test.each(['job_2', 'job_11', 'job_', '{job_1}'])('a response with the id %s is not about job_1', async (id) => {
  server.setJob('job_1', { ...documented, id });
  const error = await failure(ask());
  expect(error).toMatchObject({ kind: 'unreadable', ambiguous: false });
  expect(error.message).toBe('Publishing API of production: the response is about another job');
});

test.each([null, undefined, '', ' ', 7, 'job_1', 'JOB_1', ' job_1 '])(
  'a response with the id %j is about job_1',
  async (id) => {
    server.setJob('job_1', { ...documented, id });
    expect(await ask()).toEqual(asJob);
  },
);

test('percent-encodes the id in the address', async () => {
  const jobId = 'job_~a.b:c;d-E';
  server.setJob(jobId, { ...documented, id: jobId });
  await ask(jobId);
  await ask('a/../b?c#d %2F ä').catch(() => undefined);
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/authoring/publishing/v1/jobs/job_~a.b%3Ac%3Bd-E',
    '/authoring/publishing/v1/jobs/a%2F..%2Fb%3Fc%23d%20%252F%20%C3%A4',
  ]);
});

test.each(['.', '..'])('the valid id %j requests no other resource', async (jobId) => {
  await failure(ask(jobId));
  for (const { path } of server.requests) expect(path).toMatch(/^\/authoring\/publishing\/v1\/jobs\/[^/]+$/);
});

test('sends the token, and nothing of the credential', async () => {
  server.setJob('job_1', documented);
  await ask();
  const [request] = server.requests;
  expect(request).toMatchObject({ method: 'GET', path: '/authoring/publishing/v1/jobs/job_1' });
  expect(request?.headers.authorization).toMatch(/^Bearer \S{20,}$/);
  expectNoSecrets([request?.path, request?.headers], [clientId, clientSecret]);
});

const validation = {
  type: null,
  title: 'One or more validation errors occurred.',
  status: 400,
  detail: 'The id\nis not valid.',
  instance: null,
  traceId: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
  errors: { Id: ['too short', 'not hexadecimal'], Other: ['missing'] },
};

test('the error for a 400 has its problem document, on one line', async () => {
  server.fault({ call: 'job', status: 400, body: validation });
  const error = await failure(ask());
  expect(error.kind).toBe('notFound');
  expect(error.message).toBe(
    'Publishing API of production: no such job (400): One or more validation errors occurred.; The id is not valid.; ' +
      'Id: too short not hexadecimal; Other: missing',
  );
});

test.each<[string, unknown]>([
  ['null in every member', { type: null, title: null, status: null, detail: null, instance: null }],
  ['members of other types', { title: 7, detail: ['x'], errors: 'none' }],
])('the error for a 400 leaves out a problem with %s', async (_, body) => {
  server.fault({ call: 'job', status: 400, body });
  expect((await failure(ask())).message).toBe('Publishing API of production: no such job (400)');
});

/** What a gateway says. The API itself writes a problem document. */
const gatewayBodies: [string, unknown][] = [
  ['HTML', '<html><h1>Not found</h1></html>'],
  ['text', 'Not Found'],
  ['no body', ''],
  ['a list', []],
  ['JSON of a gateway', { message: 'Missing Authentication Token' }],
  ['JSON of another gateway', { statusCode: 404, message: 'Resource not found' }],
  ['the problem of another status', { title: 'Service Unavailable', status: 503 }],
];

describe.each(gatewayBodies)('a gateway that answers with %s', (_, body) => {
  test.each([400, 403, 404])('and status %i is an outage: it says nothing about the job', async (status) => {
    server.fault({ call: 'job', status, body, headers: { 'retry-after': '60' } });
    const error = await failure(ask());
    expect(error).toMatchObject({ kind: 'unavailable', retryAfterMs: 60_000, ambiguous: false });
    expect(error.message).toContain(`answered ${status} without a problem document, as a gateway does`);
    expect(error.message).toContain(status === 403 ? 'xmcpub.jobs.a:r' : 'check apiUrl');
  });

  test('and status 401 gets one new token; then the environment is paused as for a refused credential', async () => {
    server.fault({ call: 'job', status: 401, body, times: 100 });
    const error = await failure(ask());
    expect(error.kind).toBe('credentialRefused');
    expect(error.message).toContain('a fresh token was refused (401), perhaps by a gateway');
    expect([server.requests.length, server.tokenRequests.length]).toEqual([2, 2]);
  });
});

test('cuts a problem of any length', async () => {
  server.fault({
    call: 'job',
    status: 400,
    body: { title: 'x'.repeat(5_000), errors: { Field: ['y'.repeat(5_000)] } },
  });
  const { message } = await failure(ask());
  expect(message.length).toBeLessThan(400);
  expect(message).toMatch(/x…$/);
});

test('replaces a token that is refused once, and reads the job', async () => {
  server.setJob('job_1', documented);
  const api = create();
  await api.getJob('job_1', inTime());
  server.revokeTokens();
  expect(await api.getJob('job_1', inTime())).toEqual(asJob);
  expect([server.requests.length, server.tokenRequests.length]).toEqual([3, 2]);
  const tokens = server.requests.map(({ headers }) => headers.authorization);
  expect(tokens[0]).toBe(tokens[1]);
  expect(tokens[2]).not.toBe(tokens[0]);
});

test('requests one new token for many concurrent refusals', async () => {
  server.setJob('job_1', documented);
  const api = create();
  await api.getJob('job_1', inTime());
  server.revokeTokens();
  const jobs = await Promise.all(Array.from({ length: 20 }, () => api.getJob('job_1', inTime())));
  expect(jobs).toHaveLength(20);
  expect(server.tokenRequests).toHaveLength(2);
});

test('if the new token is refused as well, the credential is refused, after two calls of each kind', async () => {
  server.fault({ ...problemFault(401), call: 'job', times: 100 });
  const error = await failure(ask());
  expect(error).toMatchObject({ kind: 'credentialRefused', ambiguous: false });
  expect(error.message).toMatch(
    /^Publishing API of production: a fresh token was refused \(401\): Unauthorized\. Check/,
  );
  expect([server.requests.length, server.tokenRequests.length]).toEqual([2, 2]);
});

test('a connection that was opened for the token serves one request; a second token gets its own', async () => {
  server.fault({ ...problemFault(401), call: 'job' });
  server.setJob('job_1', documented);
  const api = create();
  const connection = api.connect();
  expect(server.tokenRequests).toEqual([]);
  expect(await api.getJob('job_1', inTime(), connection)).toEqual(asJob);
  expect([server.requests.length, server.tokenRequests.length]).toEqual([2, 2]);
  // The token is kept: nothing has to be opened.
  expect(api.connect()).toBeUndefined();
});

test('never uses a token again that was refused twice', async () => {
  server.fault({ ...problemFault(401), call: 'job', times: 2 });
  server.setJob('job_1', documented);
  const api = create();
  await failure(api.getJob('job_1', inTime()));
  expect(await api.getJob('job_1', inTime())).toEqual(asJob);
  expect(new Set(server.requests.map(({ headers }) => headers.authorization)).size).toBe(3);
});

test('the error of the token endpoint counts if there is no second token', async () => {
  server.fault({ ...problemFault(401), call: 'job', times: 100 });
  const api = create();
  server.fault({ call: 'token', status: 200, body: { access_token: 'first', expires_in: 3_600 } });
  server.fault({ call: 'token', status: 503, headers: { 'retry-after': '9' } });
  expect(await failure(ask('job_1', api))).toMatchObject({ kind: 'tokenUnavailable', retryAfterMs: 9_000 });
  expect([server.requests.length, server.tokenRequests.length]).toEqual([1, 2]);
});

test('the error for a 403 names the scopes and the kind of client', async () => {
  server.fault({ ...problemFault(403), call: 'job' });
  const error = await failure(ask());
  expect(error.kind).toBe('forbidden');
  for (const part of ['(403): Forbidden.', 'xmcpub.jobs.a:r', 'xmcpub.jobs.t:r,', 'xmcpub.jobs.t:rl']) {
    expect(error.message).toContain(part);
  }
  expect(error.message).toMatch(/automation client of the environment/);
  expect([server.requests.length, server.tokenRequests.length]).toEqual([1, 1]);
});

test.each<[string | undefined, number | undefined]>([
  [undefined, undefined],
  ['0', 0],
  ['7', 7_000],
  [' 7 ', 7_000],
  ['86400', 86_400_000],
  ['Thu, 01 Jan 2026 10:10:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 09:00:00 GMT', 0],
  ['', undefined],
  ['soon', undefined],
  ['7 seconds', undefined],
  ['-7', undefined],
  ['1.5', undefined],
  ['later 5', undefined],
])('Retry-After %j with a 429 or a 503 is read as %j milliseconds', async (header, retryAfterMs) => {
  const headers = header === undefined ? {} : { 'retry-after': header };
  const api = create();
  server.fault({ ...problemFault(429, headers), call: 'job' });
  expect(await failure(ask('job_1', api))).toMatchObject({ kind: 'rateLimited', retryAfterMs });
  server.fault({ ...problemFault(503, headers), call: 'job' });
  expect(await failure(ask('job_1', api))).toMatchObject({ kind: 'unavailable', retryAfterMs });
});

const unusable: [string, Fault, UpstreamError['kind'], RegExp][] = [
  ['500', problemFault(500), 'unavailable', /answered 500: Internal Server Error$/],
  ['a gateway with HTML', { status: 502, body: '<html>Bad gateway</html>' }, 'unavailable', /answered 502$/],
  ['a redirect', { status: 302, headers: { location: 'https://elsewhere.invalid' } }, 'unavailable', /answered 302$/],
  ['204', { status: 204 }, 'unavailable', /answered 204$/],
  ['an unknown job', problemFault(404), 'notFound', /no such job \(404\): Not Found$/],
  ['a sign-in page', { status: 200, body: '<html>Sign in</html>' }, 'unreadable', /the response is not JSON$/],
  ['an empty body', { status: 200, body: '' }, 'unreadable', /the response is not JSON$/],
  ['a job twice', { status: 200, body: JSON.stringify(documented).repeat(2) }, 'unreadable', /is not JSON$/],
  ['200,000 brackets', { status: 200, body: '['.repeat(200_000) }, 'unreadable', /the response is not JSON$/],
  ['null', { status: 200, body: 'null' }, 'unreadable', /no status in the response$/],
  ['a list of jobs', { status: 200, body: { data: [documented] } }, 'unreadable', /no status in the response$/],
  ['half a body', { status: 200, body: documented, kind: 'half' }, 'unavailable', /the connection broke/],
  ['50 MB', { status: 200, bytes: 50_000_000 }, 'unreadable', /longer than 1048576 bytes$/],
  ['a reset', { kind: 'reset' }, 'unavailable', /the connection broke \(ECONNRESET\)$/],
];

test.each(unusable)('%s is an error with its own kind', async (_, fault, kind, message) => {
  // A read is repeated once if its connection was idle, as it is while the token is fetched.
  server.fault({ ...fault, call: 'job', times: 2 });
  const error = await failure(ask());
  expect(error).toMatchObject({ kind, message: expect.stringMatching(message) });
  expect(error.message).toMatch(/^Publishing API of production: /);
});

test('stops waiting for the API at the deadline', async () => {
  const api = create();
  server.setJob('job_1', documented);
  await api.getJob('job_1', inTime());
  server.fault({ call: 'job', kind: 'silence' });
  const error = await failure(api.getJob('job_1', clock.now() + 80));
  expect(error).toMatchObject({
    kind: 'outOfTime',
    message: 'Publishing API of production: no response within 0.08 s',
  });
});

test('each step gets the remaining time, and the service at most eight seconds of it', async () => {
  const timeouts: number[] = [];
  const http: Http = async ({ method, timeoutMs, withinMs = timeoutMs }) => {
    timeouts.push(Math.min(timeoutMs, withinMs));
    clock.advance(3_000);
    return method === 'POST'
      ? { status: 200, headers: {}, body: '{"access_token":"a-token","expires_in":3600}' }
      : { status: 401, headers: {}, body: '' };
  };
  await failure(create(http).getJob('job_1', clock.now() + 12_000));
  expect(timeouts).toEqual([8_000, 8_000, 6_000, 3_000]);
});

test('keeps the kind of an error of the token endpoint', async () => {
  server.fault({ call: 'token', status: 401, body: { error: 'access_denied' } });
  expect((await failure(ask())).kind).toBe('credentialRefused');
  server.fault({ call: 'token', status: 500 });
  expect((await failure(ask())).kind).toBe('tokenUnavailable');
  expect(server.requests).toEqual([]);
});

test('no error shows a secret, a token or the id of a person, even if the API repeats them', async () => {
  const accessToken = 'access-token-of-the-tests';
  const echo = `Bearer ${accessToken} ${clientSecret} ${clientId}`;
  const { system: _, ...withoutStatus } = documented;
  const faults: Fault[] = [
    ...unusable.map(([, fault]) => fault),
    ...[400, 401, 403, 404, 429, 500].map((status) => ({
      status,
      body: { title: echo, detail: echo, errors: { Authorization: [echo] } },
    })),
    { status: 200, body: { ...withoutStatus, system: { createdBy: documented.system.createdBy } } },
    { status: 200, body: `${JSON.stringify(documented)} and more` },
  ];
  const errors: UpstreamError[] = [];
  for (const fault of faults) {
    server.clearFaults();
    server.fault({ call: 'token', status: 200, body: { access_token: accessToken, expires_in: 60 }, times: 2 });
    server.fault({ ...fault, call: 'job', times: 2 });
    errors.push(await failure(ask()));
  }
  expectNoSecrets(errors, [clientId, clientSecret, accessToken, createdById]);
});

test('a cut problem does not show the beginning of a token', async () => {
  const accessToken = 'abcdefghijklmnopqrstuvwxyz0123456789';
  for (let padding = 260; padding < 300; padding += 8) {
    server.fault({ call: 'token', status: 200, body: { access_token: accessToken } });
    server.fault({ call: 'job', status: 400, body: { title: `${'x'.repeat(padding)}${accessToken}` } });
    expectNoSecrets([await failure(ask())], [accessToken.slice(0, 4)]);
  }
});

test('reads what the credential may do', async () => {
  server.permissions['canReadAll'] = false;
  expect(await create().permissions(inTime())).toEqual({
    canReadAll: false,
    canReadOwn: true,
    canViewDetailsOfAll: true,
    canViewDetailsOfOwn: true,
    canCreate: true,
  });
  expect(server.requests).toMatchObject([{ method: 'GET', path: '/authoring/publishing/v1/jobs/permissions' }]);
});

test.each<[response: string, Fault, message: string]>([
  ['403', problemFault(403), 'an automation client of the environment, not of the organization'],
  ['404', problemFault(404), 'not found (404). Check apiUrl'],
  ['no JSON', { status: 200, body: '<html>' }, 'the response is not JSON'],
  ['401 always', problemFault(401), 'a fresh token was refused (401)'],
])('cannot read what the credential may do: %s', async (_, fault, message) => {
  server.fault({ call: 'permissions', times: 2, ...fault });
  const error = await failure(create().permissions(inTime()));
  expect(error.message).toContain(message);
});
