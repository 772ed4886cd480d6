/**
 * Everything outside of a measured process, in a process of its own: the table, Systems Manager, SNS, SQS, Slack, the
 * Publishing API and its token. All respond at once, except that the API has a configurable latency.
 */

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { publishingJob } from '../../local/publishing-job.ts';
import { startDistance } from './distance.ts';
import { createInstantTable, type Item, jobIdOf } from './table.ts';

/** The services with addresses of their own. */
export type Service = 'aws' | 'api' | 'token' | 'slack';

/** What a neighbour process is started with. */
export interface Start {
  /** The item of a watched running job. */
  sample: Item;
  /** Left out: http, next door. */
  distant?: Distant | undefined;
}

export interface Distant {
  certificate: { key: string; cert: string };
  /** Milliseconds. */
  roundTripMs: Record<Service, number>;
}

/** How the neighbours behave from now on. */
export interface Order {
  /** The watched running jobs in the table. All other jobs are removed. */
  watched: number;
  /** The status of every job. */
  status: 'Running' | 'Completed';
  /** The latency of the API. */
  latencyMs: number;
}

/** The number of calls since the last order, by operation. */
export type Asked = Record<string, number>;

const { sample, distant }: Start = JSON.parse(process.argv[2] ?? '{}');
const table = createInstantTable();
let order: Order = { watched: 0, status: 'Running', latencyMs: 0 };
let asked: Asked = {};
let jobText = ['', ''];

function follow(next: Order): void {
  if (next.watched !== order.watched || next.status !== 'Running' || next.watched <= 1)
    table.seed(next.watched, sample);
  order = next;
  asked = {};
  const at = Date.now();
  const text = JSON.stringify(publishingJob({ id: 'JOB_ID', status: next.status, at }));
  jobText = text.split('JOB_ID');
}

const note = (operation: string): void => {
  asked[operation] = (asked[operation] ?? 0) + 1;
};

const send = (response: ServerResponse, body: string, type = 'application/json'): void => {
  response.writeHead(200, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
};

function answerJob(response: ServerResponse, id: string): void {
  note('job');
  if (!id.startsWith('job_')) throw new Error(`a job was asked for as ${id}`);
  const body = jobText.join(id);
  if (order.latencyMs === 0) send(response, body);
  else setTimeout(send, order.latencyMs, response, body);
}

/** All watched jobs on one page: the benchmark lists only a few. */
function answerList(response: ServerResponse): void {
  note('list');
  const ids = Array.from({ length: order.watched }, (_, index) => jobIdOf(index));
  const data = ids.map((id) => jobText.join(id)).join(',');
  send(response, `{"totalCount":${ids.length},"pageNumber":1,"pageSize":100,"data":[${data}]}`);
}

function answerPost(request: IncomingMessage, response: ServerResponse, body: string): void {
  const [service = '', operation = ''] = String(request.headers['x-amz-target'] ?? '').split('.');
  if (service.startsWith('DynamoDB')) {
    note(operation);
    send(response, table.answer(operation, body), 'application/x-amz-json-1.0');
  } else if (service === 'AmazonSSM') {
    note(operation);
    const names = (JSON.parse(body) as { Names: string[] }).Names;
    const Parameters = names.map((Name) => ({ Name, Type: 'SecureString', Value: secretOf(Name) }));
    send(response, JSON.stringify({ Parameters, InvalidParameters: [] }), 'application/x-amz-json-1.1');
  } else if (service === 'AmazonSQS') {
    note(operation);
    send(response, answerBatch(JSON.parse(body)), 'application/x-amz-json-1.0');
  } else if (request.url === '/oauth/token') {
    note('token');
    send(response, '{"access_token":"token-of-the-benchmark","expires_in":86400,"token_type":"Bearer"}');
  } else if (request.url?.startsWith('/services/')) {
    note('slack');
    send(response, 'ok', 'text/html');
  } else {
    note('Publish');
    send(response, published, 'text/xml');
  }
}

/** The client checks the digests. */
const answerBatch = ({ Entries }: { Entries: { Id: string; MessageBody: string }[] }): string =>
  JSON.stringify({
    Successful: Entries.map(({ Id, MessageBody }) => ({
      Id,
      MessageId: Id,
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    })),
    Failed: [],
  });

const published =
  '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>' +
  '<MessageId>00000000-0000-0000-0000-000000000000</MessageId></PublishResult><ResponseMetadata>' +
  '<RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata></PublishResponse>';

const secretOf = (name: string): string =>
  name.endsWith('slack-webhook-url') ? `${urls.slack}/services/T/B/X` : `${name.split('/').at(-1)}-of-the-benchmark`;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, id = ''] = /\/jobs\/([^/?]+)$/.exec(request.url ?? '') ?? [];
  if (request.method === 'GET') {
    if (id) answerJob(response, id);
    else answerList(response);
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => answerPost(request, response, Buffer.concat(chunks).toString()));
}

const keepAliveTimeout = 600_000;
const server = distant
  ? createSecureServer({ ...distant.certificate, keepAliveTimeout }, answer)
  : createServer({ keepAliveTimeout }, answer);
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as AddressInfo;
const urlOf = async (service: Service): Promise<string> =>
  distant ? `https://127.0.0.1:${await startDistance(port, distant.roundTripMs[service])}` : `http://127.0.0.1:${port}`;
const urls: Record<Service, string> = {
  aws: await urlOf('aws'),
  api: await urlOf('api'),
  token: await urlOf('token'),
  slack: await urlOf('slack'),
};

process.on('message', (next: Order) => {
  const before = asked;
  follow(next);
  process.send?.({ asked: before });
});
process.on('disconnect', () => process.exit());
process.send?.({ urls });
