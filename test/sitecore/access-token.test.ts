import { afterEach, beforeEach, expect, test } from 'vitest';
import type { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp, type Http } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import { type AccessToken, createAccessToken } from '../../lib/sitecore/access-token.ts';
import type { Fault } from '../../local/faults.ts';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

const clientId = 'client-id-of-the-tests';
const clientSecret = 'p&ss=w%rd +ü"\\/';

let server: PublishingApiServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await startPublishingApiServer({ clientId, clientSecret });
  clock = createFakeClock();
});
afterEach(() => server.close());

interface Given {
  http?: Http;
  env?: Record<string, string>;
  secretReference?: string;
  readParameters?: ReadParameters;
}

function create({ http = createHttp(), env = {}, secretReference, readParameters }: Given = {}): AccessToken {
  const redact = createRedactor();
  const environment = {
    name: 'production',
    clientId,
    clientSecret: secretReference ?? clientSecret,
    tokenUrl: server.tokenUrl,
  };
  const secrets = createSecrets({
    env,
    clock,
    redact,
    readParameters: readParameters ?? (async () => new Map()),
    references: [environment.clientId, environment.clientSecret],
  });
  return createAccessToken({ http, clock, secrets, redact }, environment);
}

/** Systems Manager with one parameter. Counts the reads. */
function parameters(values: () => Record<string, string>) {
  const store = { reads: 0 };
  const readParameters: ReadParameters = async (names) => {
    store.reads += 1;
    return new Map(Object.entries(values()).filter(([name]) => names.includes(name)));
  };
  return Object.assign(store, { readParameters });
}

const seconds = 1_000;
const minutes = 60 * seconds;
const token = (values: object): Fault => ({ status: 200, body: { access_token: 'a-token', ...values } });

test('sends the credential as documented, with the audience and without a scope', async () => {
  await create().get(5_000);
  expect(server.tokenRequests).toMatchObject([
    { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  ]);
  expect(server.tokenRequests[0]?.body).toEqual({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    audience: 'https://api.sitecorecloud.io',
  });
});

test('concurrent callers share one request and its token', async () => {
  const accessToken = create();
  const tokens = await Promise.all(Array.from({ length: 50 }, () => accessToken.get(5_000)));
  expect(new Set(tokens).size).toBe(1);
  expect(server.tokenRequests).toHaveLength(1);
});

test('concurrent callers share one failure, and the next caller makes a new request', async () => {
  server.fault({ call: 'token', status: 503 });
  const accessToken = create();
  const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => accessToken.get(5_000)));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(50);
  expect(server.tokenRequests).toHaveLength(1);
  expect(await accessToken.get(5_000)).toEqual(expect.any(String));
  expect(server.tokenRequests).toHaveLength(2);
});

test.each([
  [86_400, 86_340],
  [3_600, 3_540],
  [180, 120],
])('keeps a token that lives %i seconds for %i: until a minute before it expires', async (expires_in, keptFor) => {
  server.fault({ call: 'token', ...token({ expires_in }) });
  const accessToken = create();
  await accessToken.get(5_000);
  clock.advance(keptFor * seconds - 1);
  expect(await accessToken.get(5_000)).toBe('a-token');
  expect(server.tokenRequests).toHaveLength(1);
  clock.advance(1);
  expect(await accessToken.get(5_000)).not.toBe('a-token');
  expect(server.tokenRequests).toHaveLength(2);
});

test.each([1, 30, 59, 60, 61])(
  'uses a token that lives only %i seconds, and never after it expires',
  async (expires_in) => {
    server.fault({ call: 'token', ...token({ expires_in }) });
    const accessToken = create();
    await accessToken.get(5_000);
    expect(await accessToken.get(5_000)).toBe('a-token');
    clock.advance(expires_in * seconds);
    expect(await accessToken.get(5_000)).not.toBe('a-token');
    expect(server.tokenRequests).toHaveLength(2);
  },
);

test.each<[string, object]>([
  ['absent', {}],
  ['null', { expires_in: null }],
  ['zero', { expires_in: 0 }],
  ['negative', { expires_in: -60 }],
  ['a word', { expires_in: 'soon' }],
  ['an object', { expires_in: {} }],
])('uses a token whose lifetime is %s for some minutes, and not for an hour', async (_, values) => {
  server.fault({ call: 'token', ...token(values) });
  const accessToken = create();
  await accessToken.get(5_000);
  clock.advance(60 * seconds);
  expect(await accessToken.get(5_000)).toBe('a-token');
  clock.advance(60 * minutes);
  expect(await accessToken.get(5_000)).not.toBe('a-token');
});

test('never returns a dropped token again', async () => {
  const accessToken = create();
  const first = await accessToken.get(5_000);
  accessToken.drop(first);
  expect(await accessToken.get(5_000)).not.toBe(first);
  expect(server.tokenRequests).toHaveLength(2);
});

test('dropping a token that was already replaced has no effect', async () => {
  const accessToken = create();
  const first = await accessToken.get(5_000);
  accessToken.drop(first);
  const second = await accessToken.get(5_000);
  accessToken.drop(first);
  accessToken.drop('some other token');
  expect(await accessToken.get(5_000)).toBe(second);
  expect(server.tokenRequests).toHaveLength(2);
});

test.each([400, 401, 403])(
  'a response of %i means that the credential is refused, and the error names the remedy',
  async (status) => {
    server.fault({ call: 'token', status, body: { error: 'invalid_client' } });
    const error = await failure(create().get(5_000));
    expect(error.kind).toBe('credentialRefused');
    expect(error.message).toMatch(/^token for production: .+ \(4\d\d\)\. .+ Environment, Automation client/);
    expect(error.message).toContain(String(status));
    expect(server.tokenRequests).toHaveLength(1);
  },
);

test.each([400, 401, 403])(
  'a response of %i that a gateway writes says nothing about the credential',
  async (status) => {
    for (const body of [
      '<html>Forbidden</html>',
      '',
      'Forbidden',
      { message: 'Forbidden' },
      { error: { code: 403 } },
      [],
    ]) {
      server.fault({ call: 'token', status, body, headers: { 'retry-after': '30' } });
      const error = await failure(create().get(5_000));
      expect(error).toMatchObject({ kind: 'tokenUnavailable', retryAfterMs: 30_000 });
      expect(error.message).toBe(`token for production: the token endpoint answered ${status}`);
    }
  },
);

const problems: [string, Fault, number | undefined][] = [
  ['429', { status: 429 }, undefined],
  ['429 with seconds to wait', { status: 429, headers: { 'retry-after': '30' } }, 30_000],
  ['429 with a date', { status: 429, headers: { 'retry-after': 'Thu, 01 Jan 2026 10:12:00 GMT' } }, 120_000],
  ['500', { status: 500, body: 'oops' }, undefined],
  ['503 with seconds to wait', { status: 503, headers: { 'retry-after': '5' } }, 5_000],
  ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, undefined],
  ['204', { status: 204 }, undefined],
  ['no connection left', { kind: 'reset' }, undefined],
  ['nothing', { kind: 'silence' }, undefined],
  ['half a response', { ...token({}), kind: 'half' }, undefined],
  ['50 MB', { status: 200, bytes: 50_000_000 }, undefined],
  ['HTML', { status: 200, body: '<html>Sign in</html>' }, undefined],
  ['an empty body', { status: 200, body: '' }, undefined],
  ['null', { status: 200, body: 'null' }, undefined],
  ['a list', { status: 200, body: [] }, undefined],
  ['no token', { status: 200, body: { expires_in: 3_600 } }, undefined],
  ['an empty token', token({ access_token: '' }), undefined],
  ['a token that is null', token({ access_token: null }), undefined],
  ['a token that is a number', token({ access_token: 12_345 }), undefined],
  // Node throws for a header with these.
  ['a token that fits no header', token({ access_token: 'two\nlines' }), undefined],
  ['a token beyond ASCII', token({ access_token: 'tökén\u2028' }), undefined],
];
test.each(problems)(
  '%s means that there is no token now; it says nothing about the credential',
  async (_, fault, retryAfterMs) => {
    server.fault({ call: 'token', ...fault });
    const http = createHttp();
    const impatient: Http = (request) => http({ ...request, timeoutMs: 60 });
    const error = await failure(create({ http: fault.kind === 'silence' ? impatient : http }).get(5_000));
    expect(error).toMatchObject({ kind: 'tokenUnavailable', retryAfterMs });
    expect(error.message).toMatch(/^token for production: /);
  },
);

test('too little time for a response says nothing about the token endpoint', async () => {
  server.fault({ call: 'token', kind: 'silence' });
  expect((await failure(create().get(60))).kind).toBe('outOfTime');
});

test('there is no token without a connection', async () => {
  await server.close();
  expect((await failure(create().get(5_000))).kind).toBe('tokenUnavailable');
});

test('reads and uses a rotated secret when the old one is refused', async () => {
  let secret = 'the-secret-before';
  const store = parameters(() => ({ '/secret': secret }));
  server.fault({ call: 'token', ...token({ expires_in: 3_600 }) });
  const accessToken = create({ secretReference: 'ssm:/secret', readParameters: store.readParameters });
  await accessToken.get(5_000);
  secret = clientSecret;
  clock.advance(60 * minutes);
  expect(await accessToken.get(5_000)).not.toBe('a-token');
  expect(server.tokenRequests.map(({ body }) => body['client_secret'])).toEqual([
    'the-secret-before',
    'the-secret-before',
    clientSecret,
  ]);
  expect(store.reads).toBe(2);
});

test('reads secrets again at most every five minutes, however often the credential is refused', async () => {
  const store = parameters(() => ({ '/secret': 'a wrong secret' }));
  const accessToken = create({ secretReference: 'ssm:/secret', readParameters: store.readParameters });
  const attempt = async () => {
    const asked = server.tokenRequests.length;
    expect((await failure(accessToken.get(5_000))).kind).toBe('credentialRefused');
    return [store.reads, server.tokenRequests.length - asked];
  };
  expect(await attempt()).toEqual([1, 1]);
  clock.advance(5 * minutes - 1);
  expect(await attempt()).toEqual([1, 1]);
  clock.advance(1);
  expect(await attempt()).toEqual([2, 2]);
  clock.advance(5 * minutes - 1);
  expect(await attempt()).toEqual([2, 1]);
});

test('does not read secrets again for any other error', async () => {
  const store = parameters(() => ({ '/secret': clientSecret }));
  const accessToken = create({ secretReference: 'ssm:/secret', readParameters: store.readParameters });
  accessToken.drop(await accessToken.get(5_000));
  clock.advance(60 * minutes);
  server.fault({ call: 'token', status: 503 });
  expect((await failure(accessToken.get(5_000))).kind).toBe('tokenUnavailable');
  expect([store.reads, server.tokenRequests.length]).toEqual([1, 2]);
});

test.each(['env:SECRET', 'a wrong secret'])(
  'does not retry a refused credential from %s: it cannot have changed',
  async (secretReference) => {
    const accessToken = create({ secretReference, env: { SECRET: 'a wrong secret' } });
    clock.advance(60 * minutes);
    expect((await failure(accessToken.get(5_000))).kind).toBe('credentialRefused');
    expect(server.tokenRequests).toHaveLength(1);
  },
);

test('a missing parameter is a fault of the credential until it is there', async () => {
  const values: Record<string, string> = {};
  const store = parameters(() => values);
  const accessToken = create({ secretReference: 'ssm:/secret', readParameters: store.readParameters });
  const error = await failure(accessToken.get(5_000));
  expect(error.kind).toBe('credentialRefused');
  expect(error.message).toMatch(/^credential of production: the parameter \/secret is missing/);
  values['/secret'] = clientSecret;
  clock.advance(5 * minutes);
  expect(await accessToken.get(5_000)).toEqual(expect.any(String));
});

test('an outage of Systems Manager is not a fault of the credential', async () => {
  const readParameters = () => Promise.reject(Object.assign(new Error('slow down'), { name: 'ThrottlingException' }));
  const error = await failure(create({ secretReference: 'ssm:/secret', readParameters }).get(5_000));
  expect(error.kind).toBe('tokenUnavailable');
  expect(error.message).toMatch(/^credential of production: .+ThrottlingException/);
  expect(server.tokenRequests).toEqual([]);
});

test('a refusal during an outage of Systems Manager stays a refusal', async () => {
  let isDown = false;
  const readParameters: ReadParameters = async () => {
    if (isDown) throw new Error('down');
    return new Map([['/secret', 'a wrong secret']]);
  };
  const accessToken = create({ secretReference: 'ssm:/secret', readParameters });
  await failure(accessToken.get(5_000));
  isDown = true;
  clock.advance(5 * minutes);
  expect((await failure(accessToken.get(5_000))).kind).toBe('credentialRefused');
});

test('reading secrets and retrying with new ones stay within the given time', async () => {
  const timeouts: number[] = [];
  const http: Http = async ({ timeoutMs, withinMs = timeoutMs }) => {
    timeouts.push(Math.min(timeoutMs, withinMs));
    clock.advance(3_000);
    return { status: 401, headers: {}, body: '{"error":"access_denied"}' };
  };
  const readParameters: ReadParameters = async () => {
    clock.advance(1_000);
    return new Map([['/secret', 'a secret']]);
  };
  const accessToken = create({ http, secretReference: 'ssm:/secret', readParameters });
  await failure(accessToken.get(8_000));
  clock.advance(5 * minutes);
  await failure(accessToken.get(8_000));
  // First, reading the parameters takes a second. Then: the request, the parameters again, the rest of the time.
  expect(timeouts).toEqual([7_000, 8_000, 4_000]);
});

test('no error shows a secret or a token, even if the endpoint repeats them', async () => {
  const echo = `client_secret=${clientSecret}&client_id=${clientId}&token=a-token`;
  const faults: Fault[] = [
    ...problems.map(([, fault]) => fault).filter(({ kind }) => kind !== 'silence'),
    ...[400, 401, 403, 404, 429, 500, 200].map((status) => ({
      status,
      body: { error: echo, error_description: echo },
    })),
    ...[401, 500, 200].map((status) => ({ status, body: echo })),
  ];
  const errors: UpstreamError[] = [];
  for (const fault of faults) {
    server.fault({ call: 'token', ...fault });
    errors.push(await failure(create().get(5_000)));
  }
  expectNoSecrets(errors, [clientId, clientSecret, 'a-token']);
});
