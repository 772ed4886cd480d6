/** A server that behaves as Sitecore's Publishing API and its token endpoint, for tests and for the demo. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createFaultBook, type Fault, type FaultRule, playFault } from './faults.ts';
import { readBody, sendJson, startLoopbackServer } from './loopback-server.ts';
import { documentedList, idOf, type ListBehavior, listPage } from './publishing-api-list.ts';

/** A received request. `at` is in epoch milliseconds. */
export interface RecordedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  at: number;
}

/** A token request; `body` holds its form or JSON members. */
export interface RecordedTokenRequest extends RecordedRequest {
  body: Record<string, unknown>;
}

/** The call and the job that a fault applies to; all by default. */
export type ApiFaultRule = FaultRule<{ call: ApiCall; jobId: string }>;

type ApiCall = 'job' | 'list' | 'token' | 'permissions';

/** A started server. It records every request, including those with a faulty response. */
export interface PublishingApiServer {
  url: string;
  tokenUrl: string;
  clientId: string;
  clientSecret: string;
  /** All requests except those for the list and for tokens. */
  requests: RecordedRequest[];
  listRequests: RecordedRequest[];
  tokenRequests: RecordedTokenRequest[];
  /** The response of `GET .../jobs/permissions`; initially every permission. */
  permissions: Record<string, boolean>;
  /** How `GET .../jobs` behaves. Can be changed at any time. */
  list: ListBehavior;
  /** Sets a job: any JSON value, a function that returns one, or undefined to remove it. */
  setJob: (id: string, job: unknown) => void;
  fault: (rule: ApiFaultRule) => void;
  clearFaults: () => void;
  /** Revokes every token, so that the next call with one gets a 401. */
  revokeTokens: () => void;
  /** Refuses every connection until `resume`. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  close: () => Promise<void>;
}

/** The source of jobs that `setJob` does not set, the valid credentials, and the lifetime of tokens. */
export interface PublishingApiServerOptions {
  findJob?: (id: string) => unknown;
  /** All jobs of `findJob`, for the list. */
  listJobs?: () => unknown[];
  list?: Partial<ListBehavior>;
  clientId?: string;
  clientSecret?: string;
  /** Seconds. */
  expiresIn?: number;
}

const listPath = /^\/authoring\/publishing\/v1\/jobs(?:\?(.*))?$/;
const jobPath = /^\/authoring\/publishing\/v1\/jobs\/([^/?]+)$/;
const audience = 'https://api.sitecorecloud.io';

/** Starts the Publishing API and its token endpoint (at `/oauth/token`) on a free port of the loopback interface. */
export async function startPublishingApiServer(options: PublishingApiServerOptions = {}): Promise<PublishingApiServer> {
  const { clientId = 'simulated-client', clientSecret = 'simulated-secret', expiresIn = 86_400 } = options;
  const jobs = new Map<string, unknown>();
  const setAt = new Map<string, number>();
  const list = { ...documentedList(), ...options.list };
  const tokens = new Map<string, number>();
  const requests: RecordedRequest[] = [];
  const listRequests: RecordedRequest[] = [];
  const tokenRequests: RecordedTokenRequest[] = [];
  const faults = createFaultBook<{ call: ApiCall; jobId: string }>(['call', 'jobId']);

  const findJob = (id: string): unknown => {
    const job = jobs.get(id) ?? options.findJob?.(id);
    return typeof job === 'function' ? job() : job;
  };

  const listedJobs = (): unknown[] => {
    const shown = [...jobs.keys()].filter((id) => (setAt.get(id) ?? 0) + list.delayMs <= Date.now());
    const others = (options.listJobs?.() ?? []).filter((job) => !jobs.has(String(idOf(job))));
    return [...others, ...shown.map(findJob)].filter((job) => job !== undefined && !list.hidden.has(String(idOf(job))));
  };

  const isAuthorized = (request: IncomingMessage): boolean => {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    return token !== undefined && (tokens.get(token) ?? 0) > Date.now();
  };

  const respondToken = async (request: IncomingMessage, response: ServerResponse) => {
    const body = membersOf(request, (await readBody(request)) ?? Buffer.alloc(0));
    tokenRequests.push({ ...recorded(request), body });
    const fault = faults.take({ call: 'token', jobId: '' });
    if (fault) return playFault(fault, response);
    if (body['grant_type'] !== 'client_credentials' || body['audience'] !== audience) {
      return sendJson(response, 403, { error: 'access_denied', error_description: 'Service not found' });
    }
    if (body['client_id'] !== clientId || body['client_secret'] !== clientSecret) {
      return sendJson(response, 401, { error: 'access_denied', error_description: 'Unauthorized' });
    }
    const token = randomUUID();
    tokens.set(token, Date.now() + expiresIn * 1000);
    const scope = 'xmcpub.jobs.a:r xmcpub.jobs.t:r';
    return sendJson(response, 200, { access_token: token, scope, expires_in: expiresIn, token_type: 'Bearer' });
  };

  const respondJob = (id: string, request: IncomingMessage, response: ServerResponse) => {
    requests.push(recorded(request));
    const fault = faults.take({ call: 'job', jobId: id });
    if (fault) return playFault(fault, response);
    if (!isAuthorized(request)) return playFault(problemFault(401), response);
    const job = findJob(id);
    return job === undefined ? playFault(problemFault(404), response) : sendJson(response, 200, job);
  };

  const respondList = (search: string, request: IncomingMessage, response: ServerResponse) => {
    listRequests.push(recorded(request));
    const fault = faults.take({ call: 'list', jobId: '' });
    if (fault) return playFault(fault, response);
    if (!isAuthorized(request)) return playFault(problemFault(401), response);
    if (list.absent) return playFault(problemFault(404), response);
    if (list.forbidden) return playFault(problemFault(403), response);
    const listed = listPage(new URLSearchParams(search), listedJobs(), list);
    if ('page' in listed) return sendJson(response, 200, listed.page);
    const { body, ...problem } = problemFault(400);
    return playFault({ ...problem, body: { ...(body as object), errors: listed.errors } }, response);
  };

  const permissions = {
    canReadAll: true,
    canReadOwn: true,
    canViewDetailsOfAll: true,
    canViewDetailsOfOwn: true,
    canCreate: true,
  };

  const respondPermissions = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(recorded(request));
    const fault = faults.take({ call: 'permissions', jobId: '' });
    if (fault) return playFault(fault, response);
    return isAuthorized(request) ? sendJson(response, 200, permissions) : playFault(problemFault(401), response);
  };

  const server = await startLoopbackServer((request, response) => {
    if (request.method === 'POST' && request.url === '/oauth/token') return respondToken(request, response);
    const asked = request.method === 'GET' ? listPath.exec(request.url ?? '') : null;
    if (asked) return respondList(asked[1] ?? '', request, response);
    const id = request.method === 'GET' ? jobPath.exec(request.url ?? '')?.[1] : undefined;
    if (id === 'permissions') return respondPermissions(request, response);
    if (id !== undefined) return respondJob(decodeURIComponent(id), request, response);
    requests.push(recorded(request));
    return playFault(problemFault(404), response);
  });

  return {
    url: server.url,
    tokenUrl: `${server.url}/oauth/token`,
    clientId,
    clientSecret,
    requests,
    listRequests,
    tokenRequests,
    permissions,
    list,
    setJob: (id, job) => {
      jobs.set(id, job);
      if (!setAt.has(id)) setAt.set(id, Date.now());
    },
    fault: faults.add,
    clearFaults: faults.clear,
    revokeTokens: () => tokens.clear(),
    pause: server.pause,
    resume: server.resume,
    close: server.close,
  };
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** An error of the Publishing API: a problem object, with `traceId` as in live responses. */
export const problemFault = (status: number, headers: Record<string, string> = {}): Fault => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: {
    type: `https://httpstatuses.io/${status}`,
    title: titles[status] ?? null,
    status,
    detail: null,
    instance: null,
    traceId: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
  },
});

const recorded = (request: IncomingMessage): RecordedRequest => ({
  method: request.method ?? '',
  path: request.url ?? '',
  headers: request.headers,
  at: Date.now(),
});

function membersOf(request: IncomingMessage, body: Buffer): Record<string, unknown> {
  const isJson = request.headers['content-type']?.includes('json') ?? false;
  return isJson ? JSON.parse(body.toString()) : Object.fromEntries(new URLSearchParams(body.toString()));
}
