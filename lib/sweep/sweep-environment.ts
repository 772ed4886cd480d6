/** One environment's part of a sweep: its jobs are read if that is due, and what is worth it is recorded. */

import type { Deps } from '../deps.ts';
import type { DecisionContext } from '../domain/decision-context.ts';
import { type DueEntry, isTerminal, type Reading } from '../domain/job.ts';
import { mayExceed } from '../domain/time-limits.ts';
import type { ApiBreaker } from '../pipeline/api-breaker.ts';
import { inParallel } from '../platform/async.ts';
import { look, watchNew } from './discover.ts';
import { createJobReader, type JobReader } from './job-reader.ts';
import type { SweepRun } from './sweep-run.ts';
import type { WorkList } from './work-list.ts';

/** So many known jobs notFound, and none found, say something about the credential rather than about the jobs. */
const notFoundMeansForeign = 5;

/** A job that was known, and that the API denies now. */
type NoLongerFound = { entry: DueEntry; reading: Reading };

/** Looks at the due jobs of a configured environment, and if `isLookedThrough`, for jobs that nobody named. */
export async function sweepEnvironment(
  deps: Deps,
  environment: string,
  { due, ids }: WorkList,
  run: SweepRun,
  isLookedThrough: boolean,
): Promise<void> {
  const breaker = run.invocation.apiBreaker(environment);
  const { discover = false } = deps.config.environments[environment] ?? {};
  const findings = discover && isLookedThrough ? await look(deps, environment, run) : null;
  const nothingYet = discover && !isLookedThrough ? { jobs: new Map(), isComplete: true } : null;
  const reader = createJobReader(breaker, findings?.listing ?? nothingYet, run.invocation.readBefore);
  const notFound: NoLongerFound[] = [];
  await run.each(environment, due.get(environment) ?? [], async (entry) => {
    const begunAt = deps.clock.now();
    const reading = await read(deps, entry, reader, run);
    if (reading?.kind === 'job' && !isTerminal(reading.job.status)) run.running += 1;
    if (isUnchanged(entry, reading, { now: deps.clock.now(), timeLimits: deps.config.timeLimits })) return;
    // The job may be gone, or the credential a foreign one: that shows when all jobs are read.
    if (isNotFound(entry, reading)) notFound.push({ entry, reading });
    else await run.record(entry, reading, { begunAt });
  });
  await judge(deps, breaker, notFound, run);
  // A credential that belongs to another tenant now would show jobs of that one.
  if (findings && breaker.isOpen()) await watchNew(deps, environment, findings, ids.get(environment), run);
}

/** Null: the API could not be asked, or need not be, but something else may be due. */
async function read(
  deps: Deps,
  { jobId, check }: DueEntry,
  reader: JobReader,
  { result }: SweepRun,
): Promise<Reading | null> {
  if (!isReadDue(check, deps.clock.now())) return null;
  const reading = await reader.read(jobId);
  if (reading.kind === 'notAsked') return isLongSince(deps, reading.since) ? reading : null;
  result.checked += 1;
  if (reading.kind !== 'job') result.failedChecks += 1;
  return reading;
}

const isReadDue = ({ nextAt }: DueEntry['check'], now: number): boolean => nextAt !== null && Date.parse(nextAt) <= now;

const isLongSince = ({ clock, timings }: Deps, since: string | null): boolean =>
  since !== null && clock.now() - Date.parse(since) >= timings.unreadableForMs;

/** Whether there is nothing to record, as far as the entry shows: most jobs, most of the time. */
function isUnchanged(
  entry: DueEntry,
  reading: Reading | null,
  context: Pick<DecisionContext, 'now' | 'timeLimits'>,
): boolean {
  const { environment, status, check, notFoundSince, lease, pendingAt } = entry;
  if (lease || isTerminal(status) || (pendingAt !== null && Date.parse(pendingAt) <= context.now)) return false;
  if (reading === null) return isReadDue(check, context.now);
  const isSame = reading.kind === 'job' && reading.job.status === status && !notFoundSince && check.failures === 0;
  return isSame && !mayExceed(environment, reading.job, context);
}

const isNotFound = ({ status }: DueEntry, reading: Reading | null): reading is Reading =>
  reading?.kind === 'notFound' && status !== null && !isTerminal(status);

async function judge(deps: Deps, breaker: ApiBreaker, notFound: NoLongerFound[], run: SweepRun): Promise<void> {
  if (notFound.length >= notFoundMeansForeign && breaker.found() === 0)
    return await breaker.closeAsForeign(notFound.length);
  await inParallel(notFound.values(), deps.config.settings.sweepConcurrency, ({ entry, reading }) =>
    run.keepGoing(entry, () => run.record(entry, reading)),
  );
}
