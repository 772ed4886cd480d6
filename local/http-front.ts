/** The HTTP server of `npm start`: the routes of the webhook function, the page, and the routes of the demo. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2 } from 'aws-lambda';
import type { JobName } from '../lib/domain/job.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { type Break, type BreakIt, breaks } from './break-it.ts';
import type { Demo } from './demo.ts';
import { type Route, toHttpEvent, writeHttpResult } from './http-event.ts';
import type { JobDetails } from './job-details.ts';
import { readBody, sendJson } from './loopback-server.ts';
import type { Page } from './page.ts';
import type { JobPlan } from './simulation.ts';
import type { Trial } from './try-rules.ts';

/** The limit of API Gateway, so that the function receives every body that it would receive in AWS. */
const maxBody = 10 * 1024 * 1024;

/** What the routes need. `demo` is null with the real Publishing API; `handOver` hands a job of the demo over. */
export interface FrontDeps {
  page: Page;
  /** For the page: a job's timeline and messages, and what the rules decide about a job that does not exist. */
  details: (name: JobName) => Promise<JobDetails>;
  tryRules: (asked: URLSearchParams) => Trial;
  demo: { demo: Demo; breakIt: BreakIt; handOver: (plan: JobPlan) => Promise<void> } | null;
  webhook: (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyResultV2>;
}

/** Makes the request handler. */
export function createHttpFront(
  deps: FrontDeps,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { page, demo, webhook } = deps;

  const callWebhook = async (request: IncomingMessage, response: ServerResponse, route: Route) => {
    const body = await readBody(request, maxBody);
    if (body === null) return sendJson(response, 413, { message: 'Request Too Long' });
    writeHttpResult(await webhook(toHttpEvent(request, body, route)), response);
  };

  // A body of any length is welcome, so it is left unread.
  const callWebhookWithoutBody = async (request: IncomingMessage, response: ServerResponse) =>
    writeHttpResult(await webhook(toHttpEvent(request, Buffer.alloc(0), { routeKey: 'POST /wake' })), response);

  const simulate = async (
    { demo, breakIt, handOver }: NonNullable<FrontDeps['demo']>,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
  ) => {
    const asked = membersOf(await readBody(request));
    if (path === '/simulation/faults') {
      demo.addFault(asked);
      return sendJson(response, 201, asked);
    }
    if (path === '/simulation/breaks') {
      const { kind } = asked;
      if (!breaks.includes(kind as Break)) throw new RequestError(422, `kind must be one of ${breaks.join(', ')}.`);
      breakIt.begin(kind as Break);
      return sendJson(response, 202, { kind });
    }
    const plan = demo.addJob(asked);
    const { id: jobId, name, outcome, seconds } = plan;
    sendJson(response, 201, { jobId, name, outcome, seconds });
    return handOver(plan);
  };

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pathname = decodedPath(request);
    const asked = `${request.method} ${pathname}`;
    const jobId = /^GET \/jobs\/([^/]+)$/.exec(asked)?.[1];
    if (asked === 'POST /wake') return callWebhookWithoutBody(request, response);
    if (asked === 'POST /jobs' || asked === 'GET /health') return callWebhook(request, response, { routeKey: asked });
    if (jobId !== undefined) {
      return callWebhook(request, response, { routeKey: 'GET /jobs/{jobId}', pathParameters: { jobId } });
    }
    const path = /^\/(?:jobs|wake|health)$/.test(pathname)
      ? pathname
      : /^\/jobs\/[^/]+$/.test(pathname) && '/jobs/{jobId}';
    if (path) return callWebhook(request, response, { routeKey: `ANY ${path}` });
    if (/^\/(live)?$/.test(pathname) && request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      throw new RequestError(405, 'This route accepts only GET.');
    }
    // The following routes need no credential, so only the page itself may use them.
    if (!isOwnPage(request))
      throw new RequestError(403, 'Only requests from this machine and from this page are allowed.');
    const file = /^GET \/page\/([\w.-]+)$/.exec(asked)?.[1];
    if (asked === 'GET /' || file !== undefined) return page.serve(file ?? 'index.html', request, response);
    if (asked === 'GET /live') return page.connect(request, response);
    if (asked === 'GET /page-job') return sendJson(response, 200, await deps.details(jobNameIn(request)));
    if (asked === 'GET /page-rules') return sendJson(response, 200, deps.tryRules(queryOf(request)));
    if (demo && /^POST \/simulation\/(jobs|faults|breaks)$/.test(asked)) {
      return simulate(demo, pathname, request, response);
    }
    throw new RequestError(404, 'There is nothing here.');
  };

  return async (request, response) => {
    try {
      await route(request, response);
    } catch (error) {
      const { status, message } =
        error instanceof RequestError ? error : { status: 500, message: 'Internal Server Error' };
      if (!(error instanceof RequestError)) console.error(error);
      if (!response.headersSent) sendJson(response, status, { status, detail: message }, 'application/problem+json');
    }
  };
}

/** The path without the query. An encoded slash leads to another path, which is fine: job ids contain none. */
function decodedPath({ url = '/' }: IncomingMessage): string {
  try {
    return decodeURIComponent(url.replace(/\?.*$/, ''));
  } catch {
    throw new RequestError(400, 'The path is not percent-encoded UTF-8.');
  }
}

const queryOf = ({ url = '/' }: IncomingMessage): URLSearchParams => new URL(url, 'http://localhost').searchParams;

const jobNameIn = (request: IncomingMessage): JobName => ({
  environment: queryOf(request).get('environment') ?? '',
  jobId: queryOf(request).get('jobId') ?? '',
});

/** Another page sends its own origin, or with DNS rebinding its own host. */
function isOwnPage({ headers }: IncomingMessage): boolean {
  const { host = '', origin } = headers;
  const isLocal = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host);
  return isLocal && (origin === undefined || origin === `http://${host}`);
}

/** The JSON members of a body of any content type: `curl -d` declares every body as a form. */
function membersOf(body: Buffer | null): Record<string, unknown> {
  const text = body?.toString() || '{}';
  try {
    const members = JSON.parse(text);
    if (typeof members === 'object' && members !== null && !Array.isArray(members)) return members;
  } catch {
    // Reported below.
  }
  throw new RequestError(400, 'The body must be a JSON object, like {"outcome":"failed"}.');
}
