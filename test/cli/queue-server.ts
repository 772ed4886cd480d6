/** An SQS queue without AWS: fauxqs behind a loopback server that skips the wait of long polling. */

import { buildApp } from 'fauxqs';
import { readBody, startLoopbackServer } from '../../local/loopback-server.ts';

export type QueueServer = Awaited<ReturnType<typeof startQueueServer>>;

export async function startQueueServer() {
  const fauxqs = buildApp({ logger: false });
  const headers = { 'content-type': 'application/x-amz-json-1.0' };
  const send = (action: string, { WaitTimeSeconds: _, ...input }: Record<string, unknown>) =>
    fauxqs.inject({
      method: 'POST',
      url: '/',
      payload: JSON.stringify(input),
      headers: { ...headers, 'x-amz-target': action },
    });
  const server = await startLoopbackServer(async (request, response) => {
    const input = JSON.parse(String(await readBody(request)));
    const { statusCode, body } = await send(String(request.headers['x-amz-target']), input);
    response.writeHead(statusCode, headers).end(body);
  });
  const { QueueUrl } = (await send('AmazonSQS.CreateQueue', { QueueName: 'failed-events' })).json();
  const AttributeNames = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'];
  return {
    /** Leads the AWS SDK here. */
    env: { AWS_ENDPOINT_URL_SQS: server.url },
    queueUrl: String(QueueUrl),
    /** Puts messages into the queue: a text unchanged, anything else as JSON. */
    async put(...bodies: unknown[]) {
      for (const body of bodies) {
        const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
        await send('AmazonSQS.SendMessage', { QueueUrl, MessageBody });
      }
    },
    /** The number of messages that are not deleted. */
    async left(): Promise<number> {
      const { Attributes } = (await send('AmazonSQS.GetQueueAttributes', { QueueUrl, AttributeNames })).json();
      return AttributeNames.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    },
    close: () => Promise.all([server.close(), fauxqs.close()]),
  };
}
