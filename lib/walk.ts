/** The way through the work list. */

import { type DueEntry, jobKey } from './job.ts';
import type { Parts } from './parts.ts';
import type { Place } from './store.ts';

/** The key of the mark that says where a sweep stopped early. */
export const placeKey = 'sweep';

/** Where the last sweep stopped; undefined: it reached the end. */
export const placeIn = (marks: Map<string, object>): Place | undefined =>
  (marks.get(placeKey) as { from: Place } | undefined)?.from;

/** The work list as one walk found it. */
export interface WorkList {
  /** Entries that were due, and not reached. */
  left: number;
  /** All entries, those that are not due yet too. */
  watched: number;
  /** For how long the oldest entry has been due; a job that runs is due from the moment in which it was first seen. */
  oldestMs: number;
}

/**
 * The work list, beginning where the last sweep had to stop and then from its head, until little time is left.
 * `finish` remembers the place where this one stopped, and tells how the work list looked.
 */
export function walkFrom(from: Place | undefined, { store, clock }: Parts, stopAt: number) {
  const now = clock.now();
  const ever = Number.MAX_SAFE_INTEGER;
  let open: { until: number; after?: Place }[] = from
    ? [{ until: ever, after: from }, { until: from.dueAt }]
    : [{ until: ever }];
  // Entries that are due at the same moment as the place are met on both legs.
  const seen = new Set<string>();
  const later = new Set<string>();
  let oldestDueAt = now;
  let place = from;

  async function* ahead(): AsyncGenerator<DueEntry> {
    for (const { until, after } of open) {
      for await (const page of store.due(until, after)) {
        for (const entry of page) {
          if (seen.has(jobKey(entry))) continue;
          oldestDueAt = Math.min(oldestDueAt, entry.dueAt);
          if (entry.dueAt <= now) yield entry;
          else later.add(jobKey(entry));
        }
      }
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
    async finish(): Promise<WorkList> {
      const left = new Set<string>();
      for await (const entry of ahead()) left.add(jobKey(entry));
      if (left.size > 0 && place) await store.writeMark(placeKey, { from: place });
      if (left.size === 0 && from) await store.removeMark(placeKey);
      return { left: left.size, watched: seen.size + left.size + later.size, oldestMs: now - oldestDueAt };
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
