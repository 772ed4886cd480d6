/** Wake-ups: messages to ourselves that start a sweep in so many seconds, through a queue that the sweep listens to. */

import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { requestHandler } from './aws.ts';

/** What a sweep is woken for. */
export interface SweepRequest {
  /** The environment in which something happened, to be looked through for jobs that nobody named; null: none has. */
  environment: string | null;
}

export interface SweepQueue {
  /** Lets a sweep begin after each of these delays (seconds, 10 of them at most). Throws what the SDK throws. */
  send(request: SweepRequest, delays: number[]): Promise<void>;
}

/**
 * Wake-ups through SQS; without a queue there are none.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export function createSweepQueue({ queueUrl }: { queueUrl: string | undefined }): SweepQueue {
  if (!queueUrl) return { send: async () => undefined };
  // The queue's address would win over AWS_ENDPOINT_URL.
  const client = new SQSClient({ maxAttempts: 2, requestHandler, useQueueUrlAsEndpoint: false });
  return {
    async send(request, delays) {
      const MessageBody = JSON.stringify(request);
      const Entries = delays.map((DelaySeconds) => ({ Id: `in-${DelaySeconds}-s`, DelaySeconds, MessageBody }));
      const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
      if (Failed.length > 0) throw new Error(`SQS took not every wake-up: ${Failed[0]?.Code}`);
    },
  };
}

/** The wake-ups in an event of the queue; null: it is an event of the schedule. */
export function readSweepRequests(event: unknown): SweepRequest[] | null {
  const parsed = v.safeParse(QueueEvent, event);
  return parsed.success ? parsed.output.Records.map(({ body }) => body) : null;
}

const QueueEvent = v.object({
  Records: v.array(
    v.object({
      eventSource: v.literal('aws:sqs'),
      body: v.fallback(v.pipe(v.string(), v.parseJson(), v.object({ environment: v.nullable(v.string()) })), {
        environment: null,
      }),
    }),
  ),
});
