/** The answers of Sitecore's Publishing API, read tolerantly: any JSON in, a typed value or an `UpstreamError` out. */

import * as v from 'valibot';
import { UpstreamError } from './errors.ts';
import type { Job } from './job.ts';
import { isJobId } from './job-name.ts';
import type { Redactor } from './redaction.ts';
import { clean } from './text.ts';

/** Reads a job out of an answer's body. Throws an `unreadable` error if it holds no status. */
export function readJob(body: string, peer: string): Job {
  const parsed = v.safeParse(PublishingJob, readJson(body, peer));
  if (!parsed.success) throw new UpstreamError('unreadable', `${peer}: no status in the answer`);
  return toJob(parsed.output);
}

/** One page of the list of jobs. */
export interface JobPage {
  /** In the order of the answer. A job is null where the entry holds no readable status. */
  jobs: { id: string; job: Job | null }[];
  /** How many entries the page has; those without a readable id are counted here alone. */
  entries: number;
  /** How many jobs there are on all pages, if the answer says so. */
  totalCount: number | null;
  /** How many entries the API puts on a page, if the answer says so. */
  pageSize: number | null;
  /** What leads to the next page in checkpoint paging. */
  next: string | null;
  /** Whether the answer is one of checkpoint paging, where `next` alone says whether anything follows. */
  isCheckpoint: boolean;
}

/** Reads a page of the list out of an answer's body. Throws an `unreadable` error if it holds no list. */
export function readJobPage(body: string, peer: string): JobPage {
  const json = readJson(body, peer);
  const parsed = v.safeParse(ListAnswer, json);
  // A list that is null is an empty one where the answer counts none.
  const data = parsed.success ? (parsed.output.data ?? (parsed.output.totalCount === 0 ? [] : null)) : null;
  if (!parsed.success || data === null) throw new UpstreamError('unreadable', `${peer}: no list of jobs in the answer`);
  const { totalCount, pageNumber, pageSize, next } = parsed.output;
  const said = (json as { next?: unknown }).next;
  return {
    jobs: data.flatMap(readEntry),
    entries: data.length,
    totalCount,
    pageSize,
    next: next || null,
    isCheckpoint: pageNumber === null && (next !== null || said === null),
  };
}

function readEntry(entry: unknown): JobPage['jobs'] {
  const id = v.safeParse(Identified, entry);
  if (!id.success) return [];
  const parsed = v.safeParse(PublishingJob, entry);
  return [{ id: id.output.id, job: parsed.success ? toJob(parsed.output) : null }];
}

/** What the credential may do, read out of an answer's body. Throws an `unreadable` error if it is no JSON object. */
export function readPermissions(body: string, peer: string): Permissions {
  const parsed = v.safeParse(PermissionsAnswer, readJson(body, peer));
  if (!parsed.success) throw new UpstreamError('unreadable', `${peer}: the answer is no JSON`);
  return parsed.output;
}

/** Documented for `GET .../jobs/permissions`, a call that needs a valid token and no scope. */
export type Permissions = v.InferOutput<typeof PermissionsAnswer>;

function readJson(body: string, peer: string): unknown {
  const json = v.safeParse(v.pipe(v.string(), v.parseJson()), body);
  if (!json.success) throw new UpstreamError('unreadable', `${peer}: the answer is no JSON`);
  return json.output;
}

/** The problem object of a refusal (RFC 9457), in one line for the operator; nothing if there is none. */
export function describeProblem(body: string, redact: Redactor): string {
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

const PermissionsAnswer = v.object({
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

const Identified = v.object({ id: v.pipe(v.string(), v.check(isJobId)) });

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
type PublishingJob = v.InferOutput<typeof PublishingJob>;

/** Both ways of paging: `{totalCount, pageNumber, pageSize, data}`, and `{data, next}`. */
const ListAnswer = v.object({
  data: v.nullable(v.array(v.unknown())),
  totalCount: count,
  pageNumber: count,
  pageSize: count,
  next: v.fallback(v.nullable(v.union([v.string(), v.pipe(v.number(), v.transform(String))])), null),
});

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
