/** How an API wants to be asked for its list: what it refuses once is left out from then on. */

import { UpstreamError } from '../platform/errors.ts';
import type { AskPage, GivenPage } from './job-list-pages.ts';
import type { Window } from './job-list-window.ts';
import type { JobPageQuery } from './publishing-api.ts';

/** Which parts of a query the API takes, as far as we know. */
interface Terms {
  /** Entries a page; null leaves it to the API. */
  pageSize: number | null;
  queuedTime: boolean;
  statuses: boolean;
}

export interface ListQuery {
  /**
   * Asks for the first page. What is refused is asked again with less: smaller pages, then without a filter. What is
   * taken then is remembered. Throws the first refusal if all of it is refused, or there is no time for more.
   */
  first(ask: AskPage, asked: Asked): Promise<GivenPage>;
  /** The query for the first page, in the way that is known to be taken. */
  of(asked: Asked): JobPageQuery;
  /** Whether the API takes the filter by time. */
  takesTimes(): boolean;
}

interface Asked {
  window: Window;
  statuses: string[] | undefined;
}

const pageSizes = [100, 50, null];

/** Remembers for as long as it lives: one for each environment and process. */
export function createListQuery(): ListQuery {
  let known: Terms = { pageSize: 100, queuedTime: true, statuses: true };
  return {
    async first(ask, asked) {
      const refusals: unknown[] = [];
      const tried = new Set<string>();
      for (const terms of lesserThan(known)) {
        const query = toQuery(asked, terms);
        const shape = JSON.stringify(query);
        if (tried.has(shape)) continue;
        tried.add(shape);
        try {
          const page = await ask(query);
          if (page === null) break;
          known = terms;
          return { query, page };
        } catch (error) {
          if (!(error instanceof UpstreamError) || error.kind !== 'queryRefused') throw error;
          refusals.push(error);
        }
      }
      throw refusals[0];
    },
    of: (asked) => toQuery(asked, known),
    takesTimes: () => known.queuedTime,
  };
}

/** The same terms, and all lesser ones, those that give up little first. */
function lesserThan(known: Terms): Terms[] {
  const sizes = pageSizes.slice(pageSizes.indexOf(known.pageSize));
  const all = sizes.flatMap((pageSize, step) =>
    options(known.queuedTime).flatMap((queuedTime) =>
      options(known.statuses).map((statuses) => ({
        terms: { pageSize, queuedTime, statuses },
        // A filter is worth more than the size of a page.
        cost: step + (queuedTime === known.queuedTime ? 0 : 3) + (statuses === known.statuses ? 0 : 3),
      })),
    ),
  );
  return all.toSorted((a, b) => a.cost - b.cost).map(({ terms }) => terms);
}

const options = (taken: boolean): boolean[] => (taken ? [true, false] : [false]);

function toQuery({ window, statuses }: Asked, terms: Terms): JobPageQuery {
  return {
    ...(terms.queuedTime && window.from !== null ? { queuedFrom: moment(window.from, -1) } : {}),
    ...(terms.queuedTime && window.to !== null ? { queuedTo: moment(window.to, 1) } : {}),
    ...(terms.statuses && statuses?.length ? { statuses } : {}),
    // The number of the page asks for offset paging, the one whose parameters are documented.
    ...(terms.pageSize === null ? {} : { pageSize: terms.pageSize, pageNumber: 1 }),
  };
}

/** A whole second before or after: whether a bound is inclusive, and whether it has parts of a second, is not known. */
const moment = (time: number, sign: 1 | -1): string =>
  new Date((sign * Math.ceil((sign * time) / 1_000) + sign) * 1_000).toISOString();
