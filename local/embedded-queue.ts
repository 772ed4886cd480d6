/** A queue that accepts delayed messages as SQS does, and delivers each one after its delay. */
import { createHash, randomUUID } from 'node:crypto';
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, sendJson, startLoopbackServer } from './loopback-server.ts';

/** An accepted message. */
export interface QueueMessage {
  body: string;
  delaySeconds: number;
}

/** A started queue. */
export interface EmbeddedQueue {
  endpoint: string;
  queueUrl: string;
  /** The accepted messages, in order of arrival. */
  messages: QueueMessage[];
  /** Injects faults into the next responses. */
  answerWith: (rule: FaultRule<Record<never, string>>) => void;
  clearAnswers: () => void;
  close: () => Promise<void>;
}

type Batch = { Entries: { Id: string; MessageBody: string; DelaySeconds?: number }[] };

/** Starts a queue. It calls `onMessage` with each message after its delay. */
export async function startEmbeddedQueue({
  onMessage,
}: {
  onMessage?: (body: string) => void;
} = {}): Promise<EmbeddedQueue> {
  const messages: QueueMessage[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const faults = createFaultBook<Record<never, string>>([]);

  const take = (message: QueueMessage) => {
    messages.push(message);
    if (!onMessage) return;
    const handOver = () => {
      timers.delete(timer);
      onMessage(message.body);
    };
    const timer = setTimeout(handOver, message.delaySeconds * 1_000).unref();
    timers.add(timer);
  };

  const server = await startLoopbackServer(async (request, response) => {
    const fault = faults.take({});
    if (fault) return playFault(fault, response);
    const { Entries } = JSON.parse(`${await readBody(request)}`) as Batch;
    for (const { MessageBody, DelaySeconds = 0 } of Entries) take({ body: MessageBody, delaySeconds: DelaySeconds });
    const Successful = Entries.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: randomUUID(),
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    }));
    sendJson(response, 200, { Successful }, 'application/x-amz-json-1.0');
  });

  return {
    endpoint: server.url,
    queueUrl: `${server.url}/000000000000/sweeps`,
    messages,
    answerWith: faults.add,
    clearAnswers: faults.clear,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      await server.close();
    },
  };
}

/** The event with which SQS calls a function. */
export const queueEvent = (...bodies: string[]): object => ({
  Records: bodies.map((body) => ({ messageId: randomUUID(), eventSource: 'aws:sqs', body })),
});
