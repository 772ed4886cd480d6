/** The work list as one sweep finds it, and the places where the last one stopped. */

import { isDeepStrictEqual } from 'node:util';
import type { Parts } from '../deps.ts';
import { type DueEntry, jobKey } from '../domain/job.ts';
import type { Place, Store } from '../table/store.ts';

/** The key of the mark that says where a sweep stopped early. */
export const placeKey = 'sweep';

/** By environment: behind which entry the last sweep had nothing begun. Environments that it finished are left out. */
export type Places = Record<string, Place>;

/** Where the last sweep stopped. */
export const placesIn = (marks: Map<string, object>): Places =>
  (marks.get(placeKey) as { from: Places } | undefined)?.from ?? {};

/** Remembers where this one stopped in the environments that it went through. */
export async function rememberPlaces(store: Store, before: Places, after: Places, swept: string[]): Promise<void> {
  const others = Object.entries(before).filter(([environment]) => !swept.includes(environment));
  const from = { ...Object.fromEntries(others), ...after };
  if (isDeepStrictEqual(from, before)) return;
  if (Object.keys(from).length > 0) await store.writeMark(placeKey, { from });
  else await store.removeMark(placeKey);
}

export interface WorkList {
  /** What is due, by environment, each beginning behind its place. */
  due: Map<string, DueEntry[]>;
  /** The ids of all jobs in it, those that are not due yet too, by environment. */
  ids: Map<string, Set<string>>;
  /** How many entries there are. */
  watched: number;
  /** For how long the oldest entry has been due; a job that runs is due from the moment in which it was first seen. */
  oldestMs: number;
  /** Why the list could not be read to its end; undefined: it was. */
  broken: unknown;
}

/** Reads the work list. What was read before a page that could not be is worth working on. */
export async function readWorkList(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  places: Places,
): Promise<WorkList> {
  const now = clock.now();
  const entries: DueEntry[] = [];
  let broken: unknown;
  try {
    for await (const page of store.due(Number.MAX_SAFE_INTEGER)) entries.push(...page);
  } catch (error) {
    broken = error;
  }
  const due = Map.groupBy(entries.filter(({ dueAt }) => dueAt <= now).sort(inOrder), ({ environment }) => environment);
  for (const [environment, its] of due) due.set(environment, beginningBehind(its, places[environment]));
  const ids = new Map(
    [...Map.groupBy(entries, ({ environment }) => environment)].map(([environment, its]) => [
      environment,
      new Set(its.map(({ jobId }) => jobId)),
    ]),
  );
  const [oldest] = entries;
  return {
    due,
    ids,
    watched: entries.length,
    oldestMs: oldest ? Math.max(0, now - oldest.dueAt) : 0,
    broken,
  };
}

/** The place behind an entry. */
export const placeOf = (entry: DueEntry): Place => ({ jobKey: jobKey(entry), dueAt: entry.dueAt });

function beginningBehind(entries: DueEntry[], place: Place | undefined): DueEntry[] {
  if (!place) return entries;
  const start = entries.findIndex((entry) => compare(placeOf(entry), place) > 0);
  return start < 0 ? entries : [...entries.slice(start), ...entries.slice(0, start)];
}

// The index does not say how entries that are due at the same moment are ordered.
const compare = (one: Place, other: Place): number =>
  one.dueAt - other.dueAt || (one.jobKey < other.jobKey ? -1 : one.jobKey === other.jobKey ? 0 : 1);

const inOrder = (one: DueEntry, other: DueEntry): number => compare(placeOf(one), placeOf(other));
