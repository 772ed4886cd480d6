/** One window of the list, page after page, whichever way the API pages. */

import { UpstreamError } from '../platform/errors.ts';
import { isInside, isPassed, type Window } from './job-list-window.ts';
import type { JobPageQuery } from './publishing-api.ts';
import type { JobPage } from './responses.ts';

/** How a window was read. */
export interface WindowReading {
  /** `cut`: the API gives no further pages, though there may be more jobs; `stopped`: there was no time for more. */
  end: 'whole' | 'cut' | 'stopped';
  /** When the jobs were queued, in the order in which they came. */
  times: number[];
  /** Whether nothing came that was queued outside of the window. */
  isRespected: boolean;
}

/** A page, and the query that gave it. */
export interface GivenPage {
  query: JobPageQuery;
  page: JobPage;
}

/** Asks for a page; null when there is no time for one more. */
export type AskPage = (query: JobPageQuery) => Promise<JobPage | null>;

/** Offset paging reaches no further (documented). */
const cap = 1_000;
/** A page of fewer entries is not a full one, however small the API's pages may be: 50 and 100 were seen. */
const fewEntries = 10;
/** Windows are asked for a second wider than they are, so what comes may lie that far outside, and a rounded second. */
const toleranceMs = 2_000;

/**
 * Reads on from the first page of a window. Each page with something new is noted. A window that is a part of another
 * one is left as soon as something comes from outside of it: then it is no part to the API.
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
        : whatFollows(current, { isRepeated, entries });
    const following = typeof next === 'string' ? next : await askOn(ask, next);
    if (typeof following === 'string') return { end: following, times, isRespected };
    current = following;
  }
}

/** The query for the page that follows, or how the list ends here. */
function whatFollows(
  { page, query }: GivenPage,
  { isRepeated, entries }: { isRepeated: boolean; entries: number },
): JobPageQuery | 'whole' | 'cut' {
  if (page.isCheckpoint || query.next !== undefined) {
    if (page.next === null) return 'whole';
    // An empty page with another `next` is one on the way.
    return isRepeated || page.next === query.next ? 'cut' : { ...query, pageNumber: undefined, next: page.next };
  }
  if (page.entries === 0) return 'whole';
  if (isRepeated) return page.entries < fewEntries ? 'whole' : 'cut';
  if (entries >= cap) return 'cut';
  // The count is not believed alone, nor if this page proves it wrong.
  const isFull = page.entries >= Math.min(page.pageSize ?? Infinity, query.pageSize ?? Infinity);
  const isCount = page.totalCount !== null && page.totalCount >= page.entries;
  if (!isFull && isCount && entries >= (page.totalCount ?? 0)) return 'whole';
  return { ...query, pageNumber: (query.pageNumber ?? 1) + 1 };
}

/** A page that is refused though the one before was not lies beyond what can be had. */
async function askOn(ask: AskPage, query: JobPageQuery): Promise<GivenPage | 'cut' | 'stopped'> {
  try {
    const page = await ask(query);
    return page === null ? 'stopped' : { query, page };
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'queryRefused') return 'cut';
    throw error;
  }
}
