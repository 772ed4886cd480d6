/** `POST /jobs` */

import middy from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { check } from './check.ts';
import { readSecrets } from './settings.ts';
import { getStatus } from './table.ts';

interface Event {
  body?: unknown;
  headers?: Record<string, string | undefined> | undefined;
}

const json = (statusCode: number, body: object): APIGatewayProxyStructuredResultV2 => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

export const handler = middy()
  .use(httpJsonBodyParser())
  .handler(async (event: Event): Promise<APIGatewayProxyStructuredResultV2> => {
    const secrets = await readSecrets();
    if (event.headers?.['authorization'] !== `Bearer ${secrets['webhook-secret']}`) return json(401, {});
    const { jobId, environment = 'production' } = (event.body ?? {}) as { jobId?: string; environment?: string };
    if (!jobId) return json(400, { detail: 'jobId is missing' });
    const job = { jobId, environment };
    const known = await getStatus(job);
    const result = await check(job, known);
    console.log(JSON.stringify({ message: 'job checked', ...job, ...result }));
    return json(200, { ...job, previousStatus: known, ...result });
  });
