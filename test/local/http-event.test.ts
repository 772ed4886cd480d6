import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2 } from 'aws-lambda';
import { afterEach, expect, test } from 'vitest';
import { type Route, toHttpEvent, writeHttpResult } from '../../local/http-event.ts';
import { type LoopbackServer, readBody, startLoopbackServer } from '../../local/loopback-server.ts';

let server: LoopbackServer;
afterEach(() => server.close());

/** Sends a request, and returns the event that it became together with the response. */
async function send(path: string, init: RequestInit, result: APIGatewayProxyResultV2 = '', route?: Route) {
  let event: APIGatewayProxyEventV2 | undefined;
  server = await startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)) ?? Buffer.alloc(0);
    event = toHttpEvent(request, body, route ?? { routeKey: 'POST /jobs' });
    writeHttpResult(result, response);
  });
  const response = await fetch(`${server.url}${path}`, init);
  return { event, response };
}

test('a request becomes an event of payload format 2.0', async () => {
  const { event } = await send('/jobs', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Api-Key': 'secret' },
    body: '{"jobId":"ä"}',
  });
  expect(event).toMatchObject({
    version: '2.0',
    routeKey: 'POST /jobs',
    rawPath: '/jobs',
    rawQueryString: '',
    headers: { 'content-type': 'application/json', 'x-api-key': 'secret' },
    requestContext: { http: { method: 'POST', path: '/jobs', sourceIp: '127.0.0.1' }, stage: '$default' },
    body: '{"jobId":"ä"}',
    isBase64Encoded: false,
  });
  expect(event).not.toHaveProperty('queryStringParameters');
});

test('repeated query parameters are joined by commas, and a request without a body has no body', async () => {
  const route = { routeKey: 'GET /jobs/{jobId}', pathParameters: { jobId: 'job 1' } };
  const { event } = await send('/jobs/job%201?environment=a&environment=b', {}, '', route);
  expect(event).toMatchObject({
    pathParameters: { jobId: 'job 1' },
    queryStringParameters: { environment: 'a,b' },
    rawQueryString: 'environment=a&environment=b',
    isBase64Encoded: false,
  });
  expect(event).not.toHaveProperty('body');
});

test('a binary body is encoded in base64', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const { event } = await send('/jobs', { method: 'POST', headers, body: 'a=b' });
  expect(event).toMatchObject({ body: Buffer.from('a=b').toString('base64'), isBase64Encoded: true });
});

test('a result is written with its status, headers and body', async () => {
  const result = { statusCode: 202, headers: { 'retry-after': 60 }, body: Buffer.from('ä').toString('base64') };
  const { response } = await send('/jobs', {}, { ...result, isBase64Encoded: true });
  expect([response.status, response.headers.get('retry-after'), await response.text()]).toEqual([202, '60', 'ä']);
});

test('a result without a status code is the body', async () => {
  const { response } = await send('/jobs', {}, { checked: 1 } as APIGatewayProxyResultV2);
  expect([response.status, await response.json()]).toEqual([200, { checked: 1 }]);
});
