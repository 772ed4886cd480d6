/** A queue that is subscribed to the deployed topic, as a system of the user's would be. */

import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { AwsSettings } from './endpoint.ts';
import type { Undo } from './stack.ts';

export interface Inbox {
  /** Everything that came since the start, after a look that brought nothing new. */
  documents(): Promise<Record<string, unknown>[]>;
}

/** Subscribes a queue of its own. */
export async function subscribeInbox(aws: AwsSettings, TopicArn: string, undo: Undo): Promise<Inbox> {
  const sqs = new SQSClient(aws);
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `test-aws-${Date.now()}` }));
  undo.push(['the queue is removed that was subscribed', () => sqs.send(new DeleteQueueCommand({ QueueUrl }))]);
  const asked = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const { QueueArn = '' } = asked.Attributes ?? {};
  const Policy = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: QueueArn,
      Condition: { ArnEquals: { 'aws:SourceArn': TopicArn } },
    },
  });
  await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
  const Attributes = { RawMessageDelivery: 'true' };
  await new SNSClient(aws).send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: QueueArn, Attributes }));

  // What was received is hidden from the queue's other readers for longer than a run takes.
  const receive = new ReceiveMessageCommand({
    QueueUrl,
    MaxNumberOfMessages: 10,
    WaitTimeSeconds: 1,
    VisibilityTimeout: 3600,
  });
  const received: Record<string, unknown>[] = [];
  return {
    async documents() {
      for (;;) {
        const { Messages = [] } = await sqs.send(receive);
        if (Messages.length === 0) return received;
        received.push(...Messages.map(({ Body = '{}' }) => JSON.parse(Body)));
      }
    },
  };
}
