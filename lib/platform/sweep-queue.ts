/** The sweep queue: delayed messages that start a sweep between two sweeps of the schedule. */

import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { requestHandler } from './aws.ts';

/** SendMessageBatch takes at most 10 messages. */
const batchSize = 10;

/** A request for a sweep. */
export interface SweepRequest {
  /** The environment that is swept; null: a poll of all of them. */
  environment: string | null;
}

export interface SweepQueue {
  /** Starts a sweep after each of these delays (in seconds). Throws what the SDK throws. */
  send(request: SweepRequest, delays: number[]): Promise<void>;
}

/**
 * Makes a sweep queue over SQS. Without `queueUrl`, requests are ignored.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
 */
export function createSweepQueue({ queueUrl }: { queueUrl: string | undefined }): SweepQueue {
  if (!queueUrl) return { send: async () => undefined };
  // By default the queue's address overrides AWS_ENDPOINT_URL.
  const client = new SQSClient({ maxAttempts: 2, requestHandler, useQueueUrlAsEndpoint: false });
  return {
    async send(request, delays) {
      const MessageBody = JSON.stringify(request);
      const entries = delays.map((DelaySeconds) => ({ Id: `in-${DelaySeconds}-s`, DelaySeconds, MessageBody }));
      while (entries.length > 0) {
        const Entries = entries.splice(0, batchSize);
        const { Failed = [] } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
        if (Failed.length > 0) throw new Error(`SQS did not accept every sweep request: ${Failed[0]?.Code}`);
      }
    },
  };
}

/** The sweep requests in an event of the queue; null for an event of the schedule. */
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
