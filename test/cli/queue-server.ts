/** An SQS queue without AWS: fauxqs behind a loopback server that skips the wait of long polling. */

import { buildApp } from 'fauxqs';
import { readBody, startLoopbackServer } from '../../local/loopback-server.ts';

export interface QueueServer {
  /** The environment variable that leads the AWS SDK here. */
  env: Record<string, string>;
  queueUrl: string;
  /** Puts messages into the queue: a text unchanged, anything else as JSON. */
  put(...bodies: unknown[]): Promise<void>;
  /** The number of messages that are not deleted. */
  left(): Promise<number>;
  close(): Promise<void>;
}

export async function startQueueServer(): Promise<QueueServer> {
  const fauxqs = buildApp({ logger: false });
  const send = async (action: string, { WaitTimeSeconds: _, ...input }: Record<string, unknown>) =>
    fauxqs.inject({
      method: 'POST',
      url: '/',
      payload: JSON.stringify(input),
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': action },
    });
  const server = await startLoopbackServer(async (request, response) => {
    const input = JSON.parse(String(await readBody(request)));
    const { statusCode, body } = await send(String(request.headers['x-amz-target']), input);
    response.writeHead(statusCode, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
  });
  const { QueueUrl } = (await send('AmazonSQS.CreateQueue', { QueueName: 'failed-events' })).json();
  const count = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
  return {
    env: { AWS_ENDPOINT_URL_SQS: server.url },
    queueUrl: QueueUrl,
    async put(...bodies) {
      for (const body of bodies) {
        const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
        await send('AmazonSQS.SendMessage', { QueueUrl, MessageBody });
      }
    },
    async left() {
      const response = await send('AmazonSQS.GetQueueAttributes', { QueueUrl, AttributeNames: count });
      const { Attributes } = response.json() as { Attributes: Record<string, string> };
      return count.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    },
    async close() {
      await server.close();
      await fauxqs.close();
    },
  };
}
