/** A proxy between the AWS clients and the services of a world. It records every request. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';
import type { World } from '../support/world.ts';
import type { Grant } from './policies.ts';

export interface Recorder {
  /** A world whose AWS endpoints are the proxy. */
  world: World;
  /** The parameters and their values. */
  parameters: Record<string, string>;
  /** The distinct actions that were recorded. */
  asked(): Grant[];
  /** Records while `act` runs. */
  during(act: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Starts the proxy. Resources have the same names as in `Stack`. */
export async function startRecorder(world: World): Promise<Recorder> {
  const parameters: Record<string, string> = {};
  const asked = new Map<string, Grant>();
  let isRecording = false;

  const server = await startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)) ?? Buffer.alloc(0);
    for (const one of isRecording ? actionsOf(request.headers, body.toString()) : []) {
      asked.set(`${one.action} on ${one.resource}`, one);
    }
    const target = String(request.headers['x-amz-target'] ?? '');
    if (target.startsWith('AmazonSSM')) {
      const { Names } = JSON.parse(body.toString()) as { Names: string[] };
      const known = Names.filter((name) => name in parameters);
      return sendJson(response, 200, { Parameters: known.map((Name) => ({ Name, Value: parameters[Name] })) });
    }
    const endpoint = endpointOf(target, world);
    const result = await passOn(endpoint, request, body);
    const contentType = result.headers.get('content-type') ?? '';
    response.writeHead(result.status, { 'content-type': contentType }).end(await result.text());
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
      isRecording = true;
      await act();
      isRecording = false;
    },
    close: server.close,
  };
}

/**
 * The action is in a header (JSON) or in the form (query protocol), the resource is in the body.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
function actionsOf(headers: IncomingHttpHeaders, body: string): Grant[] {
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
