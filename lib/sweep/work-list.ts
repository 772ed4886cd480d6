/** The work list as one sweep reads it, and the cursors of environments that the last sweep did not finish. */

import { isDeepStrictEqual } from 'node:util';
import type { Deps } from '../deps.ts';
import { isGivenUp } from '../domain/advance.ts';
import { longestWaitMs } from '../domain/backoff.ts';
import { type DueEntry, jobKey } from '../domain/job.ts';
import type { Cursor, Store } from '../table/store.ts';

/** The key of the cursors in the table. */
export const cursorKey = 'sweep';

/** By environment: the entry after which the next sweep starts. Environments that a sweep finished have none. */
export type Cursors = Record<string, Cursor>;

/** Where the last sweep stopped. */
export const readCursors = (marks: Map<string, object>): Cursors =>
  (marks.get(cursorKey) as { from: Cursors } | undefined)?.from ?? {};

/** Saves where this sweep stopped in the environments that it swept. */
export async function saveCursors(store: Store, before: Cursors, after: Cursors, swept: string[]): Promise<void> {
  const others = Object.entries(before).filter(([environment]) => !swept.includes(environment));
  const from = { ...Object.fromEntries(others), ...after };
  if (isDeepStrictEqual(from, before)) return;
  if (Object.keys(from).length > 0) await store.writeMark(cursorKey, { from });
  else await store.removeMark(cursorKey);
}

export interface WorkList {
  /** The due entries by environment, each list starting after the environment's cursor. */
  due: Map<string, DueEntry[]>;
  /** The ids of all jobs that are polled by environment, due or not. */
  ids: Map<string, Set<string>>;
  /** The number of entries. */
  watched: number;
  /**
   * How long the oldest entry of a configured environment has been due, in milliseconds. A running job is due from the
   * moment it was first seen.
   */
  oldestMs: number;
  /** Why the list could not be read to its end; undefined if it was. */
  broken: unknown;
}

/** The entries of the work list as they were read, and why they are not all; undefined: they are. */
export interface Entries {
  entries: DueEntry[];
  broken: unknown;
}

/** Reads the entries of the work list. If a page cannot be read, the pages before it are still worked on. */
export async function readEntries(store: Pick<Store, 'due'>): Promise<Entries> {
  const entries: DueEntry[] = [];
  try {
    for await (const page of store.due(Number.MAX_SAFE_INTEGER)) entries.push(...page);
    return { entries, broken: undefined };
  } catch (broken) {
    return { entries, broken };
  }
}

/**
 * Arranges the entries of the work list. `recoveredAt` is when a channel worked again (epoch milliseconds): deliveries
 * that may wait for it are due.
 */
export function workListOf(
  { clock, config }: Pick<Deps, 'clock' | 'config'>,
  { entries, broken }: Entries,
  cursors: Cursors,
  recoveredAt: number | null,
): WorkList {
  const now = clock.now();
  const current = entries.map((entry) => (mayWaitFor(recoveredAt, entry) ? { ...entry, pendingAt: iso(now) } : entry));
  const due = byEnvironment(current.filter((entry) => isDue(entry, now)).sort(inOrder));
  for (const [environment, its] of due) due.set(environment, startingAfter(its, cursors[environment]));
  const oldest = entries.find(({ environment }) => Object.hasOwn(config.environments, environment));
  return {
    due,
    ids: watchedIds(entries),
    watched: entries.length,
    oldestMs: oldest ? Math.max(0, now - oldest.dueAt) : 0,
    broken,
  };
}

/** The ids of the jobs that are polled, by environment. */
export const watchedIds = (entries: DueEntry[]): Map<string, Set<string>> =>
  new Map(
    [...byEnvironment(entries.filter((entry) => !isGivenUp(entry)))].map(([environment, its]) => [
      environment,
      new Set(its.map(({ jobId }) => jobId)),
    ]),
  );

/** The cursor after an entry. */
export const cursorOf = (entry: DueEntry): Cursor => ({ jobKey: jobKey(entry), dueAt: entry.dueAt });

/** Whether an entry is due. */
export const isDue = ({ dueAt, pendingAt }: DueEntry, now: number): boolean =>
  dueAt <= now || (pendingAt !== null && Date.parse(pendingAt) <= now);

// The entry does not show its channels: the record does. An attempt after the recovery may wait longer than this.
const mayWaitFor = (recoveredAt: number | null, { lease, pendingAt }: DueEntry): boolean =>
  recoveredAt !== null && lease === null && pendingAt !== null && Date.parse(pendingAt) <= recoveredAt + longestWaitMs;

const iso = (ms: number): string => new Date(ms).toISOString();

const byEnvironment = (entries: DueEntry[]): Map<string, DueEntry[]> =>
  Map.groupBy(entries, ({ environment }) => environment);

function startingAfter(entries: DueEntry[], cursor: Cursor | undefined): DueEntry[] {
  if (!cursor) return entries;
  const start = entries.findIndex((entry) => compare(cursorOf(entry), cursor) > 0);
  return start < 0 ? entries : [...entries.slice(start), ...entries.slice(0, start)];
}

// The index does not define the order of entries that are due at the same moment.
const compare = (one: Cursor, other: Cursor): number =>
  one.dueAt - other.dueAt || (one.jobKey < other.jobKey ? -1 : one.jobKey === other.jobKey ? 0 : 1);

const inOrder = (one: DueEntry, other: DueEntry): number => compare(cursorOf(one), cursorOf(other));
