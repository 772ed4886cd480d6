/** Reads one window of the list, page by page, in both ways of paging. */

import { UpstreamError } from '../platform/errors.ts';
import { isInside, isPassed, type Window } from './job-list-window.ts';
import type { JobPageQuery } from './publishing-api.ts';
import type { JobPage } from './responses.ts';

/** The result of reading a window. */
export interface WindowReading {
  /** `cut`: the API returns no further pages although there may be more jobs; `stopped`: no time was left. */
  end: 'whole' | 'cut' | 'stopped';
  /** When the jobs were queued, in the order of the list. */
  times: number[];
  /** Whether every returned job was queued inside the window. */
  isRespected: boolean;
}

/** A page, and the query that returned it. */
export interface GivenPage {
  query: JobPageQuery;
  page: JobPage;
}

/** Requests a page; null if no time is left for one more. */
export type AskPage = (query: JobPageQuery) => Promise<JobPage | null>;

/** Offset paging returns no more entries than this (documented). */
const cap = 1_000;
/** A page with fewer entries is not full, however small the API's pages are: 50 and 100 were observed. */
const fewEntries = 10;
/** A query is one second wider than its window, and times may be rounded to a second: jobs may lie that far outside. */
const toleranceMs = 2_000;

/**
 * Reads the pages of a window after the first one, and passes each page with new jobs to `note`. Stops reading a partial
 * window as soon as the API returns a job from outside: then the API does not apply the filter by time.
 */
export async function readPages(
  { ask, note }: { ask: AskPage; note: (page: JobPage) => void },
  { window, isPart, ...first }: GivenPage & { window: Window; isPart: boolean },
): Promise<WindowReading> {
  const seen = new Set<string>();
  const times: number[] = [];
  let entries = 0;
  for (let current: GivenPage = first; ; ) {
    const fresh = current.page.jobs.filter(({ id }) => !seen.has(id));
    const isRepeated = fresh.length === 0 && current.page.jobs.length > 0;
    if (!isRepeated) note(current.page);
    for (const { id } of fresh) seen.add(id);
    times.push(...fresh.flatMap(({ job }) => (job?.queuedAt ? [Date.parse(job.queuedAt)] : [])));
    entries += current.page.entries;

    const isRespected = times.every((time) => isInside(time, window, toleranceMs));
    const next = isPassed(times, window)
      ? 'whole'
      : isPart && !isRespected
        ? 'cut'
        : nextQuery(current, { isRepeated, entries });
    const following = typeof next === 'string' ? next : await requestNext(ask, next);
    if (typeof following === 'string') return { end: following, times, isRespected };
    current = following;
  }
}

/** The query for the next page, or how the list ends here. */
function nextQuery(
  { page, query }: GivenPage,
  { isRepeated, entries }: { isRepeated: boolean; entries: number },
): JobPageQuery | 'whole' | 'cut' {
  if (page.isCheckpoint || query.next !== undefined) {
    if (page.next === null) return 'whole';
    // An empty page with a new `next` is not the last one.
    return isRepeated || page.next === query.next ? 'cut' : { ...query, pageNumber: undefined, next: page.next };
  }
  if (page.entries === 0) return 'whole';
  if (isRepeated) return page.entries < fewEntries ? 'whole' : 'cut';
  if (entries >= cap) return 'cut';
  // `totalCount` is trusted only if this page is not full and does not contradict it.
  const isFull = page.entries >= Math.min(page.pageSize ?? Infinity, query.pageSize ?? Infinity);
  const isCount = page.totalCount !== null && page.totalCount >= page.entries;
  if (!isFull && isCount && entries >= (page.totalCount ?? 0)) return 'whole';
  return { ...query, pageNumber: (query.pageNumber ?? 1) + 1 };
}

/** Requests a further page. If the API refuses it although it returned the one before, the list is cut. */
async function requestNext(ask: AskPage, query: JobPageQuery): Promise<GivenPage | 'cut' | 'stopped'> {
  try {
    const page = await ask(query);
    return page === null ? 'stopped' : { query, page };
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'queryRefused') return 'cut';
    throw error;
  }
}
