/**
 * Sitecore's Publishing API, as far as it is needed: one job by its id, and what the credential may do.
 * https://api-docs.sitecore.com (Publishing API, "Retrieve a publishing job")
 */

import * as v from 'valibot';
import type { AccessToken } from './access-token.ts';
import type { Clock } from './clock.ts';
import { UpstreamError } from './errors.ts';
import type { Http, HttpAnswer } from './http.ts';
import { isDocumented, type Job } from './job.ts';
import type { Log } from './observability.ts';
import type { Redactor } from './redaction.ts';
import { parseRetryAfter } from './retry.ts';
import { clean } from './text.ts';

/** Where jobs come from. */
export interface PublishingApi {
  /** Reads one job before `deadline` (epoch milliseconds). Throws an `UpstreamError` whose message names the remedy. */
  getJob(jobId: string, deadline: number): Promise<Job>;
  /** What the credential may do, as the API says; null where it does not. Throws as `getJob` does. */
  permissions(deadline: number): Promise<Permissions>;
}

/** Documented for `GET .../jobs/permissions`, a call that needs a valid token and no scope. */
export type Permissions = v.InferOutput<typeof Permissions>;

const timeoutMs = 8_000;
const scopes = 'xmcpub.jobs.a:r, xmcpub.jobs.t:r, xmcpub.jobs.t:rl';

/** The API of one environment; its token says which one that is. */
export function createPublishingApi(
  deps: { http: Http; clock: Clock; accessToken: AccessToken; redact: Redactor; log: Log },
  environment: { name: string; apiUrl: string },
): PublishingApi {
  const { http, clock, accessToken, redact, log } = deps;
  const peer = `Publishing API of ${environment.name}`;
  const unknownStatuses = new Set<string>();
  const base = environment.apiUrl.replace(/\/+$/, '');

  const askOnce = async (path: string, deadline: number): Promise<HttpAnswer> => {
    const timeLeft = () => Math.min(timeoutMs, deadline - clock.now());
    if (timeLeft() <= 0) throw new UpstreamError('unavailable', `${peer}: no time left to ask`);
    const token = await accessToken.get(timeLeft());
    const answer = await http({
      method: 'GET',
      url: `${base}/authoring/publishing/v1/jobs/${path}`,
      peer,
      headers: { authorization: `Bearer ${token}` },
      timeoutMs: timeLeft(),
    });
    if (answer.status === 401) accessToken.drop(token);
    return answer;
  };

  /** A token may have been revoked before its time: once more with a fresh one. */
  const ask = async (path: string, deadline: number): Promise<HttpAnswer> => {
    const answer = await askOnce(path, deadline);
    return answer.status === 401 ? await askOnce(path, deadline) : answer;
  };

  const noteStatus = (status: string): void => {
    if (isDocumented(status) || unknownStatuses.has(status)) return;
    unknownStatuses.add(status);
    log.warn('a status that is not documented; the job is watched on', { environment: environment.name, status });
  };

  return {
    async getJob(jobId, deadline) {
      // In a path these two are no names, however they are encoded: https://url.spec.whatwg.org/#double-dot-path-segment
      if (jobId === '.' || jobId === '..') throw new UpstreamError('notFound', `${peer}: no job has the id ${jobId}`);
      const answer = await ask(encodeURIComponent(jobId), deadline);
      if (answer.status !== 200) throw refusal(answer, peer, clock.now(), redact);
      const job = readJob(answer.body, peer);
      noteStatus(job.status);
      return job;
    },
    async permissions(deadline) {
      const answer = await ask('permissions', deadline);
      if (answer.status === 404) throw new UpstreamError('notFound', `${peer}: nothing there (404). Check apiUrl`);
      if (answer.status !== 200) throw refusal(answer, peer, clock.now(), redact);
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Permissions), answer.body);
      if (!parsed.success) throw new UpstreamError('unreadable', `${peer}: the answer is no JSON`);
      return parsed.output;
    },
  };
}

function refusal(answer: HttpAnswer, peer: string, now: number, redact: Redactor): UpstreamError {
  const { status, body, headers } = answer;
  const said = describeProblem(body, redact);
  switch (status) {
    case 400:
    case 404:
      return new UpstreamError('notFound', `${peer}: no such job (${status})${said}`);
    case 401:
      return new UpstreamError(
        'credentialRefused',
        `${peer}: a fresh token was refused (401)${said}. Check that the automation client still exists`,
      );
    case 403:
      return new UpstreamError(
        'forbidden',
        `${peer}: not allowed to read the job (403)${said}. The credential needs one of the scopes ${scopes}, ` +
          'and must be an automation client of the environment, not of the organization',
      );
    case 429:
      return new UpstreamError('rateLimited', `${peer}: too many requests (429)`, {
        retryAfterMs: parseRetryAfter(headers['retry-after'], now),
      });
    default:
      return new UpstreamError('unavailable', `${peer}: answered ${status}${said}`, {
        retryAfterMs: parseRetryAfter(headers['retry-after'], now),
      });
  }
}

/** The problem object of a refusal (RFC 9457), in one line for the operator; nothing if there is none. */
function describeProblem(body: string, redact: Redactor): string {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Problem), body);
  if (!parsed.success) return '';
  const { title, detail, errors } = parsed.output;
  const fields = Object.entries(errors ?? {}).map(([field, texts]) => `${field}: ${texts.join(' ')}`);
  const text = [title, detail, ...fields].filter(Boolean).join('; ');
  return text ? `: ${clean(redact(text), 300)}` : '';
}

// Whatever is absent, null or of another type than documented reads as null: only the status must be there.
const text = v.fallback(v.nullable(v.string()), null);
const flag = v.fallback(v.nullable(v.boolean()), null);
const count = v.fallback(
  v.nullable(
    v.pipe(
      v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))]),
      v.safeInteger(),
      v.minValue(0),
    ),
  ),
  null,
);
const orNull = <Entries extends v.ObjectEntries>(entries: Entries) => v.fallback(v.nullable(v.object(entries)), null);

const Permissions = v.object({
  canReadAll: flag,
  canReadOwn: flag,
  canViewDetailsOfAll: flag,
  canViewDetailsOfOwn: flag,
  canCreate: flag,
});

const Problem = v.object({
  type: text,
  title: text,
  status: count,
  detail: text,
  instance: text,
  errors: v.fallback(v.nullable(v.record(v.string(), v.array(v.string()))), null),
});

// `id` of a person or client is documented as well, and left unread: it has no place in a message, a log or the table.
const Actor = orNull({ name: text, type: text });

/** The documented answer, read tolerantly. */
const PublishingJob = v.object({
  id: text,
  name: text,
  source: text,
  description: text,
  options: orNull({ xmc: v.fallback(v.nullable(v.record(v.string(), v.unknown())), null) }),
  permissions: orNull({ canViewDetails: flag, canCancel: flag }),
  statistics: orNull({
    lastReportTime: text,
    itemsSent: count,
    itemsProcessed: count,
    itemsFailed: count,
    xmc: orNull({
      additionalItemsSent: count,
      itemsAcknowledged: count,
      itemsDeleted: count,
      itemsSkipped: count,
      itemsSendingComplete: flag,
    }),
  }),
  system: v.object({
    organizationId: text,
    tenantId: text,
    tenantJobId: text,
    status: v.pipe(
      v.string(),
      v.transform((status) => clean(status, 64)),
      v.minLength(1),
    ),
    queuedTime: text,
    startTime: text,
    finishTime: text,
    createdBy: Actor,
    canceledBy: Actor,
  }),
});
export type PublishingJob = v.InferOutput<typeof PublishingJob>;

/** Reads a job out of an answer's body. Throws an `unreadable` error if it holds no status. */
export function readJob(body: string, peer: string): Job {
  const json = v.safeParse(v.pipe(v.string(), v.parseJson()), body);
  if (!json.success) throw new UpstreamError('unreadable', `${peer}: the answer is no JSON`);
  const parsed = v.safeParse(PublishingJob, json.output);
  if (!parsed.success) throw new UpstreamError('unreadable', `${peer}: no status in the answer`);
  return toJob(parsed.output);
}

function toJob({ name, source, statistics, system }: PublishingJob): Job {
  return {
    status: system.status,
    name: bounded(name, 1_000),
    source: bounded(source, 100),
    startedBy: bounded(system.createdBy?.name, 200),
    startedByType: bounded(system.createdBy?.type, 64),
    canceledBy: bounded(system.canceledBy?.name, 200),
    queuedAt: readTime(system.queuedTime),
    startedAt: readTime(system.startTime),
    finishedAt: readTime(system.finishTime),
    statistics: statistics && {
      sent: statistics.itemsSent,
      processed: statistics.itemsProcessed,
      failed: statistics.itemsFailed,
      skipped: statistics.xmc?.itemsSkipped ?? null,
      deleted: statistics.xmc?.itemsDeleted ?? null,
      additional: statistics.xmc?.additionalItemsSent ?? null,
      asOf: readTime(statistics.lastReportTime),
    },
  };
}

const bounded = (text: string | null | undefined, max: number): string | null => clean(text ?? '', max) || null;

/** A time of the API as ISO 8601 in UTC. Without an offset it counts as UTC; what is no time is null. */
function readTime(time: string | null): string | null {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(time?.trim() ?? '');
  if (!match) return null;
  const [, day, clock, fraction = '', zone = 'Z'] = match;
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^(.\d\d):?/, '$1:');
  const parsed = Date.parse(`${day}T${clock}${fraction}${offset}`);
  // .NET writes the year 1 for a time that was never set.
  return Number.isNaN(parsed) || parsed < 0 ? null : new Date(parsed).toISOString();
}
