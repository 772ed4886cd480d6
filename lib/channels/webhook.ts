/** A signed webhook, by Standard Webhooks 1.0.0: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */

import { createHmac, randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { Message } from '../domain/message.ts';
import type { Address } from '../platform/address.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Redactor } from '../platform/redaction.ts';
import { reference } from '../platform/secrets.ts';
import { cut } from '../platform/text.ts';
import { defineChannel } from './channel.ts';
import { refusalOf, secretAddress, withFreshSecrets } from './http-post.ts';

/** All `secrets` sign, so that a receiver accepts messages while a secret is replaced. */
export const webhook = defineChannel({
  config: {
    allowPrivate: v.optional(
      v.pipe(v.boolean(), v.description('Whether the address may be in a private network; off if left out')),
    ),
  },
  references: { url: reference, secrets: v.pipe(v.array(reference), v.minLength(1, 'at least one secret')) },
  generate: { secrets: () => `whsec_${randomBytes(32).toString('base64')}` },
  create({ http, clock, secrets, redact }, { allowPrivate = false, ...config }) {
    const read = async (): Promise<Receiver> => {
      const [url = '', ...signing] = await Promise.all([config.url, ...config.secrets].map(secrets.read));
      return { address: secretAddress(url, 'Webhook', redact), keys: signing.map((secret) => keyOf(secret, redact)) };
    };
    const post = async ({ address, keys }: Receiver, message: Message, timeoutMs: number): Promise<void> => {
      if (timeoutMs <= 0) throw new UpstreamError('unavailable', 'Webhook: no time left to send');
      const body = JSON.stringify(payloadOf(message));
      const response = await http({
        method: 'POST',
        url: address,
        publicOnly: !allowPrivate,
        service: 'Webhook',
        headers: { 'content-type': 'application/json', ...signatureOf(message, body, keys, clock.now()) },
        body,
        timeoutMs,
      });
      const refusal = refusalOf(response, { service: 'Webhook', advice, now: clock.now(), redact });
      if (refusal) throw refusal;
    };
    return {
      minIntervalMs: 0,
      unverified: 'A receiver cannot be asked without a message. Send a test: npx publishing-job-notifier send-test',
      verify: async () => void (await read()),
      render: (message) => ({ text: textOf(message), payload: payloadOf(message) }),
      async send(message, timeoutMs) {
        const deadline = clock.now() + timeoutMs;
        await withFreshSecrets(secrets, read, (receiver) => post(receiver, message, deadline - clock.now()));
        return { receipt: 'received' };
      },
    };
  },
});

const advice = 'Check that the receiver exists, that it has the same secret, and that it wants messages';

/** Where messages go, and the keys that sign them. */
interface Receiver {
  address: Address;
  keys: Buffer[];
}

function keyOf(secret: string, redact: Redactor): Buffer {
  const encoded = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? '';
  const key = Buffer.from(encoded, 'base64');
  redact.learn(encoded);
  if (key.length >= 24 && key.length <= 64) return key;
  throw new UpstreamError(
    'needsOperator',
    'Webhook: a secret must be whsec_ and 24 to 64 bytes in base64. `npx publishing-job-notifier secrets set` makes one',
  );
}

/** The timestamp is that of the attempt; the id is the same in every attempt. */
function signatureOf(message: Message, body: string, keys: Buffer[], now: number): Record<string, string> {
  const id = message.document.deduplicationId;
  const timestamp = String(Math.floor(now / 1_000));
  const sign = (key: Buffer) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': keys.map(sign).join(' ') };
}

/** The same bytes in every attempt: the time is that of the decision, and the table does not keep the order of members. */
const payloadOf = ({ decidedAt, document }: Message): object => ({
  type: `publishing_job.${document.outcome}`,
  timestamp: decidedAt,
  data: inFixedOrder(document),
});

/** Sorts the members at every level, and shortens long texts but addresses: a body stays below 20 KB. */
function inFixedOrder(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return name === 'url' ? value : cut(value, 500);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([member, its]) => [member, inFixedOrder(its, member)]));
}

const textOf = (message: Message): string => JSON.stringify(payloadOf(message), null, 2);
