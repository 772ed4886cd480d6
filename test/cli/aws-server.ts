/** The AWS APIs that only the commands call: stacks (CloudFormation) and parameters (Systems Manager). */

import type { ServerResponse } from 'node:http';
import { readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';

export interface AwsServer {
  /** The environment variables that lead the AWS SDK here. */
  env: Record<string, string>;
  /** The outputs of each stack, by the stack's name. */
  stacks: Map<string, Record<string, string>>;
  /** The values of the parameters, by name. */
  parameters: Map<string, string>;
  /** The inputs of PutParameter. */
  written: Record<string, unknown>[];
  /** The error of every PutParameter. */
  putError: { __type: string; message: string } | null;
  close: () => Promise<void>;
}

export async function startAwsServer(): Promise<AwsServer> {
  const server = await startLoopbackServer(async (request, response) => {
    const body = String(await readBody(request));
    const target = String(request.headers['x-amz-target'] ?? '');
    if (target === 'AmazonSSM.GetParameters') return getParameters(aws, JSON.parse(body), response);
    if (target === 'AmazonSSM.PutParameter') return putParameter(aws, JSON.parse(body), response);
    return describeStack(aws, new URLSearchParams(body).get('StackName') ?? '', response);
  });
  const aws: AwsServer = {
    env: {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_SSM: server.url,
      AWS_ENDPOINT_URL_CLOUDFORMATION: server.url,
    },
    stacks: new Map(),
    parameters: new Map(),
    written: [],
    putError: null,
    close: server.close,
  };
  return aws;
}

const jsonType = 'application/x-amz-json-1.1';

function getParameters({ parameters }: AwsServer, { Names }: { Names: string[] }, response: ServerResponse): void {
  const info = { Type: 'SecureString', Version: 1, LastModifiedDate: Date.parse('2026-01-01T10:00:00Z') / 1_000 };
  const found = Names.filter((name) => parameters.has(name));
  const Parameters = found.map((Name) => ({ Name, Value: parameters.get(Name), ...info }));
  sendJson(response, 200, { Parameters, InvalidParameters: Names.filter((name) => !parameters.has(name)) }, jsonType);
}

function putParameter(aws: AwsServer, input: Record<string, unknown>, response: ServerResponse): void {
  if (aws.putError) return void sendJson(response, 400, aws.putError, jsonType);
  aws.written.push(input);
  aws.parameters.set(String(input['Name']), String(input['Value']));
  sendJson(response, 200, { Version: 1, Tier: 'Standard' }, jsonType);
}

function describeStack({ stacks }: AwsServer, name: string, response: ServerResponse): void {
  const send = (status: number, root: string, content: string) =>
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(`<${root} xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">${content}</${root}>`);
  const outputs = stacks.get(name);
  if (!outputs) {
    const message = `<Message>Stack with id ${name} does not exist</Message>`;
    send(400, 'ErrorResponse', `<Error><Type>Sender</Type><Code>ValidationError</Code>${message}</Error>`);
    return;
  }
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const stack = `<StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs>`;
  const result = `<DescribeStacksResult><Stacks><member>${stack}</member></Stacks></DescribeStacksResult>`;
  send(200, 'DescribeStacksResponse', result);
}
