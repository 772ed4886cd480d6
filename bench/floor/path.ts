/**
 * The floor of an invocation when services are far away: only calls that need each other follow one another. Secrets,
 * token, job, write; and messages, receipts if the job has ended. The record is read, and the connection to the API is
 * opened, meanwhile. A message takes a connection of its own, because it cannot be sent again if an idle one is dead.
 */

import https from 'node:https';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

const { TABLE_NAME: TableName, TOPIC_ARN: TopicArn, SWEEP_QUEUE_URL: QueueUrl } = process.env;
const { API_URL: apiUrl, TOKEN_URL: tokenUrl = '', PARAMETER_PREFIX: prefix } = process.env;

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const httpsAgent = { keepAlive: false };
const sns = new SNSClient({ requestHandler: { httpsAgent } });
const ssm = new SSMClient({});
const sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
const api = new https.Agent({ keepAlive: true });

/** A request whose connection is being opened. `send` sends it, and resolves to the body of the response. */
function open(url: string, { method = 'GET', agent = false as https.Agent | false } = {}) {
  const outgoing = https.request(url, { method, agent });
  const answer = new Promise<string>((resolve, reject) => {
    outgoing.on('error', reject).on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(body));
    });
  });
  return {
    send(headers: Record<string, string>, body?: string): Promise<string> {
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
      outgoing.end(body);
      return answer;
    },
  };
}

const json = { 'content-type': 'application/json' };

let secrets: Promise<Record<string, string>> | undefined;
let token: Promise<string> | undefined;

function readSecrets(): Promise<Record<string, string>> {
  secrets ??= readParameters();
  return secrets;
}

async function readParameters(): Promise<Record<string, string>> {
  const names = ['client-id', 'client-secret', 'webhook-secret', 'slack-webhook-url'];
  const { Parameters = [] } = await ssm.send(
    new GetParametersCommand({ Names: names.map((name) => `${prefix}/${name}`), WithDecryption: true }),
  );
  return Object.fromEntries(Parameters.map(({ Name = '', Value = '' }) => [Name.split('/').at(-1), Value]));
}

async function requestToken(its: Record<string, string>): Promise<string> {
  const request = open(tokenUrl, { method: 'POST' });
  const form = new URLSearchParams({ client_id: its['client-id'] ?? '', client_secret: its['client-secret'] ?? '' });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return JSON.parse(await request.send(headers, form.toString())).access_token;
}

const write = (jobKey: string, member: string, value: string) =>
  table.send(
    new UpdateCommand({
      TableName,
      Key: { jobKey },
      UpdateExpression: 'SET #member = :value',
      ExpressionAttributeNames: { '#member': member },
      ExpressionAttributeValues: { ':value': value },
      ReturnValues: 'ALL_NEW',
    }),
  );

async function notify(jobKey: string, slackUrl: string): Promise<void> {
  const messages = {
    slack: () => open(slackUrl, { method: 'POST' }).send(json, JSON.stringify({ text: jobKey })),
    sns: () => sns.send(new PublishCommand({ TopicArn, Message: jobKey })),
  };
  await Promise.all(
    Object.entries(messages).map(async ([name, send]) => {
      await send();
      await write(jobKey, name, 'sent');
    }),
  );
}

interface Event {
  body?: string;
  detail?: { jobId: string };
}

export async function handler({ body, detail }: Event): Promise<object> {
  const its = await readSecrets();
  token ??= requestToken(its);
  const isSweep = body === undefined && detail === undefined;
  const { jobId } = detail ?? JSON.parse(body ?? '{"jobId":"job_00000"}');
  const jobKey = `production#${jobId}`;
  const request = open(`${apiUrl}/authoring/publishing/v1/jobs/${jobId}`, { agent: api });
  // What the table holds decides whether the API is asked.
  if (isSweep) await table.send(workList);
  else await table.send(new GetCommand({ TableName, Key: { jobKey } }));
  const { system } = JSON.parse(await request.send({ authorization: `Bearer ${await token}` }));
  if (isSweep) await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [poll] }));
  else await write(jobKey, 'status', system.status);
  if (system.status === 'Completed') await notify(jobKey, its['slack-webhook-url'] ?? '');
  return { status: system.status };
}

const workList = new QueryCommand({
  TableName,
  IndexName: 'due',
  KeyConditionExpression: 'watch = :watch',
  ExpressionAttributeValues: { ':watch': 'jobs' },
});
const poll = { Id: 'poll', MessageBody: '{}', DelaySeconds: 10 };
