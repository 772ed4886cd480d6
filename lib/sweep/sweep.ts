/** One pass over the work list: the poller, the retry engine and the crash recovery at once. */

import type { Deps } from '../deps.ts';
import { beginInvocation } from '../pipeline/invocation.ts';
import { allOf } from '../platform/async.ts';
import type { SweepRequest } from '../platform/sweep-queue.ts';
import { discoveryKeys } from './discover.ts';
import { removedKey, restoreJobs, unwatch } from './removed-environments.ts';
import { sweepEnvironment } from './sweep-environment.ts';
import { createSweepRun, type SweepResult } from './sweep-run.ts';
import { cursorKey, readCursors, readWorkList, saveCursors, type WorkList } from './work-list.ts';

/**
 * Looks at everything that is due, and delivers what is to be delivered, until little time is left. Each environment
 * goes at its own pace: one that is slow or away holds up no other. `requests` says what it was woken for; null: the
 * schedule has come round.
 */
export async function sweep(
  deps: Deps,
  deadline: number,
  requests: SweepRequest[] | null = null,
): Promise<SweepResult> {
  const { config, store, clock } = deps;
  const begunAt = clock.now();
  const environments = Object.keys(config.environments).filter(isMeant(requests));
  const marks = [cursorKey, ...environments.flatMap((name) => [removedKey(name), ...discoveryKeys(name)])];
  const invocation = await beginInvocation(deps, { deadline, environments, marks });
  const run = createSweepRun(deps, invocation);
  await Promise.all(environments.map((environment) => restoreJobs(deps, environment, run)));

  const before = readCursors(invocation.marks);
  const workList = await readWorkList(deps, before);
  const removed = [...workList.due.keys()].filter(
    (name) => !Object.hasOwn(config.environments, name) && isMeant(requests)(name),
  );
  const passes = [
    ...environments.map((name) => sweepEnvironment(deps, name, workList, run, isLookedThrough(requests, name))),
    ...removed.map((name) => unwatch(deps, name, workList.due.get(name) ?? [], run)),
  ];
  try {
    await allOf(passes);
    await saveCursors(store, before, run.cursors, [...environments, ...removed]);
  } finally {
    // Whatever happens: what is being sent gets its receipt.
    await run.delivered();
  }
  if (requests === null && run.running > 0) await requestPolls(deps, begunAt);
  report(deps, run.result, workList);
  if (workList.broken !== undefined) throw workList.broken;
  return run.result;
}

/** Whether an environment is to be swept: all are, unless every wake-up is for one of its own. */
function isMeant(requests: SweepRequest[] | null): (environment: string) => boolean {
  const names = requests?.map(({ environment }) => environment) ?? [null];
  return (environment) => names.includes(null) || names.includes(environment);
}

/** Whether an environment is looked through for jobs that nobody named: by the schedule, and when something ended there. */
const isLookedThrough = (requests: SweepRequest[] | null, name: string): boolean =>
  requests?.some(({ environment }) => environment === name) ?? true;

/** A schedule comes round once a minute at most: jobs that run are looked at in between, by sweeps that wake no others. */
async function requestPolls({ sweepQueue, config, clock, log }: Deps, begunAt: number): Promise<void> {
  const every = config.settings.lookEverySeconds;
  const elapsed = Math.round((clock.now() - begunAt) / 1_000);
  const looks = every === 0 ? [] : Array.from({ length: Math.ceil(60 / every) - 1 }, (_, index) => (index + 1) * every);
  // What is overdue by now is due at once.
  const delays = [...new Set(looks.map((look) => Math.max(look - elapsed, 0)))];
  if (delays.length === 0) return;
  await sweepQueue.send({ environment: null }, delays).catch((error: unknown) => {
    log.warn('sweeps between those of the schedule could not be arranged; the next one comes in a minute', { error });
  });
}

/** What is zero is left out: an idle night costs nothing. */
function report({ metrics, log }: Deps, result: SweepResult, { watched, oldestMs }: WorkList): void {
  const oldestEntrySeconds = Math.round(oldestMs / 1_000);
  if (result.checked > 0) metrics.count('checked', {}, result.checked);
  if (result.left > 0) metrics.count('left', {}, result.left);
  if (watched > 0) {
    metrics.measure('watched', watched);
    metrics.measure('oldestEntry', oldestEntrySeconds);
  }
  log.info('swept', { ...result, watched, oldestEntrySeconds });
}
