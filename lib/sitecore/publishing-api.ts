/**
 * Sitecore's Publishing API, as far as it is needed: one job by its id, a page of the list of jobs, and the permissions
 * of the credential.
 * https://api-docs.sitecore.com (Publishing API, "Retrieve a publishing job", "Retrieve a list of jobs")
 */

import { isDocumented, type Job } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Connection, Http, HttpResponse } from '../platform/http.ts';
import { parseRetryAfter, whileConnecting } from '../platform/http.ts';
import type { Log } from '../platform/log.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { AccessToken } from './access-token.ts';
import {
  describeProblem,
  isProblem,
  type JobPage,
  type Permissions,
  readJob,
  readJobPage,
  readPermissions,
} from './responses.ts';

export type { JobPage, Permissions };

/** The source of jobs. */
export interface PublishingApi {
  /**
   * Reads one job before `deadline` (epoch milliseconds), over `connection` if `connect` returned one. Throws an
   * `UpstreamError` whose message names the remedy.
   */
  getJob(jobId: string, deadline: number, connection?: Connection): Promise<Job>;
  /** Opens the connection that the next request needs first, and sends nothing yet. Pass it to `getJob`, then destroy it. */
  connect(): Connection | undefined;
  /** Reads one page of the list. Throws as `getJob` does: `queryRefused` for a 400, `notFound` if there is no list. */
  listJobs(query: JobPageQuery, deadline: number): Promise<JobPage>;
  /** What the credential may do; null where the API does not say. Throws as `getJob` does. */
  permissions(deadline: number): Promise<Permissions>;
}

/** The query for a page of the list. Members that are left out are not sent. */
export interface JobPageQuery {
  /** ISO 8601 in UTC. Whether the bound is inclusive is not documented. */
  queuedFrom?: string | undefined;
  queuedTo?: string | undefined;
  statuses?: string[] | undefined;
  pageSize?: number | undefined;
  /** For offset paging; starts at 1. */
  pageNumber?: number | undefined;
  /** For checkpoint paging, as the previous page returned it. */
  next?: string | undefined;
}

/** The time limit of one request. */
const timeoutMs = 8_000;
/** In bytes. A job can name thousands of items, and a page holds a hundred jobs. */
const longestPage = 8 * 1024 * 1024;
const scopes = 'xmcpub.jobs.a:r, xmcpub.jobs.t:r, xmcpub.jobs.t:rl';

/** The API of one environment. The access token selects the environment. */
export function createPublishingApi(
  deps: { http: Http; clock: Clock; accessToken: AccessToken; redact: Redactor; log: Log },
  environment: { name: string; apiUrl: string },
): PublishingApi {
  const { http, clock, accessToken, redact, log } = deps;
  const service = `Publishing API of ${environment.name}`;
  const unknownStatuses = new Set<string>();
  const url = new URL(`${environment.apiUrl.replace(/\/+$/, '')}/authoring/publishing/v1/jobs`);

  const requestOnce = async (
    call: string,
    deadline: number,
    { maxBytes, forToken }: { maxBytes?: number; forToken?: Connection | undefined } = {},
  ): Promise<HttpResponse> => {
    const timeLeft = () => deadline - clock.now();
    if (timeLeft() <= 0) throw new UpstreamError('outOfTime', `${service}: no time left for a request`);
    const target = { method: 'GET', url, path: url.pathname + call } as const;
    const [token, connection] = await whileConnecting(http, target, () => accessToken.get(timeLeft(), forToken));
    const response = await http({
      ...target,
      connection,
      service,
      headers: { authorization: `Bearer ${token}` },
      timeoutMs,
      withinMs: timeLeft(),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
    if (response.status === 401) accessToken.drop(token);
    return response;
  };

  /** A token may have been revoked before it expired: retry once with a new one. */
  const request: typeof requestOnce = async (call, deadline, options) => {
    const response = await requestOnce(call, deadline, options);
    return response.status === 401 ? await requestOnce(call, deadline, { ...options, forToken: undefined }) : response;
  };

  const errorFor = (response: HttpResponse, meanings: Meanings): UpstreamError =>
    errorOf(response, meanings, service, clock.now(), redact);

  const noteStatus = (status: string): void => {
    if (isDocumented(status) || unknownStatuses.has(status)) return;
    unknownStatuses.add(status);
    log.warn('unknown status', { environment: environment.name, status });
  };

  return {
    connect: () => accessToken.connect(),
    async getJob(jobId, deadline, connection) {
      // In a path, `.` and `..` are never names, even percent-encoded: https://url.spec.whatwg.org/#double-dot-path-segment
      if (jobId === '.' || jobId === '..')
        throw new UpstreamError('notFound', `${service}: no job has the id ${jobId}`);
      const response = await request(`/${encodeURIComponent(jobId)}`, deadline, { forToken: connection });
      if (response.status !== 200) throw errorFor(response, jobMeanings);
      const job = readJob(response.body, service, jobId);
      noteStatus(job.status);
      return job;
    },
    async listJobs(query, deadline) {
      const response = await request(searchOf(query), deadline, { maxBytes: longestPage });
      if (response.status !== 200) throw errorFor(response, listMeanings);
      const page = readJobPage(response.body, service);
      for (const { job } of page.jobs) if (job) noteStatus(job.status);
      return page;
    },
    async permissions(deadline) {
      const response = await request('/permissions', deadline);
      if (response.status === 404) throw new UpstreamError('notFound', `${service}: not found (404). Check apiUrl`);
      if (response.status !== 200) throw errorFor(response, jobMeanings);
      return readPermissions(response.body, service);
    },
  };
}

/**
 * The query of the list call. The documented filters are `system.queuedTime=>DATE`, joined by `&` for both ends of a
 * window, and `system.status=Queued|Running`. A name ends at the first `=`, so `>` and `<` belong to the values. They are
 * percent-encoded, as any URL parser would send them.
 * https://api-docs.sitecore.com/sai/publishing-api/jobs/getjobsfilters (the same filters), https://url.spec.whatwg.org
 */
function searchOf({ queuedFrom, queuedTo, statuses = [], pageSize, pageNumber, next }: JobPageQuery): string {
  // If `next` is an address, its query is used. It is parsed because Node refuses a path that is not encoded.
  const address = /^(?:https?:\/)?\/[^?]*\?(.+)$/.exec(next ?? '');
  if (address) return new URL(`?${address[1]}`, 'https://any.test').search;
  const search = new URLSearchParams();
  if (queuedFrom !== undefined) search.append('system.queuedTime', `>${queuedFrom}`);
  if (queuedTo !== undefined) search.append('system.queuedTime', `<${queuedTo}`);
  if (statuses.length > 0) search.set('system.status', statuses.join('|'));
  if (pageSize !== undefined) search.set('pageSize', String(pageSize));
  if (pageNumber !== undefined) search.set('pageNumber', String(pageNumber));
  // Not documented; a public client uses it: https://www.nuget.org/packages/PINGWorks.SitecoreExperienceEdge.PublishingSDK
  if (next !== undefined) search.set('continuationToken', next);
  return search.size === 0 ? '' : `?${search}`;
}

/** What some response statuses mean for a call. */
interface Meanings {
  action: string;
  400: [UpstreamError['kind'], string];
  404: [UpstreamError['kind'], string];
}

const jobMeanings: Meanings = {
  action: 'read the job',
  400: ['notFound', 'no such job (400)'],
  404: ['notFound', 'no such job (404)'],
};

const listMeanings: Meanings = {
  action: 'list the jobs',
  400: ['queryRefused', 'the query for the list of jobs was refused (400)'],
  404: ['notFound', 'there is no list of jobs (404)'],
};

/**
 * The error for a response with any status but 200. Only the API itself can say that a job does not exist, that a query is
 * wrong or that a scope is missing, and it does so in a problem document. The same status without one comes from a gateway
 * in front of the API, and counts as an outage.
 */
function errorOf(
  response: HttpResponse,
  meanings: Meanings,
  service: string,
  now: number,
  redact: Redactor,
): UpstreamError {
  const { status, body, headers } = response;
  const isByApi = isProblem(body, status);
  const detail = describeProblem(body, redact);
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
  if (!isByApi && (status === 400 || status === 403 || status === 404)) {
    const advice =
      status === 403
        ? `If this lasts, check that the credential has one of the scopes ${scopes}`
        : 'If this lasts, check apiUrl';
    return new UpstreamError(
      'unavailable',
      `${service}: answered ${status} without a problem document, as a gateway does${detail}. ${advice}`,
      { retryAfterMs },
    );
  }
  switch (status) {
    case 400:
    case 404: {
      const [kind, what] = meanings[status];
      return new UpstreamError(kind, `${service}: ${what}${detail}`);
    }
    case 401:
      return new UpstreamError(
        'credentialRefused',
        // Without a problem document a gateway may have refused it. The environment is paused all the same: to go on would
        // cost a token for each request, and the quota of the token endpoint is not documented.
        `${service}: a fresh token was refused (401)${isByApi ? detail : ', perhaps by a gateway'}. ` +
          'Check that the automation client still exists',
      );
    case 403:
      return new UpstreamError(
        'forbidden',
        `${service}: not allowed to ${meanings.action} (403)${detail}. The credential needs one of the scopes ${scopes}, ` +
          'and must be an automation client of the environment, not of the organization',
      );
    case 429:
      return new UpstreamError('rateLimited', `${service}: too many requests (429)`, { retryAfterMs });
    default:
      return new UpstreamError('unavailable', `${service}: answered ${status}${detail}`, { retryAfterMs });
  }
}
