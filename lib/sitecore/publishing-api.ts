/**
 * Sitecore's Publishing API, as far as it is needed: one job by its id, a page of the list of jobs, and what the
 * credential may do.
 * https://api-docs.sitecore.com (Publishing API, "Retrieve a publishing job", "Retrieve a list of jobs")
 */

import { isDocumented, type Job } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Http, HttpResponse } from '../platform/http.ts';
import { parseRetryAfter } from '../platform/http.ts';
import type { Log } from '../platform/log.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { AccessToken } from './access-token.ts';
import { describeProblem, type JobPage, type Permissions, readJob, readJobPage, readPermissions } from './responses.ts';

export type { JobPage, Permissions };

/** Where jobs come from. */
export interface PublishingApi {
  /** Reads one job before `deadline` (epoch milliseconds). Throws an `UpstreamError` whose message names the remedy. */
  getJob(jobId: string, deadline: number): Promise<Job>;
  /** Reads one page of the list. Throws as `getJob` does: `queryRefused` for a 400, `notFound` if there is no list. */
  listJobs(query: JobPageQuery, deadline: number): Promise<JobPage>;
  /** What the credential may do, as the API says; null where it does not. Throws as `getJob` does. */
  permissions(deadline: number): Promise<Permissions>;
}

/** What a page of the list is to hold. What is left out does not go into the request. */
export interface JobPageQuery {
  /** ISO 8601 in UTC; whether the moment itself belongs to it is not documented. */
  queuedFrom?: string | undefined;
  queuedTo?: string | undefined;
  statuses?: string[] | undefined;
  pageSize?: number | undefined;
  /** From 1: offset paging. */
  pageNumber?: number | undefined;
  /** As the page before gave it: checkpoint paging. */
  next?: string | undefined;
}

const timeoutMs = 8_000;
/** Bytes: a job can name thousands of items, and a page holds a hundred jobs. */
const longestPage = 8 * 1024 * 1024;
const scopes = 'xmcpub.jobs.a:r, xmcpub.jobs.t:r, xmcpub.jobs.t:rl';

/** The API of one environment; its token says which one that is. */
export function createPublishingApi(
  deps: { http: Http; clock: Clock; accessToken: AccessToken; redact: Redactor; log: Log },
  environment: { name: string; apiUrl: string },
): PublishingApi {
  const { http, clock, accessToken, redact, log } = deps;
  const service = `Publishing API of ${environment.name}`;
  const unknownStatuses = new Set<string>();
  const url = new URL(`${environment.apiUrl.replace(/\/+$/, '')}/authoring/publishing/v1/jobs`);

  const askOnce = async (call: string, deadline: number, maxBytes?: number): Promise<HttpResponse> => {
    const timeLeft = () => Math.min(timeoutMs, deadline - clock.now());
    if (timeLeft() <= 0) throw new UpstreamError('unavailable', `${service}: no time left to ask`);
    const token = await accessToken.get(timeLeft());
    const answer = await http({
      method: 'GET',
      url,
      path: url.pathname + call,
      service,
      headers: { authorization: `Bearer ${token}` },
      timeoutMs: timeLeft(),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
    if (answer.status === 401) accessToken.drop(token);
    return answer;
  };

  /** A token may have been revoked before its time: once more with a fresh one. */
  const ask: typeof askOnce = async (...asked) => {
    const answer = await askOnce(...asked);
    return answer.status === 401 ? await askOnce(...asked) : answer;
  };

  /** What follows from an answer that is not the one asked for. */
  const refused = (answer: HttpResponse, terms: Terms): UpstreamError =>
    refusal(answer, terms, service, clock.now(), redact);

  const noteStatus = (status: string): void => {
    if (isDocumented(status) || unknownStatuses.has(status)) return;
    unknownStatuses.add(status);
    log.warn('a status that is not documented; the job is watched on', { environment: environment.name, status });
  };

  return {
    async getJob(jobId, deadline) {
      // In a path these two are no names, however they are encoded: https://url.spec.whatwg.org/#double-dot-path-segment
      if (jobId === '.' || jobId === '..')
        throw new UpstreamError('notFound', `${service}: no job has the id ${jobId}`);
      const answer = await ask(`/${encodeURIComponent(jobId)}`, deadline);
      if (answer.status !== 200) throw refused(answer, jobTerms);
      const job = readJob(answer.body, service);
      noteStatus(job.status);
      return job;
    },
    async listJobs(query, deadline) {
      const answer = await ask(searchOf(query), deadline, longestPage);
      if (answer.status !== 200) throw refused(answer, listTerms);
      const page = readJobPage(answer.body, service);
      for (const { job } of page.jobs) if (job) noteStatus(job.status);
      return page;
    },
    async permissions(deadline) {
      const answer = await ask('/permissions', deadline);
      if (answer.status === 404) throw new UpstreamError('notFound', `${service}: nothing there (404). Check apiUrl`);
      if (answer.status !== 200) throw refused(answer, jobTerms);
      return readPermissions(answer.body, service);
    },
  };
}

/**
 * The query of the list call. Documented are `system.queuedTime=>DATE`, with `&` for both ends of a time, and
 * `system.status=Queued|Running`. A name ends at the first `=`, so `>` and `<` belong to the values; they go
 * percent-encoded, as every URL parser would send them.
 * https://api-docs.sitecore.com/sai/publishing-api/jobs/getjobsfilters (the same filters), https://url.spec.whatwg.org
 */
function searchOf({ queuedFrom, queuedTo, statuses = [], pageSize, pageNumber, next }: JobPageQuery): string {
  // A `next` that is an address brings its own query, for the same call. Parsed, because Node refuses a path that is not encoded.
  const address = /^(?:https?:\/)?\/[^?]*\?(.+)$/.exec(next ?? '');
  if (address) return new URL(`?${address[1]}`, 'https://any.test').search;
  const search = new URLSearchParams();
  if (queuedFrom !== undefined) search.append('system.queuedTime', `>${queuedFrom}`);
  if (queuedTo !== undefined) search.append('system.queuedTime', `<${queuedTo}`);
  if (statuses.length > 0) search.set('system.status', statuses.join('|'));
  if (pageSize !== undefined) search.set('pageSize', String(pageSize));
  if (pageNumber !== undefined) search.set('pageNumber', String(pageNumber));
  // Not documented; a public client has it: https://www.nuget.org/packages/PINGWorks.SitecoreExperienceEdge.PublishingSDK
  if (next !== undefined) search.set('continuationToken', next);
  return search.size === 0 ? '' : `?${search}`;
}

/** What some statuses mean for a call. */
interface Terms {
  does: string;
  400: [UpstreamError['kind'], string];
  404: [UpstreamError['kind'], string];
}

const jobTerms: Terms = {
  does: 'read the job',
  400: ['notFound', 'no such job (400)'],
  404: ['notFound', 'no such job (404)'],
};

const listTerms: Terms = {
  does: 'list the jobs',
  400: ['queryRefused', 'the list of jobs cannot be asked for like this (400)'],
  404: ['notFound', 'there is no list of jobs (404)'],
};

function refusal(answer: HttpResponse, terms: Terms, service: string, now: number, redact: Redactor): UpstreamError {
  const { status, body, headers } = answer;
  const said = describeProblem(body, redact);
  switch (status) {
    case 400:
    case 404: {
      const [kind, what] = terms[status];
      return new UpstreamError(kind, `${service}: ${what}${said}`);
    }
    case 401:
      return new UpstreamError(
        'credentialRefused',
        `${service}: a fresh token was refused (401)${said}. Check that the automation client still exists`,
      );
    case 403:
      return new UpstreamError(
        'forbidden',
        `${service}: not allowed to ${terms.does} (403)${said}. The credential needs one of the scopes ${scopes}, ` +
          'and must be an automation client of the environment, not of the organization',
      );
    case 429:
      return new UpstreamError('rateLimited', `${service}: too many requests (429)`, {
        retryAfterMs: parseRetryAfter(headers['retry-after'], now),
      });
    default:
      return new UpstreamError('unavailable', `${service}: answered ${status}${said}`, {
        retryAfterMs: parseRetryAfter(headers['retry-after'], now),
      });
  }
}
