/** A server that receives signed webhooks, as a customer's system would: it verifies, and drops repetitions. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, startLoopbackServer } from './loopback-server.ts';

/** A request with the bytes of its body as text, for anybody who verifies it. */
export interface ReceivedRequest {
  /** When it came, in epoch milliseconds. */
  at: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The server that was started. */
export interface WebhookReceiver {
  url: string;
  /** Every request, refused and repeated ones too. */
  requests: ReceivedRequest[];
  /** The messages that were accepted, each once. */
  messages: { type: string; timestamp: string; data: Record<string, unknown> }[];
  /** Lets the next responses be other than usual. */
  answerWith: (rule: FaultRule<Record<never, string>>) => void;
  clearAnswers: () => void;
  close: () => Promise<void>;
}

/** Starts a receiver with this secret (`whsec_...`); `onMessage` is called with each message, once. */
export async function startWebhookReceiver({
  secret,
  onMessage,
}: {
  secret: string;
  onMessage?: (message: WebhookReceiver['messages'][number]) => void;
}): Promise<WebhookReceiver> {
  const requests: ReceivedRequest[] = [];
  const messages: WebhookReceiver['messages'] = [];
  const seen = new Set<string>();
  const faults = createFaultBook<Record<never, string>>([]);
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');

  const accept = ({ headers, body }: ReceivedRequest) => {
    const id = String(headers['webhook-id']);
    if (seen.has(id)) return;
    seen.add(id);
    const message = JSON.parse(body);
    messages.push(message);
    onMessage?.(message);
  };

  const server = await startLoopbackServer(async (request, response) => {
    const body = ((await readBody(request)) ?? '').toString();
    const received = { at: Date.now(), headers: request.headers, body };
    requests.push(received);
    if (!isSigned(received, key)) return void response.writeHead(401).end('the signature is wrong');
    const fault = faults.take({});
    if (fault === undefined || fault.accepted) accept(received);
    playFault(fault ?? { status: 204 }, response);
  });

  return {
    url: `${server.url}/hook`,
    requests,
    messages,
    answerWith: faults.add,
    clearAnswers: faults.clear,
    close: server.close,
  };
}

function isSigned({ headers, body }: ReceivedRequest, key: Buffer): boolean {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = createHmac('sha256', key).update(signed).digest();
  const given = String(headers['webhook-signature'])
    .split(' ')
    .map((one) => Buffer.from(one.replace(/^v1,/, ''), 'base64'));
  return given.some((one) => one.length === expected.length && timingSafeEqual(one, expected));
}
