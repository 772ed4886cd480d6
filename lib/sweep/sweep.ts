/** One pass over the work list: the poller, the retry engine and the crash recovery at once. */

import type { Deps } from '../deps.ts';
import { beginInvocation, type Invocation } from '../pipeline/invocation.ts';
import { allOf } from '../platform/async.ts';
import { following } from '../platform/clock.ts';
import type { SweepRequest } from '../platform/sweep-queue.ts';
import { discoveryKey, wasListComplete } from './discover.ts';
import { checkIdle } from './is-idle.ts';
import { notifyOperators } from './notify-operators.ts';
import { sweepEnvironment, sweepRemovedEnvironment } from './sweep-environment.ts';
import { createSweepRun, nothingDone, type SweepResult } from './sweep-run.ts';
import {
  cursorKey,
  type Entries,
  readCursors,
  readEntries,
  saveCursors,
  type WorkList,
  workListOf,
} from './work-list.ts';

/**
 * Checks every due job and sends every due delivery, until little time is left. Environments are swept side by side: a
 * slow one, or one whose API is down, delays no other. `requests` come from the sweep queue; null: the schedule started
 * this sweep. A poll that finds nothing to do leaves no trace. Throws if the work list cannot be read to its end, after
 * the work on what was read.
 */
export async function sweep(
  deps: Deps,
  deadline: number,
  requests: SweepRequest[] | null = null,
): Promise<SweepResult> {
  const deadlineNow = following(deps.clock, deadline);
  const isPoll = requests?.every(({ environment }) => environment === null);
  if (!isPoll) return await work(deps, deadlineNow, requests);
  const polled = await readEntries(deps.store);
  const { isIdle, listed } = await checkIdle(deps, polled, deadlineNow());
  if (isIdle) return nothingDone();
  // The process may be frozen afterwards. No list call may be under way by then.
  return await work(deps, deadlineNow, requests, polled).finally(() => listed);
}

/** The sweep itself. A poll has read the entries of the work list already. */
async function work(
  deps: Deps,
  deadlineNow: () => number,
  requests: SweepRequest[] | null,
  polled?: Entries,
): Promise<SweepResult> {
  const { config, store, clock } = deps;
  const isConfigured = (name: string) => Object.hasOwn(config.environments, name);
  const configured = Object.keys(config.environments).filter(isRequested(requests));
  const marks = [cursorKey, ...configured.map(discoveryKey)];
  const invocation = await beginInvocation(deps, { deadline: deadlineNow(), environments: configured, marks });
  const begunAt = clock.now();
  const run = createSweepRun(deps, invocation);

  const before = readCursors(invocation.marks);
  const workList = workListOf(deps, polled ?? (await readEntries(store)), before, lastRecovery(deps, invocation));
  const discovers = (name: string): boolean =>
    requests === null || isNamed(requests, name) || wasListComplete(invocation.marks, name);
  // What is left of other environments is not urgent.
  const removed = requests === null ? [...workList.due.keys()].filter((name) => !isConfigured(name)) : [];
  try {
    await allOf([
      ...configured.map((name) => sweepEnvironment(deps, name, workList, run, discovers(name))),
      ...removed.map((name) => sweepRemovedEnvironment(deps, name, workList, run)),
    ]);
    await saveCursors(store, before, run.cursors(), [...configured, ...removed]);
  } finally {
    if (requests === null) await requestPolls(deps, begunAt);
    // Messages under way get their receipts, whatever else failed.
    await run.delivered();
  }
  if (requests === null) await notifyOperators(deps, invocation.marks);
  report(deps, run.result(), workList);
  if (workList.broken !== undefined) throw workList.broken;
  return run.result();
}

/** Whether an environment is swept: all are, unless every request names one. */
function isRequested(requests: SweepRequest[] | null): (environment: string) => boolean {
  const names = requests?.map(({ environment }) => environment) ?? [null];
  return (environment) => names.includes(null) || names.includes(environment);
}

const isNamed = (requests: SweepRequest[], name: string): boolean =>
  requests.some(({ environment }) => environment === name);

/** When the last of the channels that had failed worked again; null: none did lately. */
function lastRecovery({ config }: Deps, { recoveredAt }: Invocation): number | null {
  const times = Object.keys(config.channels).flatMap((channel) => recoveredAt(channel) ?? []);
  return times.length > 0 ? Math.max(...times) : null;
}

/**
 * Requests polls until the next scheduled sweep, since a schedule runs once a minute at most. Polls request no others. It
 * follows the checks, so that a long sweep has fewer polls beside it.
 */
async function requestPolls({ sweepQueue, config, clock, log }: Deps, begunAt: number): Promise<void> {
  const every = config.settings.pollEverySeconds;
  const elapsed = Math.round((clock.now() - begunAt) / 1_000);
  const polls = Array.from({ length: Math.ceil(60 / every) - 1 }, (_, index) => (index + 1) * every);
  // Polls that are overdue by now are one poll at once.
  const delays = [...new Set(polls.map((poll) => Math.max(poll - elapsed, 0)))];
  if (delays.length === 0) return;
  await sweepQueue.send({ environment: null }, delays).catch((error: unknown) => {
    log.warn('poll scheduling failed', { error });
  });
}

/** An entry that has been due for less time is no reason for an alarm, and its metric would cost money. */
const reportedFromSeconds = 3_600;

/** Logs the result, and writes the metrics that have an alarm. */
function report({ metrics, log }: Deps, result: SweepResult, { watched, oldestMs }: WorkList): void {
  const oldestEntrySeconds = Math.round(oldestMs / 1_000);
  if (result.left > 0) metrics.count('left', result.left);
  if (oldestEntrySeconds >= reportedFromSeconds) metrics.measure('oldestEntry', oldestEntrySeconds);
  log.info('sweep finished', { ...result, watched, oldestEntrySeconds });
}
