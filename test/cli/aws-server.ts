/** What the commands ask of AWS beside the table, the topic and queues: stacks (CloudFormation) and parameters (Systems Manager). */

import type { ServerResponse } from 'node:http';
import { readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';

export interface AwsServer {
  /** The environment variables that lead the AWS SDK here. */
  env: Record<string, string>;
  /** The outputs of each stack, by the stack's name. */
  stacks: Map<string, Record<string, string>>;
  /** The values of the parameters, by their names. */
  parameters: Map<string, string>;
  /** What PutParameter was asked for. */
  written: Record<string, unknown>[];
  /** The next PutParameter is refused with this. */
  refuseWith: { type: string; message: string } | null;
  close: () => Promise<void>;
}

export async function startAwsServer(): Promise<AwsServer> {
  const server = await startLoopbackServer(async (request, response) => {
    const body = String(await readBody(request));
    const target = String(request.headers['x-amz-target'] ?? '');
    if (target === 'AmazonSSM.GetParameters') return answerParameters(aws, JSON.parse(body), response);
    if (target === 'AmazonSSM.PutParameter') return answerPut(aws, JSON.parse(body), response);
    return answerStack(aws, new URLSearchParams(body).get('StackName') ?? '', response);
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
    refuseWith: null,
    close: server.close,
  };
  return aws;
}

const jsonType = 'application/x-amz-json-1.1';

function answerParameters({ parameters }: AwsServer, { Names }: { Names: string[] }, response: ServerResponse): void {
  const found = Names.filter((name) => parameters.has(name));
  const Parameters = found.map((Name) => {
    const Value = parameters.get(Name);
    return {
      Name,
      Value,
      Type: 'SecureString',
      Version: 1,
      LastModifiedDate: Date.parse('2026-01-01T10:00:00Z') / 1_000,
    };
  });
  sendJson(response, 200, { Parameters, InvalidParameters: Names.filter((name) => !parameters.has(name)) }, jsonType);
}

function answerPut(aws: AwsServer, input: Record<string, unknown>, response: ServerResponse): void {
  if (aws.refuseWith) {
    sendJson(response, 400, { __type: aws.refuseWith.type, message: aws.refuseWith.message }, jsonType);
    return;
  }
  aws.written.push(input);
  aws.parameters.set(String(input['Name']), String(input['Value']));
  sendJson(response, 200, { Version: 1, Tier: 'Standard' }, jsonType);
}

function answerStack({ stacks }: AwsServer, name: string, response: ServerResponse): void {
  const xmlns = 'xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"';
  const outputs = stacks.get(name);
  if (!outputs) {
    const error = `<Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id ${name} does not exist</Message></Error>`;
    response.writeHead(400, { 'content-type': 'text/xml' }).end(`<ErrorResponse ${xmlns}>${error}</ErrorResponse>`);
    return;
  }
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const stack = `<StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>${members.join('')}</Outputs>`;
  const result = `<DescribeStacksResult><Stacks><member>${stack}</member></Stacks></DescribeStacksResult>`;
  response
    .writeHead(200, { 'content-type': 'text/xml' })
    .end(`<DescribeStacksResponse ${xmlns}>${result}</DescribeStacksResponse>`);
}
