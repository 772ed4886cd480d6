/** Learns which list queries the API accepts: a parameter that it refuses once is left out from then on. */

import { UpstreamError } from '../platform/errors.ts';
import type { AskPage, GivenPage } from './job-list-pages.ts';
import type { Window } from './job-list-window.ts';
import type { JobPageQuery } from './publishing-api.ts';

/** The parameters that the API accepts, as far as we know. */
interface Accepted {
  /** Entries per page; null: the API's default. */
  pageSize: number | null;
  queuedTime: boolean;
  statuses: boolean;
}

export interface ListQuery {
  /**
   * Requests the first page. If the API refuses the query, it retries with smaller pages, then without a filter, and
   * remembers the query that the API accepts. Throws the first refusal if the API refuses every query. Null if there is
   * no time to find one that it accepts.
   */
  first(ask: AskPage, asked: Asked): Promise<GivenPage | null>;
  /** The query for the first page, with the parameters that the API is known to accept. */
  of(asked: Asked): JobPageQuery;
  /** Whether the API accepts the filter by time. */
  acceptsTimes(): boolean;
}

interface Asked {
  window: Window;
  statuses: string[] | undefined;
}

const pageSizes = [100, 50, null];

/** Remembers what the API accepts for as long as the process lives. Make one per environment. */
export function createListQuery(): ListQuery {
  let known: Accepted = { pageSize: 100, queuedTime: true, statuses: true };
  return {
    async first(ask, asked) {
      const refusals: unknown[] = [];
      const tried = new Set<string>();
      for (const accepted of fallbacksOf(known)) {
        const query = toQuery(asked, accepted);
        const shape = JSON.stringify(query);
        if (tried.has(shape)) continue;
        tried.add(shape);
        try {
          const page = await ask(query);
          if (page === null) return null;
          known = accepted;
          return { query, page };
        } catch (error) {
          if (!(error instanceof UpstreamError) || error.kind !== 'queryRefused') throw error;
          refusals.push(error);
        }
      }
      throw refusals[0];
    },
    of: (asked) => toQuery(asked, known),
    acceptsTimes: () => known.queuedTime,
  };
}

/** These parameters, then every reduced set of them, in the order of what is lost. */
function fallbacksOf(known: Accepted): Accepted[] {
  const sizes = pageSizes.slice(pageSizes.indexOf(known.pageSize));
  const all = sizes.flatMap((pageSize, step) =>
    options(known.queuedTime).flatMap((queuedTime) =>
      options(known.statuses).map((statuses) => ({
        accepted: { pageSize, queuedTime, statuses },
        // Losing a filter costs more than smaller pages.
        cost: step + (queuedTime === known.queuedTime ? 0 : 3) + (statuses === known.statuses ? 0 : 3),
      })),
    ),
  );
  return all.toSorted((a, b) => a.cost - b.cost).map(({ accepted }) => accepted);
}

const options = (isAccepted: boolean): boolean[] => (isAccepted ? [true, false] : [false]);

function toQuery({ window, statuses }: Asked, accepted: Accepted): JobPageQuery {
  return {
    ...(accepted.queuedTime && window.from !== null ? { queuedFrom: moment(window.from, -1) } : {}),
    ...(accepted.queuedTime && window.to !== null ? { queuedTo: moment(window.to, 1) } : {}),
    ...(accepted.statuses && statuses?.length ? { statuses } : {}),
    // A page number selects offset paging, whose parameters are documented.
    ...(accepted.pageSize === null ? {} : { pageSize: accepted.pageSize, pageNumber: 1 }),
  };
}

/** One whole second earlier or later: whether bounds are inclusive and have fractions of a second is not documented. */
const moment = (time: number, sign: 1 | -1): string =>
  new Date((sign * Math.ceil((sign * time) / 1_000) + sign) * 1_000).toISOString();
