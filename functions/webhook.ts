/** HTTP: `POST /jobs` looks at a job now, `GET /jobs/{jobId}` tells what is known of it. */

import middy from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { Context, APIGatewayProxyEventV2 as Event, APIGatewayProxyStructuredResultV2 as Result } from 'aws-lambda';
import { accepted, answerOf, detailsOf, isOnlyAccepted, json } from '../lib/answer.ts';
import { inTime } from '../lib/aws.ts';
import { ConfigError, RequestError } from '../lib/errors.ts';
import { readJobName } from '../lib/job-name.ts';
import { guard, type Handler, observed, problems } from '../lib/middleware.ts';
import { check } from '../lib/observe.ts';
import { createParts, type Parts } from '../lib/parts.ts';
import { readRest } from '../lib/rests.ts';

/** Callers wait no longer than this, whatever happens behind it. */
const answerWithinMs = 25_000;

/** Makes the handler of an HTTP API (payload format 2.0). */
export function createHandler(parts: Parts): Handler<Event, Result> {
  const environments = Object.keys(parts.config.environments);

  // The answer comes after the first attempt of every delivery.
  const post = middy()
    .use(httpJsonBodyParser())
    .handler(async (event: { body?: unknown }, context: Context): Promise<Result> => {
      const job = readJobName(event.body, environments);
      const remaining = Math.min(context.getRemainingTimeInMillis(), answerWithinMs);
      const within = () => check(parts, job, parts.clock.now() + remaining);
      const checked = await inTime(remaining, within).catch((cause: unknown) => {
        parts.log.error('a job could not be recorded', { ...job, error: cause });
        throw new RequestError(503, 'The job could not be recorded. Ask again later.');
      });
      return isOnlyAccepted(checked) ? accepted(checked) : json(200, answerOf(checked));
    });

  // From the table only: no call to Sitecore.
  const get = async (event: Event): Promise<Result> => {
    const environment = event.queryStringParameters?.['environment'];
    const job = readJobName({ jobId: event.pathParameters?.['jobId'], environment }, environments);
    const [record, rest] = await Promise.all([parts.store.get(job), readRest(parts, job.environment)]);
    if (!record) throw new RequestError(404, 'This job was never seen here. POST /jobs makes it known.');
    return json(200, detailsOf(record, rest));
  };

  const route = middy()
    .use([problems(parts), guard(parts)])
    .handler((event: Event, context: Context): Promise<Result> => {
      if (event.routeKey === 'POST /jobs') return post(event as never, context);
      if (event.routeKey === 'GET /jobs/{jobId}') return get(event);
      throw new RequestError(404, 'There are two routes: POST /jobs and GET /jobs/{jobId}.');
    }) as Handler<Event, Result>;
  return observed(parts, route);
}

const parts = createParts(process.env);
if (parts.config.webhookSecrets.length === 0) {
  throw new ConfigError('webhook.secrets is empty: the webhook starts only with a secret that callers must send.');
}
export const handler = createHandler(parts);
