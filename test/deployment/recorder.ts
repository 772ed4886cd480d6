/** A server between the AWS clients and the services of a world: every request is written down, and passed on. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';
import type { World } from '../support/world.ts';
import type { Grant } from './policies.ts';

export interface Recorder {
  /** A world whose AWS endpoints are this server. */
  world: World;
  /** The values of the parameters that there are. */
  parameters: Record<string, string>;
  /** Everything that was asked for while somebody listened, each thing once. */
  asked(): Grant[];
  /** Listens while something is done. */
  during(act: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Starts the recorder. Resources bear the names that they have in `Stack`. */
export async function startRecorder(world: World): Promise<Recorder> {
  const parameters: Record<string, string> = {};
  const asked = new Map<string, Grant>();
  let isListening = false;

  const server = await startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)) ?? Buffer.alloc(0);
    for (const one of isListening ? whatIsAsked(request.headers, body.toString()) : []) {
      asked.set(`${one.action} on ${one.resource}`, one);
    }
    const target = String(request.headers['x-amz-target'] ?? '');
    if (target.startsWith('AmazonSSM')) {
      const { Names } = JSON.parse(body.toString()) as { Names: string[] };
      const known = Names.filter((name) => name in parameters);
      return sendJson(response, 200, { Parameters: known.map((Name) => ({ Name, Value: parameters[Name] })) });
    }
    const endpoint = endpointOf(target, world);
    const answer = await passOn(endpoint, request, body);
    const contentType = answer.headers.get('content-type') ?? '';
    response.writeHead(answer.status, { 'content-type': contentType }).end(await answer.text());
  });

  return {
    world: {
      ...world,
      env: (config) => ({
        ...world.env(config),
        AWS_ENDPOINT_URL_DYNAMODB: server.url,
        AWS_ENDPOINT_URL_SNS: server.url,
        AWS_ENDPOINT_URL_SQS: server.url,
        AWS_ENDPOINT_URL_SSM: server.url,
      }),
    },
    parameters,
    asked: () => [...asked.values()],
    async during(act) {
      isListening = true;
      await act();
      isListening = false;
    },
    close: server.close,
  };
}

/**
 * Services name the action in a header (JSON) or in the form (query protocol); what it is done on stands in the body.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
function whatIsAsked(headers: IncomingHttpHeaders, body: string): Grant[] {
  const target = headers['x-amz-target'];
  if (typeof target !== 'string') {
    const form = new URLSearchParams(body);
    return [{ action: `sns:${form.get('Action')}`, resource: form.has('TopicArn') ? '<Topic>' : '' }];
  }
  const [service = '', action] = target.split('.');
  const input = JSON.parse(body);
  if (service === 'AmazonSSM') {
    return input.Names.map((name: string) => ({
      action: `ssm:${action}`,
      resource: `arn:aws:ssm:eu-west-1:123456789012:parameter${name}`,
    }));
  }
  // Sending a batch is allowed by the same action as sending one message.
  if (service === 'AmazonSQS') return [{ action: 'sqs:SendMessage', resource: '<SweepQueue.Arn>' }];
  const index = input.IndexName ? `/index/${input.IndexName}` : '';
  return [{ action: `dynamodb:${action}`, resource: `<Table.Arn>${index}` }];
}

function endpointOf(target: string, { store, queue, topic }: World): string {
  if (target.startsWith('AmazonSQS')) return queue.endpoint;
  return target ? store.endpoint : topic.endpoint;
}

function passOn(endpoint: string, { method = 'POST', url = '/', headers }: IncomingMessage, body: Buffer) {
  const { host: _, connection: _own, 'content-length': _counted, ...others } = headers;
  return fetch(new URL(url, endpoint), { method, headers: others as Record<string, string>, body });
}
