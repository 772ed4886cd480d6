import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../lib/channels/channel.ts';
import { teams } from '../../lib/channels/teams.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import type { Fault } from '../../local/faults.ts';
import { type FlowTemplate, startTeamsServer, type TeamsServer } from '../../local/teams-server.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { messageAbout } from './every-outcome.ts';

let server: TeamsServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await startTeamsServer();
  clock = createFakeClock();
});
afterEach(() => server.close());

interface Given {
  url?: string;
  payload?: FlowTemplate;
  env?: Record<string, string>;
  readParameters?: ReadParameters;
}
function create({ url = server.flowUrl(), payload, env = {}, readParameters }: Given = {}): Channel {
  const redact = createRedactor();
  const secrets = createSecrets({
    env,
    clock,
    redact,
    readParameters: readParameters ?? (async () => new Map()),
    references: [url],
  });
  return teams.create(
    { http: createHttp(), clock, secrets, redact },
    { type: 'teams', url, ...(payload ? { payload } : {}) },
  );
}
const message = messageAbout('failed');

async function failure(sent: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await sent.then(
    () => new Error('it was sent'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UpstreamError);
  return outcome as UpstreamError;
}

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const closed = net.createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return port;
}

test('a card that the flow accepts is one request, and the receipt says accepted', async () => {
  expect(await create().send(message, 5_000)).toEqual({ receipt: 'accepted' });
  expect(server.requests).toHaveLength(1);
  expect(server.messages).toMatchObject([{ card: { type: 'AdaptiveCard', version: '1.4' } }]);
  expect(server.failedRuns).toEqual([]);
});

describe('the two templates of flows', () => {
  const rows: [configured: FlowTemplate, template: FlowTemplate, failedRuns: unknown[]][] = [
    ['message', 'message', []],
    ['card', 'card', []],
    ['card', 'message', ['ActionFailed: there are no attachments to loop over']],
    ['message', 'card', ["InvalidBotAdaptiveCard: Property 'type' must be 'AdaptiveCard'"]],
  ];
  test.each(rows)('payload %s for a flow that expects a %s', async (payload, template, failedRuns) => {
    const flow = await startTeamsServer({ template });
    // The response is the same: what is wrong shows only in the history of the flow.
    expect(await create({ url: flow.flowUrl(), payload }).send(message, 5_000)).toEqual({ receipt: 'accepted' });
    expect(flow.failedRuns).toEqual(failedRuns);
    expect(flow.messages).toHaveLength(1 - failedRuns.length);
    await flow.close();
  });
});

type Row = [response: string, Fault, Pick<UpstreamError, 'kind' | 'ambiguous' | 'retryAfterMs'>];
const permanent = { kind: 'needsOperator', ambiguous: false, retryAfterMs: undefined } as const;
const transient = { kind: 'unavailable', ambiguous: true, retryAfterMs: undefined } as const;
const wait = (retryAfterMs: number | undefined) => ({ kind: 'rateLimited', ambiguous: false, retryAfterMs }) as const;
const refusals: Row[] = [
  ...[400, 401, 403, 404, 410].map((status): Row => [`${status}`, { status, body: 'refused' }, permanent]),
  ['a redirect', { status: 302, headers: { location: 'https://elsewhere.invalid/' } }, permanent],
  ['413', { status: 413 }, { kind: 'payloadRefused', ambiguous: false, retryAfterMs: undefined }],
  ['429 with seconds', { status: 429, headers: { 'retry-after': '30' } }, wait(30_000)],
  ['429 without seconds', { status: 429 }, wait(undefined)],
  ...[408, 500, 502, 504].map((status): Row => [`${status}`, { status, body: '<html>' }, transient]),
  ['503 with seconds', { status: 503, headers: { 'retry-after': '9' } }, { ...transient, retryAfterMs: 9_000 }],
  ['half a response', { kind: 'half', status: 202, body: 'accepted' }, transient],
  ['a reset', { kind: 'reset' }, transient],
  ['silence', { kind: 'silence' }, transient],
];
test.each(refusals)('%s is not sent, is asked once, and says what follows from it', async (_, fault, expected) => {
  server.answerWith(fault);
  const timeoutMs = fault.kind === 'silence' ? 200 : 5_000;
  expect(await failure(create().send(message, timeoutMs))).toMatchObject(expected);
  expect(server.requests).toHaveLength(1);
});

test('a refusal says what to check', async () => {
  server.answerWith({ status: 404, body: '{"error":{"code":"WorkflowNotFound"}}' });
  expect((await failure(create().send(message, 5_000))).message).toBe(
    'Teams: responded with 404 {"error":{"code":"WorkflowNotFound"}}. Check that the flow exists, is turned on, and still has an owner',
  );
});

test('nobody who listens is certainly not posted', async () => {
  const url = server.flowUrl().replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${await deadPort()}`);
  expect(await failure(create({ url }).send(message, 5_000))).toMatchObject({ kind: 'unavailable', ambiguous: false });
});

describe('the address', () => {
  const path = '/powerautomate/automations/direct/workflows/flow/triggers/manual/paths/invoke';
  const query = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=a%2Bb+c%2fd-_~'!.x%3D";

  /** A server that shows what arrives. It stands for a host on port 443. */
  async function startRecorder() {
    const lines: string[] = [];
    const recorder = net.createServer((socket) => {
      socket.once('data', (chunk) => {
        lines.push(...chunk.toString('latin1').split('\r\n').slice(0, 2));
        socket.end('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n');
      });
    });
    await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
    const { port } = recorder.address() as AddressInfo;
    return { lines, port, close: () => recorder.close() };
  }

  test.each(['ssm:/teams-url', 'env:TEAMS_URL', 'the configuration'])(
    'arrives byte for byte, from %s',
    async (reference) => {
      const recorder = await startRecorder();
      const address = `http://127.0.0.1:${recorder.port}${path}${query}`;
      const channel = create({
        url: reference.includes(':') ? reference : address,
        env: { TEAMS_URL: address },
        readParameters: async () => new Map([['/teams-url', address]]),
      });
      expect(await channel.send(message, 5_000)).toEqual({ receipt: 'accepted' });
      expect(recorder.lines).toEqual([`POST ${path}${query} HTTP/1.1`, `host: 127.0.0.1:${recorder.port}`]);
      recorder.close();
    },
  );

  test('is no secret that shows: not in errors, not in what is logged of them', async () => {
    const address = server.flowUrl();
    const { pathname, search } = new URL(address);
    const channel = create({ url: 'env:TEAMS_URL', env: { TEAMS_URL: address } });
    server.answerWith({ status: 400, body: `no flow at ${address}, ${pathname}${search}` });
    const refused = await failure(channel.send(message, 5_000));
    expect(refused.message).toContain('[redacted]');
    server.answerWith({ kind: 'reset' });
    const broken = await failure(channel.send(message, 5_000));
    expectNoSecrets([refused, broken, channel.render(message)], [address, search, 'the-signature%2Fof-the-flow']);
  });

  test.each([
    ['http beyond this machine', 'http://example.com/x?sig=secret-part'],
    ['a user name', 'https://user:secret-part@example.com/x'],
    ['a fragment', 'https://example.com/x#secret-part'],
    ['a space', 'https://example.com/x secret-part'],
    ['a word', 'secret-part'],
  ])('with %s needs an operator, and is not shown', async (_, url) => {
    const channel = create({ url });
    for (const attempt of [channel.send(message, 5_000), channel.verify(5_000)]) {
      const error = await failure(attempt);
      expect(error).toMatchObject({ kind: 'needsOperator', ambiguous: false });
      expect(error.message).toContain('Teams: the url must be an https address');
      expectNoSecrets([error], ['secret-part']);
    }
  });

  test('that was replaced is used at once', async () => {
    const gone = await startTeamsServer();
    gone.answerWith({ status: 404, times: 9 });
    let current = gone.flowUrl();
    const readParameters: ReadParameters = async () => new Map([['/teams-url', current]]);
    const channel = create({ url: 'ssm:/teams-url', readParameters });
    expect(await failure(channel.send(message, 5_000))).toMatchObject(permanent);
    clock.advance(6 * 60_000);
    current = server.flowUrl();
    expect(await channel.send(message, 5_000)).toEqual({ receipt: 'accepted' });
    expect([gone.requests.length, server.messages.length]).toEqual([2, 1]);
    await gone.close();
  });
});

test('verifying posts nothing, and says what it leaves open', async () => {
  const channel = create();
  await channel.verify(5_000);
  expect(server.requests).toEqual([]);
  expect(channel.unverified).toMatch(/Send a test/);
});

test('the pace keeps 4 a second and 60 in 30 seconds', () => {
  const { minIntervalMs } = create();
  expect(1_000 / minIntervalMs).toBeLessThanOrEqual(4);
  expect(30_000 / minIntervalMs).toBeLessThanOrEqual(60);
});
