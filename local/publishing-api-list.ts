/** The list call of the simulated Publishing API, with the variants in which the real one may behave. */
import { createHash } from 'node:crypto';

/** A filter of the list call. */
export type ListFilter = 'queuedTime' | 'status';

/** How the list call behaves. By default it does what is documented, and is strict where nothing is documented. */
export interface ListBehavior {
  paging: 'offset' | 'checkpoint';
  /** The maximum number of entries on a page. */
  maxPageSize: number;
  /** Page sizes with the response 400. */
  refusedPageSizes: number[];
  /** Filters that have no effect. */
  ignoredFilters: ListFilter[];
  /** Filters with the response 400. */
  refusedFilters: ListFilter[];
  /** By the time of queueing; `none` is an arbitrary order. */
  order: 'newestFirst' | 'oldestFirst' | 'none';
  /** The number of entries that offset paging can reach. */
  cap: number;
  /** A page beyond the cap is empty, or its response is 400. */
  beyondCap: 'empty' | 'refused';
  /** Replaces the correct count; null omits it. */
  totalCount?: number | null;
  /** Responds to every request with the first page. */
  repeatsFirstPage: boolean;
  /** Members omitted from each entry, as paths: `system.queuedTime`. */
  omit: string[];
  /** The delay until a job appears, in milliseconds. */
  delayMs: number;
  /** The ids of jobs that do not appear. */
  hidden: Set<string>;
  /** There is no list call: 404. */
  absent: boolean;
  /** The credential may not list jobs: 403. */
  forbidden: boolean;
}

export const documentedList = (): ListBehavior => ({
  paging: 'offset',
  maxPageSize: 100,
  refusedPageSizes: [],
  ignoredFilters: [],
  refusedFilters: [],
  order: 'newestFirst',
  cap: 1_000,
  beyondCap: 'empty',
  repeatsFirstPage: false,
  omit: [],
  delayMs: 0,
  hidden: new Set(),
  absent: false,
  forbidden: false,
});

/** A page of these jobs (JSON documents), or what is wrong with the query, by field. */
export function listPage(
  search: URLSearchParams,
  jobs: unknown[],
  behavior: ListBehavior,
): { page: object } | { errors: Record<string, string[]> } {
  const pageSize = Number(search.get('pageSize') ?? defaultPageSize);
  const pageNumber = Number(search.get('pageNumber') ?? 1);
  const refused = refusalOf(search, { pageSize, pageNumber }, behavior);
  if (refused) return { errors: { [refused]: ['is not valid.'] } };

  const found = inOrder(
    jobs.filter((job) => matches(job, search, behavior)),
    behavior.order,
  );
  const size = Math.min(pageSize, behavior.maxPageSize);
  const entries = (from: number, to: number) => found.slice(from, to).map((job) => without(job, behavior.omit));
  if (behavior.paging === 'checkpoint') {
    const from = behavior.repeatsFirstPage ? 0 : startOf(search.get('continuationToken'), found);
    const last = found[from + size - 1];
    return { page: { data: entries(from, from + size), next: from + size < found.length ? tokenOf(last) : null } };
  }
  const from = behavior.repeatsFirstPage ? 0 : (pageNumber - 1) * size;
  if (from >= behavior.cap && behavior.beyondCap === 'refused') return { errors: { pageNumber: ['is too high.'] } };
  const { totalCount = found.length } = behavior;
  const data = entries(from, Math.min(from + size, behavior.cap));
  return { page: { ...(totalCount === null ? {} : { totalCount }), pageNumber, pageSize: size, data } };
}

const defaultPageSize = 20;
const queuedTime = 'system.queuedTime';
const status = 'system.status';

/** The field that makes the query invalid. */
function refusalOf(
  search: URLSearchParams,
  { pageSize, pageNumber }: { pageSize: number; pageNumber: number },
  { refusedPageSizes, refusedFilters }: ListBehavior,
): string | undefined {
  if (!isCount(pageSize) || (search.has('pageSize') && refusedPageSizes.includes(pageSize))) return 'pageSize';
  if (!isCount(pageNumber)) return 'pageNumber';
  const bounds = search.getAll(queuedTime);
  if (!bounds.every((bound) => /^[<>]\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(bound))) return queuedTime;
  if (bounds.length > 0 && refusedFilters.includes('queuedTime')) return queuedTime;
  return search.has(status) && refusedFilters.includes('status') ? status : undefined;
}

const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;

function matches(job: unknown, search: URLSearchParams, { ignoredFilters }: ListBehavior): boolean {
  const statuses = ignoredFilters.includes('status') ? undefined : search.get(status)?.split('|');
  if (statuses && !statuses.includes(String(systemOf(job)['status']))) return false;
  const bounds = ignoredFilters.includes('queuedTime') ? [] : search.getAll(queuedTime);
  const at = queuedAt(job);
  return bounds.every((bound) => {
    const limit = Date.parse(bound.slice(1));
    return bound.startsWith('>') ? at > limit : at < limit;
  });
}

function inOrder(jobs: unknown[], order: ListBehavior['order']): unknown[] {
  const keyed = jobs.map((job) => ({ job, key: order === 'none' ? scrambled(job) : queuedAt(job) || 0 }));
  const sign = order === 'newestFirst' ? -1 : 1;
  return keyed.sort((a, b) => sign * (a.key - b.key)).map(({ job }) => job);
}

const scrambled = (job: unknown): number =>
  createHash('sha1')
    .update(String(idOf(job)))
    .digest()
    .readUInt32BE();

/** A checkpoint names the last job of its page, so it stays valid when jobs are added before it. */
const tokenOf = (job: unknown): string => Buffer.from(JSON.stringify({ after: idOf(job) })).toString('base64');

function startOf(token: string | null, jobs: unknown[]): number {
  if (token === null) return 0;
  const { after } = JSON.parse(Buffer.from(token, 'base64').toString());
  return jobs.findIndex((job) => idOf(job) === after) + 1;
}

type Members = Record<string, unknown>;

const membersOf = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {});
const systemOf = (job: unknown): Members => membersOf(membersOf(job)['system']);
const queuedAt = (job: unknown): number => Date.parse(String(systemOf(job)['queuedTime']));

/** The id in a job's document. */
export const idOf = (job: unknown): unknown => membersOf(job)['id'];

function without(job: unknown, paths: string[]): unknown {
  const copy = structuredClone(job);
  for (const path of paths) {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    delete keys.reduce((object, key) => membersOf(object[key]), membersOf(copy))[last];
  }
  return copy;
}
