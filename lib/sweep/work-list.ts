/** The work list as one sweep finds it, and the cursors where the last one stopped. */

import { isDeepStrictEqual } from 'node:util';
import type { Deps } from '../deps.ts';
import { type DueEntry, jobKey } from '../domain/job.ts';
import type { Cursor, Store } from '../table/store.ts';

/** The key of the mark that says where a sweep stopped early. */
export const cursorKey = 'sweep';

/** By environment: behind which entry the last sweep had nothing begun. Environments that it finished are left out. */
export type Cursors = Record<string, Cursor>;

/** Where the last sweep stopped. */
export const readCursors = (marks: Map<string, object>): Cursors =>
  (marks.get(cursorKey) as { from: Cursors } | undefined)?.from ?? {};

/** Remembers where this one stopped in the environments that it went through. */
export async function saveCursors(store: Store, before: Cursors, after: Cursors, swept: string[]): Promise<void> {
  const others = Object.entries(before).filter(([environment]) => !swept.includes(environment));
  const from = { ...Object.fromEntries(others), ...after };
  if (isDeepStrictEqual(from, before)) return;
  if (Object.keys(from).length > 0) await store.writeMark(cursorKey, { from });
  else await store.removeMark(cursorKey);
}

export interface WorkList {
  /** What is due, by environment, each beginning behind its cursor. */
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
  { store, clock }: Pick<Deps, 'store' | 'clock'>,
  cursors: Cursors,
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
  for (const [environment, its] of due) due.set(environment, startingAfter(its, cursors[environment]));
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

/** The cursor behind an entry. */
export const cursorOf = (entry: DueEntry): Cursor => ({ jobKey: jobKey(entry), dueAt: entry.dueAt });

function startingAfter(entries: DueEntry[], cursor: Cursor | undefined): DueEntry[] {
  if (!cursor) return entries;
  const start = entries.findIndex((entry) => compare(cursorOf(entry), cursor) > 0);
  return start < 0 ? entries : [...entries.slice(start), ...entries.slice(0, start)];
}

// The index does not say how entries that are due at the same moment are ordered.
const compare = (one: Cursor, other: Cursor): number =>
  one.dueAt - other.dueAt || (one.jobKey < other.jobKey ? -1 : one.jobKey === other.jobKey ? 0 : 1);

const inOrder = (one: DueEntry, other: DueEntry): number => compare(cursorOf(one), cursorOf(other));
