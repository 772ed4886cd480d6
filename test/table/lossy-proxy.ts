/** A way to the table on which answers get lost or cut short. */

import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type LoopbackServer, startLoopbackServer } from '../../local/loopback-server.ts';

export interface LossyProxy extends Pick<LoopbackServer, 'url' | 'close'> {
  /** The operations that came through, in order, those whose answer was lost too. */
  operations: string[];
  /** Lets the next answer to an operation get lost, after the table has done what was asked. */
  lose(operation: string): void;
  /** Changes the next answer to an operation. */
  change(operation: string, change: (answer: Record<string, unknown>) => Record<string, unknown>): void;
}

type Fault = { operation: string; change?: (answer: Record<string, unknown>) => Record<string, unknown> };

/** Starts a proxy before a table that speaks DynamoDB's protocol. */
export async function startLossyProxy(endpoint: string): Promise<LossyProxy> {
  const faults: Fault[] = [];
  const operations: string[] = [];
  const server = await startLoopbackServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    operations.push(operation);
    const index = faults.findIndex((one) => one.operation === operation);
    const [fault] = index < 0 ? [] : faults.splice(index, 1);
    const answer = await forward(endpoint, request.headers, await buffer(request));
    if (fault && !fault.change) response.destroy();
    else {
      const body = fault?.change ? JSON.stringify(fault.change(JSON.parse(answer.body.toString()))) : answer.body;
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
    }
  });
  return {
    url: server.url,
    close: server.close,
    operations,
    lose: (operation) => void faults.push({ operation }),
    change: (operation, change) => void faults.push({ operation, change }),
  };
}

const forward = (endpoint: string, headers: http.IncomingHttpHeaders, body: Buffer) =>
  new Promise<{ status: number; body: Buffer }>((resolve, reject) => {
    http
      .request(endpoint, { method: 'POST', headers: { ...headers, host: new URL(endpoint).host } }, (answer) => {
        buffer(answer).then((read) => resolve({ status: answer.statusCode ?? 0, body: read }), reject);
      })
      .on('error', reject)
      .end(body);
  });
