/** The AWS APIs that only the commands call: stacks (CloudFormation) and parameters (Systems Manager). */

import type { ServerResponse } from 'node:http';
import { readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';

export type AwsServer = Awaited<ReturnType<typeof startAwsServer>>;

export async function startAwsServer() {
  const aws = {
    /** The outputs of each stack, by the stack's name. */
    stacks: new Map<string, Record<string, string>>(),
    /** The values of the parameters, by name. */
    parameters: new Map<string, string>(),
    /** The inputs of PutParameter. */
    written: [] as Record<string, unknown>[],
    /** The error of every PutParameter. */
    putError: null as { __type: string; message: string } | null,
  };
  const server = await startLoopbackServer(async (request, response) => {
    const body = String(await readBody(request));
    const target = String(request.headers['x-amz-target'] ?? '');
    if (!target) return describeStack(aws.stacks, new URLSearchParams(body).get('StackName') ?? '', response);
    const reply = target === 'AmazonSSM.GetParameters' ? getParameters : putParameter;
    sendJson(response, aws.putError ? 400 : 200, reply(aws, JSON.parse(body)), 'application/x-amz-json-1.1');
  });
  const env = {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_SSM: server.url,
    AWS_ENDPOINT_URL_CLOUDFORMATION: server.url,
  };
  /** `env` leads the AWS SDK here. */
  return Object.assign(aws, { env, close: server.close });
}

type State = Pick<AwsServer, 'parameters' | 'written' | 'putError'>;

function getParameters({ parameters }: State, { Names }: { Names: string[] }): object {
  const info = { Type: 'SecureString', Version: 1, LastModifiedDate: Date.parse('2026-01-01T10:00:00Z') / 1_000 };
  const found = Names.filter((name) => parameters.has(name));
  const Parameters = found.map((Name) => ({ Name, Value: parameters.get(Name), ...info }));
  return { Parameters, InvalidParameters: Names.filter((name) => !parameters.has(name)) };
}

function putParameter({ parameters, written, putError }: State, input: { Name: string; Value: string }): object {
  if (putError) return putError;
  written.push(input);
  parameters.set(input.Name, input.Value);
  return { Version: 1, Tier: 'Standard' };
}

function describeStack(stacks: AwsServer['stacks'], name: string, response: ServerResponse): void {
  const send = (status: number, root: string, content: string) =>
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(`<${root} xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">${content}</${root}>`);
  const found = name === '' ? [...stacks] : [...stacks].filter(([stack]) => stack === name);
  if (found.length === 0) {
    const message = `<Message>Stack with id ${name} does not exist</Message>`;
    send(400, 'ErrorResponse', `<Error><Type>Sender</Type><Code>ValidationError</Code>${message}</Error>`);
    return;
  }
  const members = (outputs: Record<string, string>) =>
    Object.entries(outputs)
      .map(
        ([key, value]) =>
          `<member><OutputKey>${key}</OutputKey><OutputValue>${value.replace(/[<>&]/g, '')}</OutputValue></member>`,
      )
      .join('');
  const all = found.map(
    ([stack, outputs]) => `<member><StackName>${stack}</StackName><Outputs>${members(outputs)}</Outputs></member>`,
  );
  const stack = `<Stacks>${all.join('')}</Stacks>`;
  send(200, 'DescribeStacksResponse', `<DescribeStacksResult>${stack}</DescribeStacksResult>`);
}
