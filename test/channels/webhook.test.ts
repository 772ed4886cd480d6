import net, { type AddressInfo, type LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Channel } from '../../lib/channels/channel.ts';
import { webhook } from '../../lib/channels/webhook.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp, type Http } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets, type ReadParameters } from '../../lib/platform/secrets.ts';
import type { Fault } from '../../local/faults.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../local/webhook-receiver.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { everyOutcome, everywhere, hostileTexts, messageAbout } from './every-outcome.ts';

const secretOf = (byte: number): string => `whsec_${Buffer.alloc(32, byte).toString('base64')}`;
const [secret, newSecret] = [secretOf(1), secretOf(2)];

let receiver: WebhookReceiver;
let clock: FakeClock;
beforeEach(async () => {
  receiver = await startWebhookReceiver({ secret });
  clock = createFakeClock();
  // The library compares the timestamp with the time of this machine.
  clock.set(new Date().toISOString());
});
afterEach(() => receiver.close());

interface Given {
  url?: string;
  secrets?: string[];
  allowPrivate?: boolean;
  http?: Http;
  readParameters?: ReadParameters;
}
function create({ url = receiver.url, secrets = [secret], http = createHttp(), ...given }: Given = {}): Channel {
  const redact = createRedactor();
  const { allowPrivate = true, readParameters = async () => new Map() } = given;
  const references = [url, ...secrets];
  return webhook.create(
    { http, clock, redact, secrets: createSecrets({ env: {}, clock, redact, readParameters, references }) },
    { type: 'webhook', url, secrets, allowPrivate },
  );
}
const message = messageAbout('completed');

async function failure(sent: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await sent.then(
    () => new Error('it was sent'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UpstreamError);
  return outcome as UpstreamError;
}

/** Verifies a request with the official library. Throws if it is not signed. */
const verified = (index = 0, by = secret): unknown => {
  const { headers, body = '' } = receiver.requests[index] ?? {};
  return new Webhook(by).verify(body, headers as Record<string, string>);
};

describe('a message', () => {
  test.each(everyOutcome())('of %s is verified by the official library', async (outcome, one) => {
    expect(await create().send(one, 5_000)).toEqual({ receipt: 'received' });
    expect(verified()).toEqual({
      type: `publishing_job.${outcome}`,
      timestamp: one.decidedAt,
      data: one.document,
    });
    expect(Buffer.byteLength(receiver.requests[0]?.body ?? '')).toBeLessThan(20_000);
  });

  test('has the id of the delivery, the time of the attempt, and a signature of each secret', async () => {
    await create({ secrets: [newSecret, secret] }).send(message, 5_000);
    const { headers } = receiver.requests[0] ?? {};
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': message.document.deduplicationId,
      'webhook-timestamp': String(Math.floor(clock.now() / 1_000)),
    });
    expect(headers?.['webhook-id']).not.toContain('.');
    expect(headers?.['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/);
    for (const one of [secret, newSecret]) expect(verified(0, one)).toMatchObject({ data: { jobId: 'job_41B25' } });
    expect(() => verified(0, secretOf(3))).toThrow();
  });

  test('has the same bytes in every attempt, and the timestamp of each', async () => {
    receiver.answerWith({ status: 503, accepted: true });
    await failure(create().send(message, 5_000));
    clock.advance(60_000);
    // The table does not keep the order of members.
    const { statistics, ...members } = message.document;
    const reversed = Object.fromEntries(Object.entries(statistics ?? {}).reverse()) as unknown as typeof statistics;
    await create().send({ ...message, document: { statistics: reversed, ...members } }, 5_000);
    const [first, second] = receiver.requests;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    const times = [first, second].map((request) => Number(request?.headers['webhook-timestamp']));
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(60);
    // So the receiver drops the repetition.
    expect(receiver.messages).toHaveLength(1);
  });

  test.each(
    hostileTexts.flatMap((text) =>
      everyOutcome({ job: everywhere(text), jobUrl: `https://e.com/${'u'.repeat(1_900)}` }),
    ),
  )('about a hostile name (%s) stays below 20 KB, and its address is whole', async (_, one) => {
    await create().send(one, 5_000);
    expect(Buffer.byteLength(receiver.requests[0]?.body ?? '')).toBeLessThan(20_000);
    expect(verified()).toMatchObject({ data: { url: one.link?.url ?? null } });
  });

  test('is rendered as it is sent', async () => {
    await create().send(message, 5_000);
    const { text, payload } = create().render(message);
    expect(JSON.stringify(payload)).toBe(receiver.requests[0]?.body);
    expect(JSON.parse(text)).toEqual(payload);
  });
});

type Row = [response: string, Fault, Pick<UpstreamError, 'kind' | 'ambiguous' | 'retryAfterMs'>];
const permanent = { kind: 'needsOperator', ambiguous: false, retryAfterMs: undefined } as const;
const transient = { kind: 'unavailable', ambiguous: true, retryAfterMs: undefined } as const;
const refused = { kind: 'payloadRefused', ambiguous: false, retryAfterMs: undefined } as const;
const after = { 'retry-after': '120' };
const refusals: Row[] = [
  ...[400, 401, 403, 404, 410].map((status): Row => [`${status}`, { status, body: 'no' }, permanent]),
  ...[301, 302, 307, 308].map(
    (status): Row => [`the redirect ${status}`, { status, headers: { location: '/elsewhere' } }, permanent],
  ),
  ...[413, 422].map((status): Row => [`${status}`, { status }, refused]),
  ['429', { status: 429, headers: after }, { kind: 'rateLimited', ambiguous: false, retryAfterMs: 120_000 }],
  ...[502, 503, 504].map(
    (status): Row => [`${status} with seconds`, { status, headers: after }, { ...transient, retryAfterMs: 120_000 }],
  ),
  ...[408, 500, 502, 504].map((status): Row => [`${status}`, { status }, transient]),
  ['half a response', { kind: 'half', status: 200, body: 'thank you' }, transient],
  ['a reset', { kind: 'reset' }, transient],
  ['silence', { kind: 'silence' }, transient],
];
test.each(refusals)('%s is not sent, is asked once, and says what follows from it', async (_, fault, expected) => {
  receiver.answerWith(fault);
  const timeoutMs = fault.kind === 'silence' ? 200 : 5_000;
  expect(await failure(create().send(message, timeoutMs))).toMatchObject(expected);
  expect(receiver.requests).toHaveLength(1);
});

test.each([200, 201, 202, 204])('%i is received', async (status) => {
  receiver.answerWith({ status, accepted: true });
  expect(await create().send(message, 5_000)).toEqual({ receipt: 'received' });
});

test('nobody who listens has certainly not received it', async () => {
  const closed = net.createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const error = await failure(create({ url: `http://127.0.0.1:${port}/hook` }).send(message, 5_000));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
});

describe('private networks', () => {
  /** A name system in which every name has these addresses, one answer after another. */
  function namesWith(...answers: string[][]) {
    const asked: string[] = [];
    const lookup: LookupFunction = (hostname, { all }, callback) => {
      const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
      asked.push(hostname);
      if (all)
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        );
      else callback(null, addresses[0] ?? '', 4);
    };
    return { http: createHttp({ lookup }), asked };
  }
  const named = () => receiver.url.replace('http://127.0.0.1', 'https://receiver.example');
  const ofNetwork = {
    kind: 'needsOperator',
    ambiguous: false,
    message: 'Webhook: the address leads into a private network, and is not called',
  };

  test.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '[::1]', '[fd00::1]', '[::ffff:10.0.0.1]'])(
    'the address %s is refused',
    async (host) => {
      const channel = create({ url: `https://${host}/hook`, allowPrivate: false });
      expect(await failure(channel.send(message, 5_000))).toMatchObject(ofNetwork);
    },
  );

  test.each(['2130706433', '0x7f.1', '127.1', 'localhost'])('the name %s for this machine is refused', async (host) => {
    const { port } = new URL(receiver.url);
    const channel = create({ url: `https://${host}:${port}/hook`, allowPrivate: false });
    const error = await failure(channel.send(message, 5_000));
    expect(error).toMatchObject({ ambiguous: false });
    expect(receiver.requests).toEqual([]);
  });

  test('a name is checked at the moment of the connection, and once', async () => {
    const { http, asked } = namesWith(['127.0.0.1']);
    const channel = create({ url: named(), allowPrivate: false, http });
    await channel.verify(5_000);
    expect(await failure(channel.send(message, 5_000))).toMatchObject(ofNetwork);
    expect(asked).toEqual(['receiver.example']);
    expect(receiver.requests).toEqual([]);
  });

  test('a name that changes behind the check is refused at the next attempt', async () => {
    // Nobody routes this address: the first attempt connects to nothing.
    const { http } = namesWith(['192.88.99.1'], ['127.0.0.1']);
    const channel = create({ url: named(), allowPrivate: false, http });
    expect(await failure(channel.send(message, 300))).toMatchObject({ kind: 'unavailable', ambiguous: false });
    expect(await failure(channel.send(message, 5_000))).toMatchObject(ofNetwork);
    expect(receiver.requests).toEqual([]);
  });

  test('a name with a public and a private address is refused', async () => {
    const { http } = namesWith(['8.8.8.8', '10.0.0.1']);
    const channel = create({ url: named(), allowPrivate: false, http });
    expect(await failure(channel.send(message, 5_000))).toMatchObject(ofNetwork);
  });

  test('are called if the configuration allows it', async () => {
    expect(await create({ allowPrivate: true }).send(message, 5_000)).toEqual({ receipt: 'received' });
  });
});

describe('secrets', () => {
  test.each([
    ['without the prefix', Buffer.alloc(32).toString('base64')],
    ['too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['too long', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['not in base64', 'whsec_the secret itself is no base64'],
  ])('%s need an operator, and are not shown', async (_, wrong) => {
    const channel = create({ secrets: [secret, wrong] });
    for (const attempt of [channel.send(message, 5_000), channel.verify(5_000)]) {
      const error = await failure(attempt);
      expect(error).toMatchObject({ kind: 'needsOperator', ambiguous: false });
      expect(error.message).toContain('whsec_ and 24 to 64 bytes');
      expectNoSecrets([error], [wrong]);
    }
    expect(receiver.requests).toEqual([]);
  });

  test('and the address show in no error', async () => {
    const address = `${receiver.url}?sig=the%2Bsignature`;
    const channel = create({ url: address });
    receiver.answerWith({ status: 400, body: `wrong: ${secret} at ${address}` });
    const error = await failure(channel.send(message, 5_000));
    expect(error.message).toContain('[redacted]');
    receiver.answerWith({ kind: 'reset' });
    expectNoSecrets(
      [error, await failure(channel.send(message, 5_000)), channel.render(message)],
      [secret, secret.slice('whsec_'.length), address, 'the%2Bsignature'],
    );
  });

  test('that were replaced are used at once', async () => {
    let current = newSecret;
    const readParameters: ReadParameters = async () => new Map([['/hook-secret', current]]);
    const channel = create({ secrets: ['ssm:/hook-secret'], readParameters });
    expect(await failure(channel.send(message, 5_000))).toMatchObject(permanent);
    clock.advance(6 * 60_000);
    current = secret;
    expect(await channel.send(message, 5_000)).toEqual({ receipt: 'received' });
    expect(receiver.requests).toHaveLength(3);
  });
});
