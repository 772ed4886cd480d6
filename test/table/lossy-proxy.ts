/** A proxy in front of the table that loses or changes responses. */

import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type LoopbackServer, startLoopbackServer } from '../../local/loopback-server.ts';

export interface LossyProxy extends Pick<LoopbackServer, 'url' | 'close'> {
  /** The operations that reached the table, in order, including those whose response was lost. */
  operations: string[];
  /** Loses the next response to an operation, after the table has processed it. */
  lose(operation: string): void;
  /** Changes the next response to an operation. */
  change(operation: string, change: (answer: Record<string, unknown>) => Record<string, unknown>): void;
}

type Fault = { operation: string; change?: (answer: Record<string, unknown>) => Record<string, unknown> };

/** Starts a proxy for an endpoint with DynamoDB's protocol. */
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
