import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Channel } from '../../lib/channels/channel.ts';
import { sns } from '../../lib/channels/sns.ts';
import { jobKey } from '../../lib/domain/job.ts';
import { deduplicationId, sha256 } from '../../lib/domain/message.ts';
import type { UpstreamError } from '../../lib/platform/errors.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets } from '../../lib/platform/secrets.ts';
import { type EmbeddedTopic, snsFault, startEmbeddedTopic } from '../../local/embedded-topic.ts';
import type { Fault } from '../../local/faults.ts';
import { someMessage } from '../support/builders.ts';
import { createFakeClock } from '../support/clock.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

let topic: EmbeddedTopic;
beforeEach(async () => {
  topic = await startEmbeddedTopic();
});
afterEach(async () => {
  await topic.close();
  for (const close of closers.splice(0)) close();
});
const closers: (() => void)[] = [];

/** The clients of the AWS SDK read their endpoint from the environment of the process. */
function create({ endpoint = topic.endpoint, topicArn = topic.topicArn } = {}): Channel {
  Object.assign(process.env, { AWS_ENDPOINT_URL_SNS: endpoint, AWS_SECRET_ACCESS_KEY: 'aws-secret-of-the-tests' });
  const clock = createFakeClock();
  const redact = createRedactor();
  const readParameters = async () => new Map<string, string>();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters, references: [topicArn] });
  const http = () => expect.unreachable();
  return sns.create({ http, clock, secrets, redact }, { topicArn });
}
const send = (given?: Parameters<typeof create>[0], timeoutMs = 5_000) => create(given).send(someMessage(), timeoutMs);

/** A raw server. */
async function speak(react: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => react(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('sends a message in one request, and its id is the receipt', async () => {
  const { receipt } = await create().send(someMessage(), 5_000);
  expect(receipt).toMatch(/^[0-9a-f-]{36}$/);
  expect(topic.publishCount()).toBe(1);
  expect(topic.messages).toMatchObject([
    {
      subject: 'Failed in production: Nightly site publish',
      attributes: { outcome: 'failed', status: 'Failed', environment: 'production', source: 'Pages', jobId: 'job_1' },
      groupId: null,
      deduplicationId: null,
    },
  ]);
  expect(JSON.parse(topic.messages[0]?.document ?? '')).toEqual(someMessage().document);
  expect(topic.messages[0]?.email).toContain('Sitecore gives no reason.');
});

test('a standard topic does not deduplicate', async () => {
  const channel = create();
  await channel.send(someMessage(), 5_000);
  expect(await channel.send(someMessage(), 5_000)).toMatchObject({ dedupWindowMs: 0 });
  expect(topic.messages).toHaveLength(2);
  expect(channel).toMatchObject({ minIntervalMs: 0 });
});

test('leaves out an attribute without a value: SNS would refuse it', async () => {
  const { document } = someMessage();
  await create().send(someMessage({ document: { ...document, source: null, status: null } }), 5_000);
  expect(Object.keys(topic.messages[0]?.attributes ?? {}).sort()).toEqual(['environment', 'jobId', 'outcome']);
});

type Row = [response: string, Fault, Pick<UpstreamError, 'kind' | 'ambiguous'>];
const permanent = { kind: 'needsOperator', ambiguous: false } as const;
const throttled = { kind: 'rateLimited', ambiguous: false } as const;
const transient = { kind: 'unavailable', ambiguous: true } as const;

const refusals: Row[] = [
  ['NotFound', snsFault(404, 'NotFound'), permanent],
  ['AuthorizationError', snsFault(403, 'AuthorizationError'), permanent],
  ['InvalidParameter', snsFault(400, 'InvalidParameter'), permanent],
  ['InvalidParameterValue', snsFault(400, 'ParameterValueInvalid', 'InvalidParameterValue'), permanent],
  ['KMSDisabled', snsFault(400, 'KMSDisabled'), permanent],
  ['KMSAccessDenied', snsFault(400, 'KMSAccessDenied'), permanent],
  ['KMSNotFound', snsFault(400, 'KMSNotFound'), permanent],
  ['KMSInvalidState', snsFault(400, 'KMSInvalidState'), permanent],
  ['KMSOptInRequired', snsFault(403, 'KMSOptInRequired'), permanent],
  ['InvalidSecurity', snsFault(403, 'InvalidSecurity'), permanent],
  ['InvalidClientTokenId', snsFault(403, 'InvalidClientTokenId'), permanent],
  ['SignatureDoesNotMatch', snsFault(403, 'SignatureDoesNotMatch'), permanent],
  ['ExpiredToken', snsFault(403, 'ExpiredToken'), permanent],
  ['Throttled', snsFault(400, 'Throttled'), throttled],
  ['Throttling', snsFault(400, 'Throttling'), throttled],
  ['ThrottlingException', snsFault(429, 'ThrottlingException'), throttled],
  ['RequestThrottled', snsFault(400, 'RequestThrottled'), throttled],
  ['InternalError', snsFault(500, 'InternalError'), transient],
  ['InternalFailure', snsFault(500, 'InternalFailure'), transient],
  ['ServiceUnavailable', snsFault(503, 'ServiceUnavailable'), transient],
  ['a gateway with HTML', { status: 502, body: '<html>Bad gateway</html>' }, transient],
  ['half a response', { ...snsFault(200, 'None'), kind: 'half' }, transient],
  ['a reset', { kind: 'reset' }, transient],
  ['silence', { kind: 'silence' }, transient],
];

test.each(refusals)('%s is an error that says whether a retry helps', async (_, fault, expected) => {
  topic.answerWith(fault);
  const error = await failure(create().send(someMessage(), fault.kind === 'silence' ? 80 : 5_000));
  expect(error).toMatchObject({ ...expected, retryAfterMs: undefined });
  expect(error.message).toMatch(/^SNS: /);
  expect(topic.publishCount()).toBe(1);
  expect(topic.messages).toEqual([]);
});

test('a topic that does not exist needs an operator', async () => {
  const error = await failure(send({ topicArn: `${topic.topicArn}-else` }));
  expect(error).toMatchObject(permanent);
  expect(error.message).toMatch(/^SNS: NotFound/);
});

test.each(['', 'no-arn', 'arn:aws:sns'])('an invalid topicArn (%j) needs an operator', async (topicArn) => {
  expect(await failure(send({ topicArn }))).toMatchObject(permanent);
});

test('a time-out is named, and comes in time', async () => {
  topic.answerWith({ kind: 'silence' });
  const startedAt = performance.now();
  const error = await failure(send({}, 100));
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  expect(error.message).toMatch(/^SNS: .*no response in time/);
});

test('a response that never ends is a time-out as well', { timeout: 8_000 }, async () => {
  const endpoint = await speak((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 1000\r\n\r\n<PublishResponse>');
  });
  const waited = new Promise((resolve) => setTimeout(resolve, 2_000, 'still waiting'));
  const outcome = await Promise.race([failure(send({ endpoint }, 100)), waited]);
  expect(outcome).toMatchObject(transient);
});

test('a time-out cuts the connection', async () => {
  let cut: Promise<unknown> = Promise.reject(new Error('nobody came'));
  cut.catch(() => undefined);
  const endpoint = await speak((socket) => {
    cut = new Promise((resolve) => socket.once('close', resolve));
  });
  await failure(send({ endpoint }, 1_000));
  await cut;
});

test.each([0, -1_000])('with %i ms left, a message fails at once', async (timeoutMs) => {
  topic.answerWith({ kind: 'silence' });
  expect((await failure(send({}, timeoutMs))).kind).toBe('unavailable');
});

test.each<[string, () => Promise<object>, RegExp]>([
  ['refuses connections', () => topic.close().then(() => ({})), /ECONNREFUSED/],
  ['has no address', async () => ({ endpoint: `http://${'x'.repeat(64)}.invalid` }), /ENOTFOUND|EAI_AGAIN/],
])('an SNS that %s has certainly not published', async (_, arrange, message) => {
  const error = await failure(send(await arrange()));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
  expect(error.message).toMatch(message);
});

test('the next message after an error goes through', async () => {
  const channel = create();
  topic.answerWith({ kind: 'reset', accepted: true });
  expect(await failure(channel.send(someMessage(), 5_000))).toMatchObject(transient);
  await channel.send(someMessage(), 5_000);
  // A lost response is ambiguous because a retry on a standard topic is a second message.
  expect(topic.messages).toHaveLength(2);
});

test('a success without an id is accepted', async () => {
  const body = '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult/></PublishResponse>';
  topic.answerWith({ status: 200, headers: { 'content-type': 'text/xml' }, body, accepted: true });
  expect((await create().send(someMessage(), 5_000)).receipt).not.toBe('');
});

test('a FIFO topic drops a repetition and returns success', async () => {
  await topic.close();
  topic = await startEmbeddedTopic({ name: 'events.fifo' });
  const channel = create();
  const { document } = someMessage();
  const sent = { ...document, deduplicationId: deduplicationId(document, 'failed', 'events') };
  topic.answerWith({ kind: 'reset', accepted: true });
  expect(await failure(channel.send(someMessage({ document: sent }), 5_000))).toMatchObject({
    ...transient,
    dedupWindowMs: 4 * 60_000,
  });
  expect(await channel.send(someMessage({ document: sent }), 5_000)).toEqual({
    receipt: expect.any(String),
    dedupWindowMs: 4 * 60_000,
  });
  expect(topic.messages).toMatchObject([{ groupId: sha256(jobKey(document)), deduplicationId: sent.deduplicationId }]);
});

test('no error shows a credential, and its message is short', async () => {
  const channel = create();
  const errors: UpstreamError[] = [];
  const echo = `aws-secret-of-the-tests ${'x'.repeat(5_000)}`;
  for (const [, fault] of refusals.filter(([, { kind }]) => kind !== 'silence')) {
    topic.answerWith(fault);
    errors.push(await failure(channel.send(someMessage(), 5_000)));
  }
  expectNoSecrets(errors, ['aws-secret-of-the-tests']);
  topic.answerWith(snsFault(400, 'InvalidParameter', echo));
  expect((await failure(channel.send(someMessage(), 5_000))).message.length).toBeLessThan(300);
});

test('the request that AWS repeats when its signature is wrong is not shown', async () => {
  const repeated =
    'The signature does not match.&#10;&#10;The Canonical String was&#10;x-amz-security-token:session-token';
  topic.answerWith(snsFault(403, 'SignatureDoesNotMatch', repeated));
  const { message } = await failure(create().send(someMessage(), 5_000));
  expect(message).toMatch(/^SNS: SignatureDoesNotMatch\w*: The signature does not match\.$/);
});

test('verifies an existing topic without a message', async () => {
  await create().verify(5_000);
  expect(topic.messages).toEqual([]);
});

test('finds a missing topic', async () => {
  const error = await failure(create({ topicArn: `${topic.topicArn}-gone` }).verify(5_000));
  expect(error).toMatchObject({ kind: 'needsOperator', message: expect.stringMatching(/^SNS: NotFound/) });
});

test('renders what it would send', () => {
  const { text, payload } = create().render(someMessage());
  expect(text).toContain('Sitecore gives no reason.');
  expect(payload).toMatchObject({ Subject: 'Failed in production: Nightly site publish', MessageStructure: 'json' });
  expect(payload).not.toHaveProperty('TopicArn');
});
