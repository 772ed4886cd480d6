/** The answers of Sitecore's Publishing API, read tolerantly: any JSON in, a typed value or an `UpstreamError` out. */

import type { Job } from '../domain/job.ts';
import { isJobId } from '../domain/job.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Redactor } from '../platform/redaction.ts';
import { clean } from '../platform/text.ts';

/** Reads a job out of an answer's body. Throws an `unreadable` error if it holds no status. */
export function readJob(body: string, service: string): Job {
  const job = toJob(readJson(body, service));
  if (job === null) throw new UpstreamError('unreadable', `${service}: no status in the answer`);
  return job;
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

/**
 * Reads a page of the list out of an answer's body, in both ways of paging: `{totalCount, pageNumber, pageSize, data}`,
 * and `{data, next}`. Throws an `unreadable` error if it holds no list.
 */
export function readJobPage(body: string, service: string): JobPage {
  const answer = membersOf(readJson(body, service));
  const totalCount = count(answer['totalCount']);
  const next = typeof answer['next'] === 'number' ? String(answer['next']) : text(answer['next']);
  // A list that is null is an empty one where the answer counts none.
  const data = answer['data'] === null && totalCount === 0 ? [] : answer['data'];
  if (!Array.isArray(data)) throw new UpstreamError('unreadable', `${service}: no list of jobs in the answer`);
  return {
    jobs: data.flatMap(readEntry),
    entries: data.length,
    totalCount,
    pageSize: count(answer['pageSize']),
    next: next || null,
    isCheckpoint: count(answer['pageNumber']) === null && (next !== null || answer['next'] === null),
  };
}

function readEntry(entry: unknown): JobPage['jobs'] {
  const { id } = membersOf(entry);
  return typeof id === 'string' && isJobId(id) ? [{ id, job: toJob(entry) }] : [];
}

/** What the credential may do; null where the answer does not say. */
export interface Permissions {
  canReadAll: boolean | null;
  canReadOwn: boolean | null;
  canViewDetailsOfAll: boolean | null;
  canViewDetailsOfOwn: boolean | null;
  canCreate: boolean | null;
}

/**
 * What the credential may do, read out of an answer's body. Throws an `unreadable` error if it is no JSON object.
 * Documented for `GET .../jobs/permissions`, a call that needs a valid token and no scope.
 */
export function readPermissions(body: string, service: string): Permissions {
  const json = readJson(body, service);
  if (!isObject(json)) throw new UpstreamError('unreadable', `${service}: the answer is no JSON object`);
  return {
    canReadAll: flag(json['canReadAll']),
    canReadOwn: flag(json['canReadOwn']),
    canViewDetailsOfAll: flag(json['canViewDetailsOfAll']),
    canViewDetailsOfOwn: flag(json['canViewDetailsOfOwn']),
    canCreate: flag(json['canCreate']),
  };
}

/** The problem object of a refusal (RFC 9457), in one line for the operator; nothing if there is none. */
export function describeProblem(body: string, redact: Redactor): string {
  const { title, detail, errors } = membersOf(parse(body));
  const fields = Object.entries(membersOf(errors)).map(([field, texts]) =>
    Array.isArray(texts) ? `${field}: ${texts.filter((one) => typeof one === 'string').join(' ')}` : field,
  );
  const said = [text(title), text(detail), ...fields].filter(Boolean).join('; ');
  return said ? `: ${clean(redact(said), 300)}` : '';
}

function readJson(body: string, service: string): unknown {
  const json = parse(body);
  if (json === undefined) throw new UpstreamError('unreadable', `${service}: the answer is no JSON`);
  return json;
}

/** Undefined: it is no JSON. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/**
 * A job as the API documents it; null without a status. `id` of a person or client is documented as well, and left
 * unread: it has no place in a message, a log or the table.
 */
function toJob(json: unknown): Job | null {
  const { name, source, statistics, system } = membersOf(json);
  const { status, createdBy, canceledBy, queuedTime, startTime, finishTime } = membersOf(system);
  const itsStatus = bounded(status, 64);
  if (itsStatus === null) return null;
  return {
    status: itsStatus,
    name: bounded(name, 1_000),
    source: bounded(source, 100),
    startedBy: bounded(membersOf(createdBy)['name'], 200),
    startedByType: bounded(membersOf(createdBy)['type'], 64),
    canceledBy: bounded(membersOf(canceledBy)['name'], 200),
    queuedAt: time(queuedTime),
    startedAt: time(startTime),
    finishedAt: time(finishTime),
    statistics: isObject(statistics) ? toStatistics(statistics) : null,
  };
}

function toStatistics({ itemsSent, itemsProcessed, itemsFailed, lastReportTime, xmc }: Members): Job['statistics'] {
  const { itemsSkipped, itemsDeleted, additionalItemsSent } = membersOf(xmc);
  return {
    sent: count(itemsSent),
    processed: count(itemsProcessed),
    failed: count(itemsFailed),
    skipped: count(itemsSkipped),
    deleted: count(itemsDeleted),
    additional: count(additionalItemsSent),
    asOf: time(lastReportTime),
  };
}

// Whatever is absent, null or of another type than documented reads as null, or as an object without members.

type Members = Record<string, unknown>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const membersOf = (value: unknown): Members => (isObject(value) ? value : {});
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const flag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
const bounded = (value: unknown, max: number): string | null => clean(text(value) ?? '', max) || null;

/** A counter; some answers have it as digits in a text. */
function count(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

const timePattern = /^(\d{4}-\d\d-(\d\d))[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?\s*(?:Z|([+-]\d\d):?(\d\d))?$/i;

/** A time of the API as ISO 8601 in UTC. Without an offset it counts as UTC; what is no time is null. */
function time(value: unknown): string | null {
  const match = timePattern.exec(text(value)?.trim() ?? '');
  if (!match) return null;
  const [, date, day, minute, second = ':00', fraction = '.', hours, minutes] = match;
  const moment = `${date}T${minute}${second}${`${fraction}000`.slice(0, 4)}`;
  const parsed = Date.parse(hours ? `${moment}${hours}:${minutes}` : `${moment}Z`);
  // .NET writes the year 1 for a time that was never set.
  if (Number.isNaN(parsed) || parsed < 0) return null;
  // To write the three times of a job anew is a twentieth of a check: only those that have an offset, or may be of another
  // day, as 24:00 and 30 February are.
  const mayMove = hours !== undefined || Number(day) > 28 || minute === '24:00';
  return mayMove ? new Date(parsed).toISOString() : `${moment}Z`;
}
