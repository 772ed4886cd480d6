/** Parses the responses of Sitecore's Publishing API tolerantly: any JSON in, a typed value or an `UpstreamError` out. */

import type { Job, Published } from '../domain/job.ts';
import { inDocumentedSpelling, isWatchableId } from '../domain/job.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Redactor } from '../platform/redaction.ts';
import { clean } from '../platform/text.ts';

/**
 * Reads a job from the body of a response. Throws an `unreadable` error if it has no status, or if it is another job than
 * `jobId`. A response without an id is not another job: the documented id may be null.
 */
export function readJob(body: string, service: string, jobId?: string): Job {
  const json = readJson(body, service);
  const id = text(membersOf(json)['id'])?.trim();
  // No two jobs differ in case alone, and the API may write the id in its own way.
  if (jobId !== undefined && id && id.toLowerCase() !== jobId.toLowerCase()) {
    throw new UpstreamError('unreadable', `${service}: the response is about another job`);
  }
  const job = toJob(json);
  if (job === null) throw new UpstreamError('unreadable', `${service}: no status in the response`);
  return job;
}

/** One page of the list of jobs. */
export interface JobPage {
  /** In the order of the response. A job is null if its entry has no readable status. */
  jobs: { id: string; job: Job | null }[];
  /** The organizations and tenants of the entries that name theirs. */
  tenants: string[];
  /** How many entries the page has, including those without an id that can be watched. */
  entries: number;
  /** How many jobs there are on all pages, if the response says so. */
  totalCount: number | null;
  /** How many entries a full page has, if the response says so. */
  pageSize: number | null;
  /** The key to the next page in checkpoint paging. */
  next: string | null;
  /** Whether the response uses checkpoint paging, where only `next` says whether more pages follow. */
  isCheckpoint: boolean;
}

/**
 * Reads a page of the list from the body of a response, in both ways of paging: `{totalCount, pageNumber, pageSize,
 * data}` and `{data, next}`. Throws an `unreadable` error if it has no list.
 */
export function readJobPage(body: string, service: string): JobPage {
  const response = membersOf(readJson(body, service));
  const totalCount = count(response['totalCount']);
  const next = typeof response['next'] === 'number' ? String(response['next']) : text(response['next']);
  // A null list counts as empty if `totalCount` is 0.
  const data = response['data'] === null && totalCount === 0 ? [] : response['data'];
  if (!Array.isArray(data)) throw new UpstreamError('unreadable', `${service}: no list of jobs in the response`);
  return {
    jobs: data.flatMap(readEntry),
    tenants: data.flatMap(readTenant),
    entries: data.length,
    totalCount,
    pageSize: count(response['pageSize']),
    next: next || null,
    isCheckpoint: count(response['pageNumber']) === null && (next !== null || response['next'] === null),
  };
}

function readEntry(entry: unknown): JobPage['jobs'] {
  const { id } = membersOf(entry);
  return typeof id === 'string' && isWatchableId(id) ? [{ id, job: toJob(entry) }] : [];
}

function readTenant(entry: unknown): string[] {
  const { organizationId, tenantId } = membersOf(membersOf(entry)['system']);
  const tenant = bounded(tenantId, 200);
  return tenant === null ? [] : [`${bounded(organizationId, 200) ?? ''}/${tenant}`];
}

/** What the credential may do; null where the response does not say. */
export interface Permissions {
  canReadAll: boolean | null;
  canReadOwn: boolean | null;
  canViewDetailsOfAll: boolean | null;
  canViewDetailsOfOwn: boolean | null;
  canCreate: boolean | null;
}

/**
 * Reads what the credential may do from the body of a response. Throws an `unreadable` error if it is not a JSON object.
 * Documented for `GET .../jobs/permissions`, which needs a valid token and no scope.
 */
export function readPermissions(body: string, service: string): Permissions {
  const json = readJson(body, service);
  if (!isObject(json)) throw new UpstreamError('unreadable', `${service}: the response is not a JSON object`);
  return {
    canReadAll: flag(json['canReadAll']),
    canReadOwn: flag(json['canReadOwn']),
    canViewDetailsOfAll: flag(json['canViewDetailsOfAll']),
    canViewDetailsOfOwn: flag(json['canViewDetailsOfOwn']),
    canCreate: flag(json['canCreate']),
  };
}

/**
 * Whether the API itself wrote a response with this error status: its body is a problem document (RFC 9457), whose
 * members may all be null. A gateway in front of the API sends HTML, text, nothing, or JSON of another shape.
 */
export function isProblem(body: string, status: number): boolean {
  const problem = membersOf(parse(body));
  const isDocument = ['type', 'title', 'detail'].some((member) => Object.hasOwn(problem, member));
  return isDocument && (typeof problem['status'] !== 'number' || problem['status'] === status);
}

/** The problem document of a response (RFC 9457) in one line for the operator; empty if there is none. */
export function describeProblem(body: string, redact: Redactor): string {
  const { title, detail, errors } = membersOf(parse(body));
  const fields = Object.entries(membersOf(errors)).map(([field, texts]) =>
    Array.isArray(texts) ? `${field}: ${texts.filter((one) => typeof one === 'string').join(' ')}` : field,
  );
  const problem = [text(title), text(detail), ...fields].filter(Boolean).join('; ');
  return problem ? `: ${clean(redact(problem), 300)}` : '';
}

function readJson(body: string, service: string): unknown {
  const json = parse(body);
  if (json === undefined) throw new UpstreamError('unreadable', `${service}: the response is not JSON`);
  return json;
}

/** Undefined if the body is not JSON. */
function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/**
 * A job as the API documents it; null without a status. The documented `id` of a person or client is not read: it does
 * not belong in a message, a log or the table.
 */
function toJob(json: unknown): Job | null {
  const { name, source, options, statistics, system } = membersOf(json);
  const { status, createdBy, canceledBy, queuedTime, startTime, finishTime, organizationId, tenantId } =
    membersOf(system);
  const itsStatus = bounded(status, 64);
  if (itsStatus === null) return null;
  return {
    status: inDocumentedSpelling(itsStatus),
    name: bounded(name, 1_000),
    source: bounded(source, 100),
    startedBy: bounded(membersOf(createdBy)['name'], 200),
    startedByType: bounded(membersOf(createdBy)['type'], 64),
    canceledBy: bounded(membersOf(canceledBy)['name'], 200),
    queuedAt: time(queuedTime),
    startedAt: time(startTime),
    finishedAt: time(finishTime),
    statistics: isObject(statistics) ? toStatistics(statistics) : null,
    published: toPublished(membersOf(options)['xmc']),
    organizationId: bounded(organizationId, 200),
    tenantId: bounded(tenantId, 200),
  };
}

/** What a job publishes. The members are not documented: null if none of them is as expected. */
function toPublished(xmc: unknown): Published | null {
  const { type, mode, locales } = membersOf(xmc);
  const listed = Array.isArray(locales) ? locales.slice(0, 50) : [];
  const published = {
    type: bounded(type, 40),
    mode: bounded(mode, 40),
    locales: listed.flatMap((locale) => bounded(locale, 20) ?? []),
  };
  return published.type || published.mode || published.locales.length > 0 ? published : null;
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

// A value that is absent, null or not of the documented type reads as null, or as an object without members.

type Members = Record<string, unknown>;

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const membersOf = (value: unknown): Members => (isObject(value) ? value : {});
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const flag = (value: unknown): boolean | null => (typeof value === 'boolean' ? value : null);
const bounded = (value: unknown, max: number): string | null => clean(text(value) ?? '', max) || null;

/** A counter. Some responses have it as a string of digits. */
function count(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}

const timePattern = /^(\d{4}-\d\d-(\d\d))[T ](\d\d:\d\d)(?:(:\d\d)(\.\d+)?)?\s*(?:Z|([+-]\d\d):?(\d\d))?$/i;

/** A time of the API as ISO 8601 in UTC. A time without an offset counts as UTC; anything else is null. */
function time(value: unknown): string | null {
  const match = timePattern.exec(text(value)?.trim() ?? '');
  if (!match) return null;
  const [, date, day, minute, second = ':00', fraction = '.', hours, minutes] = match;
  const moment = `${date}T${minute}${second}${`${fraction}000`.slice(0, 4)}`;
  const parsed = Date.parse(hours ? `${moment}${hours}:${minutes}` : `${moment}Z`);
  // .NET writes the year 1 for a time that is not set.
  if (Number.isNaN(parsed) || parsed < 0) return null;
  // Formatting the three times of a job costs a twentieth of a check. Only a time with an offset, or one that may move to
  // another day (24:00, 30 February), is formatted.
  const mayMove = hours !== undefined || Number(day) > 28 || minute === '24:00';
  return mayMove ? new Date(parsed).toISOString() : `${moment}Z`;
}
