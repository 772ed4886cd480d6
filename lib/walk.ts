/** The way through the work list. */

import { type DueEntry, jobKey } from './job.ts';
import type { Parts } from './parts.ts';
import type { Place } from './store.ts';

/** The key of the mark that says where a sweep stopped early. */
export const placeKey = 'sweep';

/** Where the last sweep stopped; undefined: it reached the end. */
export const placeIn = (marks: Map<string, object>): Place | undefined =>
  (marks.get(placeKey) as { from: Place } | undefined)?.from;

/**
 * The work list, beginning where the last sweep had to stop and then from its head, until little time is left.
 * `finish` remembers the place where this one stopped, and tells how many entries were not reached.
 */
export function walkFrom(from: Place | undefined, { store, clock }: Parts, stopAt: number) {
  const now = clock.now();
  const legs = from ? [{ until: now, after: from }, { until: from.dueAt }] : [{ until: now }];
  const seen = new Set<string>();
  let place = from;
  let open = [...legs];

  async function* entries(): AsyncGenerator<DueEntry> {
    for (const leg of legs) {
      for await (const page of store.due(leg.until, leg.after)) {
        for (const entry of page) {
          if (clock.now() >= stopAt) return;
          place = { jobKey: jobKey(entry), dueAt: entry.dueAt };
          if (seen.has(place.jobKey)) continue;
          seen.add(place.jobKey);
          open[0] = { until: leg.until, after: place };
          yield entry;
        }
      }
      open = open.slice(1);
    }
  }

  return {
    entries,
    async finish(): Promise<number> {
      if (open.length === 0) {
        if (from) await store.removeMark(placeKey);
        return 0;
      }
      if (place) await store.writeMark(placeKey, { from: place });
      const counts = await Promise.all(open.map(({ until, after }) => store.countDue(until, after)));
      return counts.reduce((sum, count) => sum + count, 0);
    },
  };
}

/** Works on so many at once, taking the next one whenever one is done. */
export async function inParallel<Item>(
  items: AsyncGenerator<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
) {
  const worker = async () => {
    for await (const item of { [Symbol.asyncIterator]: () => ({ next: () => items.next() }) }) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
