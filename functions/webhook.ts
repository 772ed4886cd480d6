/**
 * HTTP: `POST /jobs` checks a job now, `GET /jobs/{jobId}` returns what is known of it, `POST /wake` requests a sweep,
 * `GET /health` returns what works.
 */

import middy from '@middy/core';
import httpJsonBodyParser from '@middy/http-json-body-parser';
import type { Context, APIGatewayProxyEventV2 as Event, APIGatewayProxyStructuredResultV2 as Result } from 'aws-lambda';
import type { Deps } from '../lib/deps.ts';
import type { JobName } from '../lib/domain/job.ts';
import { hasCredential } from '../lib/http-api/credential.ts';
import { authorize, problemResponses } from '../lib/http-api/middleware.ts';
import { readEnvironment, readJobName } from '../lib/http-api/request.ts';
import { acceptedResponse, detailsOf, isOnlyAccepted, jsonResponse, responseOf } from '../lib/http-api/responses.ts';
import { type Checked, check } from '../lib/pipeline/check.ts';
import { readCooldown } from '../lib/pipeline/cooldown.ts';
import { inTime } from '../lib/platform/async.ts';
import { ConfigError, RequestError } from '../lib/platform/errors.ts';
import { type Handler, instrumented } from '../lib/platform/handler.ts';
import { readHealth } from '../lib/sweep/health.ts';
import { requestSweep } from '../lib/sweep/request-sweep.ts';
import { wire } from '../lib/wire.ts';

/** Makes the handler of an HTTP API (payload format 2.0). */
export function createHandler(deps: Deps): Handler<Event, Result> {
  const environments = Object.keys(deps.config.environments);

  // The response follows the first attempt of every delivery.
  const post = middy()
    .use(httpJsonBodyParser())
    .handler(async (event: { body?: unknown }, context: Context): Promise<Result> => {
      const job = readJobName(event.body, environments);
      const checked = await checkInTime(deps, job, context.getRemainingTimeInMillis());
      return isOnlyAccepted(checked) ? acceptedResponse(checked) : jsonResponse(200, responseOf(checked));
    });

  // Reads only the table: sends no request to Sitecore.
  const get = async (event: Event): Promise<Result> => {
    const environment = event.queryStringParameters?.['environment'];
    const job = readJobName({ jobId: event.pathParameters?.['jobId'], environment }, environments);
    const [record, cooldown] = await Promise.all([deps.store.get(job), readCooldown(deps, job.environment)]);
    if (!record) throw new RequestError(404, 'The notifier has not seen this job. Send it with POST /jobs.');
    return jsonResponse(200, detailsOf(record, cooldown));
  };

  // The body does not matter: Sitecore's webhooks name no job.
  const wake = async (event: Event): Promise<Result> => {
    const environment = readEnvironment(event.queryStringParameters?.['environment'], environments);
    await requestSweep(deps, environment);
    const detail = 'The jobs of this environment are checked now and a little later.';
    return jsonResponse(202, { environment, detail });
  };

  // A load balancer that sends no credential learns nothing else.
  const health = async (event: Event): Promise<Result> => {
    const found = await readHealth(deps);
    const status = found.works ? 200 : 503;
    return hasCredential(event.headers) ? jsonResponse(status, found) : { statusCode: status };
  };

  const routes: Record<string, Record<string, (event: Event, context: Context) => Promise<Result>>> = {
    '/jobs': { POST: (event, context) => post(event as never, context) },
    '/jobs/{jobId}': { GET: get },
    '/wake': { POST: wake },
    '/health': { GET: health },
  };
  // A path also has a route `ANY <path>`, for the methods that it does not have.
  const route = middy()
    .use([problemResponses(deps), authorize(deps)])
    .handler((event: Event, context: Context): Promise<Result> => {
      const [method = '', path = ''] = event.routeKey.split(' ');
      const methods = routes[path];
      if (!methods) throw new RequestError(404, `Not found. The paths are ${Object.keys(routes).join(', ')}.`);
      const handle = methods[method];
      const allow = Object.keys(methods).join(', ');
      if (!handle) throw new RequestError(405, `The method of ${path} is ${allow}.`, { allow });
      return handle(event, context);
    }) as Handler<Event, Result>;
  return instrumented(deps, route);
}

/** Callers get a response within this time, whatever happens behind it. */
const respondWithinMs = 25_000;

async function checkInTime(deps: Deps, job: JobName, remainingMs: number): Promise<Checked> {
  const ms = Math.min(remainingMs, respondWithinMs);
  try {
    return await inTime(ms, () => check(deps, job, deps.clock.now() + ms));
  } catch (error) {
    deps.log.error('job record failed', { ...job, error });
    throw new RequestError(503, 'The job could not be recorded. Ask again later.');
  }
}

const deps = wire(process.env);
if (deps.config.webhookSecrets.length === 0) {
  throw new ConfigError('webhook.secrets is empty: the webhook needs at least one secret that callers must send.');
}
export const handler = createHandler(deps);
