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
  let open: { until: number; after?: Place }[] = from
    ? [{ until: now, after: from }, { until: from.dueAt }]
    : [{ until: now }];
  // Entries that are due at the same moment as the place are met on both legs.
  const seen = new Set<string>();
  let place = from;

  async function* ahead(): AsyncGenerator<DueEntry> {
    for (const { until, after } of open) {
      for await (const page of store.due(until, after)) yield* page.filter((entry) => !seen.has(jobKey(entry)));
      open = open.slice(1);
    }
  }

  return {
    async *entries(): AsyncGenerator<DueEntry> {
      for await (const entry of ahead()) {
        if (clock.now() >= stopAt) return;
        place = { jobKey: jobKey(entry), dueAt: entry.dueAt };
        seen.add(place.jobKey);
        Object.assign(open[0] ?? {}, { after: place });
        yield entry;
      }
    },
    async finish(): Promise<number> {
      const left = new Set<string>();
      for await (const entry of ahead()) left.add(jobKey(entry));
      if (left.size > 0 && place) await store.writeMark(placeKey, { from: place });
      if (left.size === 0 && from) await store.removeMark(placeKey);
      return left.size;
    },
  };
}

/** Works on so many at once, taking the next one whenever one is done. */
export async function inParallel<Item>(
  items: AsyncIterator<Item> | Iterator<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
) {
  const worker = async () => {
    for await (const item of { [Symbol.asyncIterator]: () => ({ next: async () => items.next() }) }) await work(item);
  };
  // What goes wrong with one is told when the others are done.
  const ends = await Promise.allSettled(Array.from({ length: limit }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
