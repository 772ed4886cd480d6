/** Whether a poll has nothing to do: the common case, around the clock. It costs two reads of the table, and one call per list. */

import type { Deps } from '../deps.ts';
import type { DueEntry } from '../domain/job.ts';
import { cooldownKey } from '../pipeline/cooldown.ts';
import { beginInvocation } from '../pipeline/invocation.ts';
import { paceKey } from '../pipeline/pace.ts';
import { areAllTrue } from '../platform/async.ts';
import { discoveryKey, showsNothingNew, wasListComplete } from './discover.ts';
import { cursorKey, type Entries, isDue, watchedIds } from './work-list.ts';

/** How old other marks may be, in milliseconds: the scheduled sweep reads them every minute. */
const marksLastMs = 60_000;

/** What a poll has found. */
export interface IdleCheck {
  isIdle: boolean;
  /** Resolves when no list call is under way any more: the first list that shows something new decides. */
  listed: Promise<unknown>;
}

const busy: IdleCheck = { isIdle: false, listed: Promise.resolve() };

/**
 * Whether no entry of the work list is due, nothing is in trouble and no list shows anything new. The marks that decide
 * whether an environment may be listed are read each time: another process may have paused it. All others only show that
 * there is nothing to do, so those that a warm process has kept are good enough.
 */
export async function checkIdle(deps: Deps, { entries, broken }: Entries, deadline: number): Promise<IdleCheck> {
  const { config, clock } = deps;
  const now = clock.now();
  const environments = Object.keys(config.environments);
  const isOurs = ({ environment }: DueEntry) => environments.includes(environment);
  if (broken !== undefined || entries.some((entry) => isOurs(entry) && isDue(entry, now))) return busy;

  const listed = environments.filter((name) => config.environments[name]?.discover);
  const current = listed.flatMap((name) => [cooldownKey('environment', name), discoveryKey(name)]);
  const { marks, ...invocation } = await beginInvocation(deps, {
    deadline,
    environments,
    marks: [cursorKey, ...environments.map(discoveryKey)],
    maxAgeMs: (key) => (current.includes(key) ? 0 : marksLastMs),
  });
  const expected = [...environments.map(discoveryKey), ...Object.keys(config.channels).map(paceKey)];
  if ([...marks.keys()].some((key) => !expected.includes(key))) return busy;

  if (!listed.every((name) => wasListComplete(marks, name))) return busy;
  const ids = watchedIds(entries);
  const quiet = listed.map((name) =>
    // A list that throws is made again by the sweep, which logs the error.
    showsNothingNew(deps, name, ids.get(name) ?? new Set(), { ...invocation, marks }).catch(() => false),
  );
  return { isIdle: await areAllTrue(quiet), listed: Promise.all(quiet) };
}
