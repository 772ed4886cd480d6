/** A queue that takes delayed messages as SQS does, and hands each over when its time has come. */
import { createHash, randomUUID } from 'node:crypto';
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, sendJson, startLoopbackServer } from './loopback-server.ts';

/** A message that was taken. */
export interface QueueMessage {
  body: string;
  delaySeconds: number;
}

/** The queue that was started. */
export interface EmbeddedQueue {
  endpoint: string;
  queueUrl: string;
  /** The messages that were taken, in the order in which they came. */
  messages: QueueMessage[];
  /** Lets the next answers be other than usual. */
  answerWith: (rule: FaultRule<Record<never, string>>) => void;
  clearAnswers: () => void;
  close: () => Promise<void>;
}

type Batch = { Entries: { Id: string; MessageBody: string; DelaySeconds?: number }[] };

/** Starts a queue; `onMessage` is called with each message, when its delay is over. */
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
    queueUrl: `${server.url}/000000000000/wake-ups`,
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
