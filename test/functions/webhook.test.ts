/** The HTTP contract: responses, the order of errors, and the calls that an invalid request never causes. */

import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler } from '../../functions/webhook.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { loadBundle } from '../support/bundle.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { countStore, dieAfterRecording, itemOf, logged, markOf, postWithin, wrapStore } from '../support/scene.ts';
import { getEvent, httpEvent, lambdaContext, read, startWorld, type World, webhookSecret } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const send = async (event: APIGatewayProxyEventV2, to = notifier) =>
  read(await createHandler(to.deps)(event, lambdaContext(25_000)));
const postBody = (body: string, values: Partial<APIGatewayProxyEventV2> = {}) =>
  send(httpEvent('POST /jobs', { body, ...values }));
const setJob = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });

/** A configuration with two environments, which share the API. */
const twoEnvironments = () => {
  const config = world.config();
  return { ...config, environments: { ...config.environments, staging: { ...config.environments['production'] } } };
};
const deployTwo = () => deploy(world, { clock: notifier.clock, config: twoEnvironments() as never });

describe('POST /jobs', () => {
  test('responds 200 with exactly the documented members for a running job', async () => {
    setJob('job_41B25', 'Running');
    const { status, headers, body } = await notifier.post('job_41B25', 'production');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(headers).not.toHaveProperty('retry-after');
    expect(body).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: 'Running',
      previousStatus: null,
      changed: true,
      watching: true,
      outcome: null,
      deliveries: [],
    });
  });

  test('responds after the first delivery attempt, with the state of each delivery', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    setJob('job_1', 'Completed');
    const { status, body } = await notifier.post('job_1');
    expect([status, world.slack.messages.length, world.topic.messages.length]).toEqual([200, 1, 1]);
    expect(body).toEqual({
      jobId: 'job_1',
      environment: 'production',
      status: 'Completed',
      previousStatus: 'Running',
      changed: true,
      watching: false,
      outcome: 'completed',
      deliveries: [
        { channel: 'events', outcome: 'completed', state: 'sent' },
        { channel: 'team', outcome: 'completed', state: 'sent' },
      ],
    });
  });

  test('an unchanged job gets `changed: false`', async () => {
    setJob('job_1', 'Queued');
    await notifier.post('job_1');
    expect((await notifier.post('job_1')).body).toMatchObject({ changed: false, status: 'Queued', watching: true });
  });

  describe('responds 202 with the same members, a detail and Retry-After, and records the job', () => {
    const rows: [string, () => void, number, RegExp][] = [
      ['the API is down', () => world.api.fault({ call: 'job', status: 500, times: 9 }), 60, /answered 500/],
      ['the API does not know the job yet', () => undefined, 60, /no such job \(404\)/],
      ['the API calls the id invalid', () => world.api.fault({ call: 'job', ...problemFault(400) }), 60, /\(400\)/],
      ['the token endpoint is down', () => world.api.fault({ call: 'token', status: 503, times: 9 }), 60, /503/],
      [
        'the API asks to wait',
        () => world.api.fault({ call: 'job', status: 429, headers: { 'retry-after': '90' } }),
        90,
        /too many requests/,
      ],
      [
        'the credential is refused',
        () => world.api.fault({ call: 'job', status: 401, times: 9 }),
        60,
        /refused \(401\)/,
      ],
      ['the job may not be read', () => world.api.fault({ call: 'job', status: 403 }), 60, /xmcpub\.jobs\.a:r/],
    ];
    test.each(rows)('when %s', async (_name, arrange, retryAfter, detail) => {
      arrange();
      const { status, headers, body } = await notifier.post('job_1');
      expect(status).toBe(202);
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'retry-after': String(retryAfter) });
      expect(body).toEqual({
        jobId: 'job_1',
        environment: 'production',
        status: null,
        previousStatus: null,
        changed: false,
        watching: true,
        outcome: null,
        deliveries: [],
        detail: expect.stringMatching(detail),
      });
      const item = await itemOf(world, 'production#job_1');
      expect(item).toMatchObject({ watch: 'jobs', dueAt: expect.any(Number), firstSeenAt: '2026-01-01T10:10:00.000Z' });
      expect(item).not.toHaveProperty('expiresAt');
      expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([0, 0]);

      world.api.clearFaults();
      setJob('job_1', 'Failed');
      notifier.clock.advance(90_000);
      expect(await notifier.sweep()).toMatchObject({ checked: 1, changed: 1, sent: 2 });
    });

    test('when the environment is paused: no request is sent', async () => {
      world.api.fault({ call: 'job', status: 401, times: 2 });
      await notifier.post('job_1');
      notifier.clock.advance(20_000);
      const before = [world.api.requests.length, world.api.tokenRequests.length];
      // Another worker reads the cooldown from the table.
      const other = deploy(world, { clock: notifier.clock });
      const { status, headers, body } = await other.post('job_2');
      expect([status, headers['retry-after']]).toEqual([202, '40']);
      expect(body).toMatchObject({ status: null, watching: true, detail: expect.stringMatching(/401/) });
      expect([world.api.requests.length, world.api.tokenRequests.length]).toEqual(before);
      expect((await other.get('job_2')).body.check.error).toMatch(/401/);
    });
  });

  describe('responds 503 with Retry-After when nothing could be recorded', () => {
    const brokenTable = () => Promise.reject(new Error('the table is away, secret-of-the-table'));
    test.each(['save', 'getWithMarks'] as const)('because the table fails at %s', async (method) => {
      setJob('job_1', 'Completed');
      wrapStore(notifier, () => ({ [method]: brokenTable }));
      const { status, headers, body } = await notifier.post('job_1');
      expect(status).toBe(503);
      expect(headers).toMatchObject({ 'content-type': 'application/problem+json' });
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(body).toEqual({
        type: 'about:blank',
        title: 'Service Unavailable',
        status: 503,
        detail: expect.any(String),
        instance: 'urn:request:request-1',
      });
      expect(JSON.stringify(body)).not.toContain('table is away');
      // Nothing was accepted, and nothing was sent without a record.
      expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([0, 0]);
      expect(await itemOf(world, 'production#job_1')).toBeUndefined();
      expect(logged(notifier).filter(({ level }) => level === 'error')[0]).toMatchObject({ jobId: 'job_1' });
    });

    test('because the table cannot be reached', async () => {
      setJob('job_1', 'Completed');
      const unreachable = deploy(world, { clock: notifier.clock });
      process.env['AWS_ENDPOINT_URL_DYNAMODB'] = 'http://127.0.0.1:9';
      expect((await unreachable.post('job_1')).status).toBe(503);
      expect(world.slack.requestCount()).toBe(0);
    });
  });

  test('waits no longer than 25 s for the API, whatever time is left', async () => {
    setJob('job_1', 'Running');
    const deadlines: number[] = [];
    const { api } = notifier.deps;
    notifier.deps.api = (name) => ({
      ...api(name),
      getJob: (id, deadline) => {
        deadlines.push(deadline);
        return api(name).getJob(id, deadline);
      },
    });
    await postWithin(notifier, 'job_1', 900_000);
    expect(deadlines[0]).toBeLessThanOrEqual(notifier.clock.now() + 25_000);
  });

  test('a job that another worker is about to announce gets what is known, and not announced', async () => {
    setJob('job_1', 'Completed');
    await dieAfterRecording(world, notifier.clock, (dying) => dying.post('job_1'));
    const { status, body } = await notifier.post('job_1');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      changed: false,
      watching: true,
      deliveries: [
        { channel: 'events', outcome: 'completed', state: 'pending' },
        { channel: 'team', outcome: 'completed', state: 'pending' },
      ],
    });
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([0, 0]);
  });
});

describe('the environment', () => {
  test('must be named when two are configured, and keeps equal ids apart', async () => {
    const two = deployTwo();
    setJob('job_1', 'Running');
    const unnamed = await two.post('job_1');
    expect([unnamed.status, unnamed.body.detail]).toEqual([422, expect.stringContaining('production, staging')]);
    expect((await two.post('job_1', 'staging')).body).toMatchObject({ environment: 'staging', changed: true });
    expect((await two.get('job_1', 'production')).status).toBe(404);
    expect((await two.get('job_1', 'staging')).status).toBe(200);
    const event = httpEvent('GET /jobs/{jobId}', { pathParameters: { jobId: 'job_1' } });
    expect((await send(event, two)).status).toBe(422);
  });

  test.each([['"nowhere"'], ['null']])('%s is 422, and nothing is requested or recorded', async (environment) => {
    const counts = countStore(notifier);
    const { status, body } = await postBody(`{"jobId":"job_1","environment":${environment}}`);
    expect([status, body.title]).toEqual([422, 'Unprocessable Entity']);
    expect([world.calls(), counts]).toEqual([0, {}]);
  });
});

describe('GET /jobs/{jobId}', () => {
  test('says why nothing happens: the environment of the job is paused', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    world.api.revokeTokens();
    world.api.fault({ call: 'token', ...problemFault(401), times: 9 });
    notifier.clock.advance(60_000);
    await notifier.sweep();
    expect((await notifier.get('job_1')).body.check).toMatchObject({
      error: expect.stringMatching(/^the environment is paused: .*client id or secret was refused/),
      nextAt: new Date(notifier.clock.now() + 60_000).toISOString(),
    });
    notifier.clock.advance(60_000);
    expect((await notifier.get('job_1')).body.check.error).toBeNull();
  });

  test('returns what the table knows, with exactly the documented members, and sends no request', async () => {
    setJob('job_1', 'Failed');
    await notifier.post('job_1');
    const calls = world.calls();
    const { status, headers, body } = await notifier.get('job_1');
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect(world.calls()).toBe(calls);
    const delivery = {
      outcome: 'failed',
      state: 'sent',
      attempts: 1,
      createdAt: '2026-01-01T10:10:00.000Z',
      at: '2026-01-01T10:10:00.000Z',
      nextAt: null,
      error: null,
      ambiguous: false,
      failingSince: null,
    };
    expect(body).toEqual({
      jobId: 'job_1',
      environment: 'production',
      status: 'Failed',
      previousStatus: null,
      watching: false,
      outcome: 'failed',
      job: expect.objectContaining({ name: 'Nightly site publish', source: 'Pages', startedBy: 'Release pipeline' }),
      decision: expect.objectContaining({
        reason: 'firstSeenFinished',
        outcome: 'failed',
        status: 'Failed',
        previousStatus: null,
        corrects: null,
        at: '2026-01-01T10:10:00.000Z',
        channels: ['team', 'events'],
        mention: null,
        rule: 'everyChannel',
      }),
      check: { failures: 0, error: null, nextAt: null, failingSince: null },
      deliveries: [
        { ...delivery, channel: 'events', receipt: world.topic.messages[0] && expect.any(String) },
        { ...delivery, channel: 'team', receipt: 'ok' },
      ],
    });
  });

  test('a job that was never seen is 404, without a call to Sitecore', async () => {
    const { status, headers, body } = await notifier.get('job_1');
    expect([status, headers['content-type']]).toEqual([404, 'application/problem+json']);
    expect(body).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: expect.any(String),
      instance: 'urn:request:request-1',
    });
    expect(world.calls()).toBe(0);
  });

  test('a mark of the notifier itself is no job', async () => {
    world.api.fault({ call: 'job', status: 401, times: 2 });
    await notifier.post('job_1');
    expect(await markOf(world, 'cooldown#environment#production')).toBeDefined();
    expect((await notifier.get('environment#production', 'rest')).status).toBe(400);
  });

  test('a table that fails is 500 without internals', async () => {
    wrapStore(notifier, () => ({ get: () => Promise.reject(new Error('internals of the table')) }));
    const { status, body } = await notifier.get('job_1');
    expect([status, body.title]).toEqual([500, 'Internal Server Error']);
    expect(JSON.stringify(body)).not.toContain('internals of the table');
    expect(
      logged(notifier).some(({ level, error }) => level === 'error' && /internals/.test(JSON.stringify(error))),
    ).toBe(true);
  });
});

describe('errors', () => {
  const tooLong = `{"jobId":"${'x'.repeat(64 * 1024)}"}`;
  const bad = { authorization: 'Bearer wrong' };
  const good = { authorization: `Bearer ${webhookSecret}` };
  const text = { 'content-type': 'text/plain' };
  const json = { 'content-type': 'application/json' };
  const rows: [number, string, string, Record<string, string>][] = [
    [413, 'too long, with everything else wrong as well', tooLong.slice(1), { ...bad, ...text }],
    [401, 'a wrong credential, no JSON, unusable', '{"jobId":', { ...bad, ...text }],
    [415, 'not JSON by its type, and broken', '{"jobId":', { ...good, ...text }],
    [400, 'broken JSON', '{"jobId":', { ...good, ...json }],
    [400, 'a bad jobId in an unknown environment', '{"jobId":"a/b","environment":"nowhere"}', { ...good, ...json }],
    [422, 'an unknown environment', '{"jobId":"job_1","environment":"nowhere"}', { ...good, ...json }],
    [202, 'nothing', '{"jobId":"job_1"}', { ...good, ...json }],
  ];
  test.each(rows)('come in the documented order: %i for %s', async (expected, _name, body, headers) => {
    const { status, headers: answered, body: answer } = await postBody(body, { headers });
    expect(status).toBe(expected);
    if (expected === 202) return;
    expect(answered['content-type']).toBe('application/problem+json');
    expect(Object.keys(answer).sort()).toEqual(['detail', 'instance', 'status', 'title', 'type']);
    expect(answer).toMatchObject({ status: expected, instance: 'urn:request:request-1' });
    expect(answer.detail).not.toBe('');
    expect(world.calls()).toBe(0);
  });

  test('the longest body that is read has 64 KiB, in bytes and not in characters', async () => {
    const filled = (length: number, filler: string) => `{"jobId":"job_1","x":"${filler.repeat(length)}"}`;
    const frame = Buffer.byteLength(filled(0, ''));
    expect((await postBody(filled(65_536 - frame, 'x'))).status).toBe(202);
    expect((await postBody(filled(65_537 - frame, 'x'))).status).toBe(413);
    expect((await postBody(filled(22_000, '€'))).status).toBe(413);
  });

  test.each([
    ['application/json', 202],
    ['application/json; charset=utf-8', 202],
    ['text/plain', 415],
  ])('content-type "%s" is %i', async (type, status) => {
    expect((await postBody('{"jobId":"job_1"}', { headers: { 'content-type': type } })).status).toBe(status);
  });

  test.each([[''], ['null'], ['7'], ['"job_1"'], ['[]'], ['["job_1"]'], ['{}'], ['{"jobId":null}'], ['{"jobid":"a"}']])(
    'the body %j is 400',
    async (body) => {
      expect((await postBody(body)).status).toBe(400);
      expect(world.calls()).toBe(0);
    },
  );

  test.each([
    ['PUT /jobs', 'POST'],
    ['ANY /jobs', 'POST'],
    ['DELETE /jobs/{jobId}', 'GET'],
    ['ANY /wake', 'POST'],
    ['ANY /health', 'GET'],
  ])('the route %s is 405 and names %s as allowed, after the credential is checked', async (route, allow) => {
    const { status, headers, body } = await send(httpEvent(route, { body: '{"jobId":"job_1"}' }));
    expect([status, headers['allow'], body.title]).toEqual([405, allow, 'Method Not Allowed']);
    expect((await send(httpEvent(route, { headers: { authorization: '' } }))).status).toBe(401);
    expect(world.calls()).toBe(0);
  });

  test.each(['$default', 'POST /', 'GET /nothing'])('the route %s is 404', async (route) => {
    const { status, body } = await send(httpEvent(route, { body: '{"jobId":"job_1"}' }));
    expect([status, body.title]).toEqual([404, 'Not Found']);
    expect(world.calls()).toBe(0);
  });
});

describe('the jobId', () => {
  const longest = 'x'.repeat(128);
  test.each([['A-Z_a.z~0:9;'], [longest]])('%s is taken, and asked for as it is', async (jobId) => {
    setJob(jobId, 'Running');
    expect((await notifier.post(jobId)).body).toMatchObject({ jobId, status: 'Running' });
    expect(world.api.requests.map(({ path }) => path)).toEqual([
      `/authoring/publishing/v1/jobs/${encodeURIComponent(jobId)}`,
    ]);
    expect((await send(getEvent(jobId))).body).toMatchObject({ jobId, status: 'Running' });
  });

  test.each([['../jobs'], [`${longest}x`]])('%j is 400, and no request is sent', async (jobId) => {
    expect((await postBody(JSON.stringify({ jobId }))).status).toBe(400);
    expect((await send(getEvent(jobId))).status).toBe(400);
    expect(world.calls()).toBe(0);
  });

  // `.` and `..` are made of allowed characters, but in a URL they are steps, percent-encoded or not.
  test.each([['.'], ['..']])('%s never leads out of the path of the jobs', async (jobId) => {
    await notifier.post(jobId);
    for (const { path } of world.api.requests) expect(path).toMatch(/^\/authoring\/publishing\/v1\/jobs\/[^/]+$/);
  });
});

test.each([['application/json'], ['application/json; charset=utf-8']])('a base64 body of %s is read', async (type) => {
  setJob('job_1', 'Running');
  const body = Buffer.from('{"jobId":"job_1"}').toString('base64');
  const { status } = await postBody(body, { isBase64Encoded: true, headers: { 'content-type': type } });
  expect(status).toBe(200);
});

test('a base64 body is measured by what it stands for', async () => {
  const encoded = (length: number) => Buffer.alloc(length, 'x').toString('base64');
  expect((await postBody(encoded(65_536), { isBase64Encoded: true })).status).toBe(400);
  expect((await postBody(encoded(65_537), { isBase64Encoded: true })).status).toBe(413);
});

describe('the credential', () => {
  const none = { authorization: '' };
  const withSecrets = (secrets: string[]) =>
    deploy(world, { clock: notifier.clock, config: { ...world.config(), webhook: { secrets } } });
  const post = (headers: Record<string, string>, to = notifier) =>
    send(httpEvent('POST /jobs', { body: '{"jobId":"job_1"}', headers }), to);

  test.each([
    ['Authorization: Bearer', { authorization: `Bearer ${webhookSecret}` }],
    ['x-api-key', { ...none, 'x-api-key': webhookSecret }],
  ])('is taken as %s', async (_name, headers) => {
    expect((await post(headers)).status).toBe(202);
  });

  const refused: [string, Record<string, string>][] = [
    ['none', none],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['a wrong key', { ...none, 'x-api-key': 'wrong' }],
  ];
  test.each(refused)('%s is 401, and nothing at all is called, not even the table', async (_name, headers) => {
    setJob('job_1', 'Completed');
    const counts = countStore(notifier);
    const requests = [
      httpEvent('POST /jobs', { body: '{"jobId":"job_1"}', headers }),
      httpEvent('GET /jobs/{jobId}', { pathParameters: { jobId: 'job_1' }, headers }),
      httpEvent('GET /nowhere', { headers }),
    ];
    for (const request of requests) {
      const { status, headers: answered, body } = await send(request);
      expect([status, answered['www-authenticate'], body.title]).toEqual([401, 'Bearer', 'Unauthorized']);
      expect(JSON.stringify(body)).not.toContain(webhookSecret);
    }
    expect([world.calls(), counts]).toEqual([0, {}]);
  });

  test('several secrets hold at once, so that one can be rotated', async () => {
    const rotating = withSecrets(['the-old-secret', 'the-new-secret']);
    expect((await post({ authorization: 'Bearer the-old-secret' }, rotating)).status).toBe(202);
    expect((await post({ ...none, 'x-api-key': 'the-new-secret' }, rotating)).status).toBe(202);
    expect((await post({ authorization: 'Bearer the-old-secret,the-new-secret' }, rotating)).status).toBe(401);
  });

  test('a secret that cannot be read opens nothing: the others hold, and without any it is 503', async () => {
    const half = withSecrets(['env:NOT_SET_ANYWHERE', 'the-new-secret']);
    expect((await post({ authorization: 'Bearer the-new-secret' }, half)).status).toBe(202);
    const offers = ['', 'undefined', 'null', 'env:NOT_SET_ANYWHERE', 'NOT_SET_ANYWHERE'];
    for (const offer of offers) expect((await post({ authorization: `Bearer ${offer}` }, half)).status).toBe(401);
    const blind = withSecrets(['env:NOT_SET_ANYWHERE']);
    for (const offer of offers) expect((await post({ authorization: `Bearer ${offer}` }, blind)).status).toBe(503);
  });

  test.each([
    ['no secrets', { secrets: [] }],
    ['no webhook part', undefined],
  ])('with %s configured the built webhook refuses to start; the others need none', (_name, webhook) => {
    const { webhook: _, ...config } = world.config();
    const env = world.env({ ...config, ...(webhook ? { webhook } : {}) } as never);
    expect(() => loadBundle('webhook', env)).toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringContaining('webhook.secrets') }),
    );
    for (const name of ['event', 'sweep'] as const) expect(loadBundle(name, env)).toBeTypeOf('function');
  });
});
