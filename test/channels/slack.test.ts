import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Channel } from '../../lib/channels/channel.ts';
import { slack } from '../../lib/channels/slack.ts';
import type { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp, type Http } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import type { Fault } from '../../local/faults.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { someMessage } from '../support/builders.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { encodings } from '../support/encodings.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

let server: SlackServer;
let clock: FakeClock;
beforeEach(async () => {
  server = await startSlackServer();
  clock = createFakeClock();
});
afterEach(() => server.close());

function create({
  webhookUrl = server.webhookUrl(),
  http = createHttp(),
  readParameters = async () => new Map(),
}: {
  webhookUrl?: string;
  http?: Http;
  readParameters?: ReadParameters;
} = {}): Channel {
  const redact = createRedactor();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters, references: [webhookUrl] });
  return slack.create({ http, clock, secrets, redact }, { webhookUrl });
}
const send = (given?: Parameters<typeof create>[0], timeoutMs = 5_000) => create(given).send(someMessage(), timeoutMs);

/** Systems Manager with the address of the hook. Counts the reads. */
function hookParameter(hook = () => server.webhookUrl()) {
  const manager = { reads: 0 };
  const readParameters: ReadParameters = async () => {
    manager.reads += 1;
    return new Map([['/hook', hook()]]);
  };
  return { manager, webhookUrl: 'ssm:/hook', readParameters };
}

/** An address where nothing listens. */
async function deadAddress(): Promise<string> {
  const closed = net.createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  return `http://127.0.0.1:${port}/services/T/B/hook`;
}

test('sends a message in one request, with blocks and text', async () => {
  expect(await create().send(someMessage(), 5_000)).toEqual({ receipt: 'ok' });
  expect(server.requestCount()).toBe(1);
  expect(server.messages).toMatchObject([
    {
      payload: {
        text: expect.stringMatching(/^Failed in production: Nightly/),
        blocks: [{ type: 'header' }, { type: 'section' }],
        attachments: [{}],
      },
    },
  ]);
});

test('Slack accepts one message per second', () => {
  expect(create()).toMatchObject({ minIntervalMs: 1_000 });
});

type Row = [response: string, Fault, Pick<UpstreamError, 'kind' | 'ambiguous' | 'retryAfterMs'>];
const permanent = { kind: 'needsOperator', ambiguous: false, retryAfterMs: undefined } as const;
const transient = { kind: 'unavailable', ambiguous: true, retryAfterMs: undefined } as const;
const wait = (retryAfterMs: number | undefined) => ({ kind: 'rateLimited', ambiguous: false, retryAfterMs }) as const;

const refusals: Row[] = [
  ['400 invalid_token', { status: 400, body: 'invalid_token' }, permanent],
  ['403 invalid_token', { status: 403, body: 'invalid_token' }, permanent],
  ['403 action_prohibited', { status: 403, body: 'action_prohibited' }, permanent],
  ['404 channel_not_found', { status: 404, body: 'channel_not_found' }, permanent],
  ['404 no_service', { status: 404, body: 'no_service' }, permanent],
  ['404 no_team', { status: 404, body: 'no_team' }, permanent],
  ['410 channel_is_archived', { status: 410, body: 'channel_is_archived' }, permanent],
  ['403 not_in_channel', { status: 403, body: 'not_in_channel' }, permanent],
  ['403 account_inactive', { status: 403, body: 'account_inactive' }, permanent],
  ['403 token_revoked', { status: 403, body: 'token_revoked' }, permanent],
  ['403 missing_scope', { status: 403, body: 'missing_scope' }, permanent],
  ...['not_in_channel', 'account_inactive', 'token_revoked', 'missing_scope', 'channel_not_found'].map(
    (error): Row => [`200 that is not ok: ${error}`, { status: 200, body: { ok: false, error } }, permanent],
  ),
  ...['internal_error', 'fatal_error'].map(
    (error): Row => [`200 that is not ok: ${error}`, { status: 200, body: { ok: false, error } }, transient],
  ),
  ['404 with a page', { status: 404, body: '<html>Not found</html>' }, permanent],
  ['a redirect', { status: 302, headers: { location: 'https://slack.invalid/' } }, permanent],
  ['429 with seconds', { status: 429, headers: { 'retry-after': '30' }, body: 'rate_limited' }, wait(30_000)],
  [
    '429 with seconds in the body alone',
    { status: 429, body: { ok: false, error: 'rate_limited', retry_after: 12 } },
    wait(12_000),
  ],
  [
    '429 with seconds in both',
    { status: 429, headers: { 'retry-after': '30' }, body: { ok: false, error: 'ratelimited', retry_after: 12 } },
    wait(30_000),
  ],
  ['429 with nothing', { status: 429 }, wait(undefined)],
  ['429 with a wait that is no number', { status: 429, body: { retry_after: 'later' } }, wait(undefined)],
  ['500 rollup_error', { status: 500, body: 'rollup_error' }, transient],
  ['500 internal_error', { status: 500, body: 'internal_error' }, transient],
  ['500 fatal_error', { status: 500, body: 'fatal_error' }, transient],
  ['502 with a page', { status: 502, body: '<html>Bad gateway</html>' }, transient],
  ['503', { status: 503 }, transient],
  ['200 with a page', { status: 200, body: '<html>Welcome</html>' }, transient],
  ['200 with nothing', { status: 200, body: '' }, transient],
  ['200 with 200,000 brackets', { status: 200, body: '['.repeat(200_000) }, transient],
  ['half a response', { kind: 'half', status: 200, body: 'ok' }, transient],
  ['a reset', { kind: 'reset' }, transient],
  ['silence', { kind: 'silence' }, transient],
];
test.each(refusals)('%s is an error that says whether a retry helps', async (_, fault, expected) => {
  server.answerWith(fault);
  const error = await failure(create().send(someMessage(), fault.kind === 'silence' ? 80 : 5_000));
  expect(error).toMatchObject(expected);
  expect(error.message).toMatch(/^Slack: /);
  // It does not retry.
  expect(server.requestCount()).toBe(1);
});

test('200 with ok in JSON is a success', async () => {
  server.answerWith({ status: 200, body: { ok: true }, accepted: true });
  await expect(create().send(someMessage(), 5_000)).resolves.toEqual({ receipt: expect.any(String) });
});

test('a response that is too long is ambiguous', async () => {
  server.answerWith({ status: 200, bytes: 50_000_000, accepted: true });
  expect(await failure(send())).toMatchObject({ ambiguous: true });
});

test('the error for an operator has the code of Slack and the remedy', async () => {
  server.answerWith({ status: 404, body: 'no_service' });
  const { message } = await failure(send());
  expect(message).toMatch(/^Slack: answered 404 no_service\. Check .*webhook/);
});

test.each<[string, () => Promise<string> | string]>([
  ['refuses connections', deadAddress],
  ['has no address', () => `https://${'x'.repeat(64)}.invalid/services/T/B/hook`],
])('a Slack that %s has certainly not posted', async (_, addressOf) => {
  const error = await failure(send({ webhookUrl: await addressOf() }));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
  expect(error.message).toMatch(/^Slack: cannot connect/);
});

const rejectedPayloads = [
  'invalid_payload',
  'invalid_blocks',
  'invalid_blocks_format',
  'missing_text_or_fallback_or_attachments',
  'no_text',
  'msg_too_long',
  'msg_blocks_too_long',
];

test.each(rejectedPayloads)('after %s, it sends the plain text at once', async (code) => {
  server.answerWith({ status: 400, body: code });
  expect(await create().send(someMessage({ mention: 'here' }), 5_000)).toEqual({ receipt: 'ok' });
  expect(server.requestCount()).toBe(2);
  expect(server.messages).toHaveLength(1);
  const [posted] = server.messages;
  expect(Object.keys(posted?.payload ?? {})).toEqual(['text']);
  expect(posted?.payload.text).toMatch(/^Failed in production: Nightly site publish\n/);
  expect(posted?.payload.text).toContain('Release pipeline');
  expect(posted?.payload.text).toContain('<!here>');
});

test.each(rejectedPayloads)('%s for the plain text as well is an error', async (code) => {
  server.answerWith({ status: 400, body: code, times: 2 });
  const error = await failure(send());
  expect(error).toMatchObject({ kind: 'payloadRefused', ambiguous: false });
  expect(error.message).toContain(code);
  expect(server.requestCount()).toBe(2);
});

test.each<Row>([
  ['429', { status: 429, headers: { 'retry-after': '3' } }, wait(3_000)],
  ['404 no_service', { status: 404, body: 'no_service' }, permanent],
  ['a reset', { kind: 'reset' }, transient],
])('the response to the plain text counts if it is %s', async (_, fault, expected) => {
  server.answerWith({ status: 400, body: 'invalid_blocks' });
  server.answerWith(fault);
  expect(await failure(send())).toMatchObject(expected);
  expect(server.requestCount()).toBe(2);
});

/** An HTTP client whose responses take `ms` by the clock. */
function slowHttp(ms: number, response: { status: number; body: string }) {
  const timeouts: number[] = [];
  const http: Http = async ({ timeoutMs }) => {
    timeouts.push(timeoutMs);
    clock.advance(ms);
    return { headers: {}, ...response };
  };
  return { timeouts, http };
}

test('both requests share the given time', async () => {
  const { timeouts, http } = slowHttp(1_500, { status: 400, body: 'invalid_blocks' });
  await failure(send({ http }));
  expect(timeouts).toEqual([5_000, 3_500]);
});

// A request that is aborted at once would be ambiguous. The rejection is certain.
test('sends nothing more if no time is left after a rejected payload', async () => {
  const { timeouts, http } = slowHttp(5_000, { status: 400, body: 'invalid_blocks' });
  const error = await failure(send({ http }));
  expect(timeouts).toEqual([5_000]);
  expect(error).toMatchObject({ kind: 'payloadRefused', ambiguous: false });
});

test('the given time includes reading the address', async () => {
  const { timeouts, http } = slowHttp(0, { status: 200, body: 'ok' });
  const readParameters: ReadParameters = async () => {
    clock.advance(2_000);
    return new Map([['/hook', server.webhookUrl()]]);
  };
  await send({ http, webhookUrl: 'ssm:/hook', readParameters });
  expect(timeouts).toEqual([3_000]);
});

test.each([
  'http://slack.invalid/services/T/B/hook-secret',
  'http://127.0.0.1.evil.invalid/services/T/B/hook-secret',
  'http://localhost@evil.invalid/services/T/B/hook-secret',
  'ftp://slack.invalid/services/T/B/hook-secret',
  'hook-secret',
  'https://user:hook-secret@hooks.slack.com/services/T/B/hook-secret',
])('an address that is not https, or has a user name, is neither called nor shown: %s', async (webhookUrl) => {
  const error = await failure(send({ webhookUrl, http: () => expect.unreachable() }));
  expect(error).toMatchObject({ kind: 'needsOperator', ambiguous: false });
  expectNoSecrets([error], [webhookUrl, 'hook-secret']);
});

test('an address that cannot be read is an error of this channel', async () => {
  const gone = await failure(send({ webhookUrl: 'ssm:/hook' }));
  expect(gone).toMatchObject({ kind: 'needsOperator', message: expect.stringContaining('/hook') });
  const readParameters = () => Promise.reject(new Error('down'));
  const later = await failure(send({ webhookUrl: 'ssm:/hook', readParameters }));
  expect(later).toMatchObject({ kind: 'unavailable', ambiguous: false });
});

test('reads a replaced address again when Slack refuses the old one', async () => {
  let hook = server.webhookUrl('before');
  const channel = create(hookParameter(() => hook));
  await channel.send(someMessage(), 5_000);
  hook = server.webhookUrl('after');
  server.answerWith({ hook: 'before', status: 404, body: 'no_service', times: 100 });
  clock.advance(5 * 60_000);
  // This message or the next one gets through without a new deployment.
  await channel.send(someMessage(), 5_000).catch(() => undefined);
  await channel.send(someMessage(), 5_000).catch(() => undefined);
  expect(server.messages.map(({ hook: used }) => used)).toContain('after');
});

test('an unchanged address is not called twice', async () => {
  const { manager, ...given } = hookParameter();
  const channel = create(given);
  server.answerWith({ status: 404, body: 'no_service', times: 100 });
  for (const [expectedReads, waitMs] of [
    [1, 0],
    [2, 5 * 60_000],
    [2, 60_000],
  ] as const) {
    clock.advance(waitMs);
    const before = server.requestCount();
    expect((await failure(channel.send(someMessage(), 5_000))).kind).toBe('needsOperator');
    expect([manager.reads, server.requestCount() - before]).toEqual([expectedReads, 1]);
  }
});

test('the address is not read again after any other error', async () => {
  const { manager, ...given } = hookParameter();
  const channel = create(given);
  await channel.send(someMessage(), 5_000);
  clock.advance(60 * 60_000);
  const noText: Fault & { times: number } = { status: 400, body: 'no_text', times: 2 };
  for (const fault of [{ status: 500 }, { status: 429 }, { kind: 'reset' }, noText] satisfies Fault[]) {
    server.answerWith(fault);
    await failure(channel.send(someMessage(), 5_000));
  }
  expect(manager.reads).toBe(1);
});

test('no error shows any part of the address, even if Slack repeats it', async () => {
  const hook = 'XXXXXXXXhook-secretXXXXXXXX';
  const webhookUrl = server.webhookUrl(hook);
  const { pathname } = new URL(webhookUrl);
  const echoes = [`Cannot POST ${pathname}`, `<p>The address ${pathname} was not found.</p>`];
  const encoded = [webhookUrl, pathname, hook].flatMap((part) =>
    Object.values(encodings).map((encode) => encode(part)),
  );
  const faults: (Fault & { times?: number })[] = [
    ...refusals.map(([, fault]) => fault).filter(({ kind }) => kind !== 'silence'),
    ...[200, 302, 400, 403, 404, 429, 500].flatMap((status) => echoes.map((body) => ({ status, body }))),
    ...encoded.flatMap((part) => [
      { status: 403, body: part },
      { status: 403, body: { ok: false, error: part } },
      { status: 403, body: `no_service ${part}` },
    ]),
    { status: 400, body: `invalid_payload ${pathname}`, times: 2 },
  ];
  const errors: UpstreamError[] = [];
  for (const fault of faults) {
    server.clearAnswers();
    server.answerWith(fault);
    errors.push(await failure(send({ webhookUrl })));
  }
  server.answerWith({ kind: 'silence' });
  errors.push(await failure(send({ webhookUrl }, 60)));
  await server.close();
  errors.push(await failure(send({ webhookUrl })));
  expectNoSecrets(errors, [webhookUrl, pathname, hook]);
});

test('an error shows the name that Slack gave to it, and no other text', async () => {
  const says = async (body: unknown) => {
    server.answerWith({ status: 403, body });
    return (await failure(send())).message.replace(/\. Check.*/, '');
  };
  expect(await says('brand_new_error')).toBe('Slack: answered 403 brand_new_error');
  expect(await says({ ok: false, error: 'brand_new_error' })).toBe('Slack: answered 403 brand_new_error');
  expect(await says('brand_new_error: of block 3')).toBe('Slack: answered 403 brand_new_error');
  for (const text of ['<html>Forbidden</html>', 'services/T0', 'no_service%2f', '', 'x'.repeat(61)]) {
    expect(await says(text)).toBe('Slack: answered 403, without an error of Slack');
  }
});

test('verifies an existing hook without a message', async () => {
  await create().verify(5_000);
  expect([server.requestCount(), server.messages]).toEqual([1, []]);
});

test('finds a deleted hook without a message', async () => {
  server.answerWith({ status: 404, body: 'no_service' });
  const error = await failure(create().verify(5_000));
  expect(error.kind).toBe('needsOperator');
  expect(error.message).toContain('no_service');
  expectNoSecrets([error.message], [server.webhookUrl()]);
});

test('renders what it would send', async () => {
  const { text, payload } = create().render(someMessage());
  expect(text).toMatch(/^Failed in production: Nightly/);
  await create().send(someMessage(), 5_000);
  expect(server.messages).toMatchObject([{ payload }]);
});
