/** One environment's part of a sweep: its due jobs are read, what changed is recorded, and new jobs are discovered. */

import type { Deps } from '../deps.ts';
import type { DecisionContext } from '../domain/decision-context.ts';
import { type DueEntry, isTerminal, type Reading } from '../domain/job.ts';
import { mayExceed } from '../domain/time-limits.ts';
import { inParallel } from '../platform/async.ts';
import { listNewJobs, watchNewJobs } from './discover.ts';
import { createJobReader, type JobReader, type JobSource } from './job-reader.ts';
import type { SweepRun } from './sweep-run.ts';
import type { WorkList } from './work-list.ts';

/** If this many known jobs are not found and none is, the credential is wrong rather than the jobs gone. */
const notFoundMeansForeign = 5;

/** A known job that the API no longer knows (404). */
type NotFound = { entry: DueEntry; reading: Reading };

/** Checks the due jobs of a configured environment. With `discovers`, also watches new jobs if its configuration says so. */
export async function sweepEnvironment(
  deps: Deps,
  environment: string,
  { due, ids }: WorkList,
  run: SweepRun,
  discovers: boolean,
): Promise<void> {
  const breaker = run.invocation.apiBreaker(environment);
  const { discover: mayList = false } = deps.config.environments[environment] ?? {};
  const discovery = mayList && discovers ? await listNewJobs(deps, environment, run) : null;
  const source: JobSource = discovery ?? (mayList && !discovers ? 'unfinishedList' : 'byId');
  const reader = createJobReader(breaker, source, run.invocation.readBefore);
  const notFound: NotFound[] = [];
  await run.each(environment, due.get(environment) ?? [], async (entry) => {
    const begunAt = deps.clock.now();
    const reading = await readIfDue(deps, entry, reader, run);
    if (reading === 'left') return 'left';
    if (isUnchanged(entry, reading, { now: deps.clock.now(), timeLimits: deps.config.timeLimits })) return;
    // Either the job is gone or the credential is wrong: only all readings together show which.
    if (isNotFound(entry, reading)) notFound.push({ entry, reading });
    else await run.record(entry, reading, { begunAt });
  });
  if (notFound.length >= notFoundMeansForeign && breaker.found() === 0) await breaker.closeAsForeign(notFound.length);
  else await recordNotFound(deps, notFound, run);
  // A credential of another tenant would show that tenant's jobs.
  if (discovery && breaker.isOpen())
    await watchNewJobs(deps, environment, discovery, ids.get(environment) ?? new Set(), run);
}

/**
 * Sends the pending messages of an environment that is no longer configured. Its jobs stay in the work list, and are
 * checked again once it is configured again; those that have been due for `keepForMs` leave the work list.
 */
export async function sweepRemovedEnvironment(
  { clock, timings, log, metrics }: Deps,
  environment: string,
  { due }: WorkList,
  run: SweepRun,
): Promise<void> {
  const entries = due.get(environment) ?? [];
  metrics.count('environmentRemoved', { environment });
  log.warn('environment removed', { environment, jobs: entries.length });
  const now = clock.now();
  const isExpired = ({ dueAt }: DueEntry): boolean => now - dueAt >= timings.keepForMs;
  await run.each(
    environment,
    entries.filter((entry) => isDeliveryDue(entry, now) || isExpired(entry)),
    (entry) => run.record(entry, isExpired(entry) ? { kind: 'environmentRemoved' } : null),
  );
}

/**
 * Null: the API cannot be called, or need not be, but something else may be due. `left`: there was no time for the
 * request, and nothing else is due.
 */
async function readIfDue(
  deps: Deps,
  entry: DueEntry,
  reader: JobReader,
  run: SweepRun,
): Promise<Reading | null | 'left'> {
  if (!isReadDue(entry.check, deps.clock.now())) return null;
  const reading = await reader.read(entry.jobId);
  if (reading.kind === 'notAsked' && reading.outOfTime && !isDeliveryDue(entry, deps.clock.now())) return 'left';
  if (reading.kind === 'notAsked') return isUnreadableForLong(deps, reading.since) ? reading : null;
  run.noteReading(reading);
  return reading;
}

const isReadDue = ({ nextAt }: DueEntry['check'], now: number): boolean => nextAt !== null && Date.parse(nextAt) <= now;

const isUnreadableForLong = ({ clock, timings }: Deps, since: string | null): boolean =>
  since !== null && clock.now() - Date.parse(since) >= timings.unreadableForMs;

/** Whether a delivery is due, or the lease of a worker that did not finish has run out. */
const isDeliveryDue = ({ lease, pendingAt }: DueEntry, now: number): boolean =>
  lease !== null || (pendingAt !== null && Date.parse(pendingAt) <= now);

/** Whether there is nothing to record, as far as the entry shows. This is the common case, and costs no read of the item. */
function isUnchanged(
  entry: DueEntry,
  reading: Reading | null,
  context: Pick<DecisionContext, 'now' | 'timeLimits'>,
): boolean {
  const { environment, status, check, notFoundSince } = entry;
  if (isTerminal(status) || isDeliveryDue(entry, context.now)) return false;
  if (reading === null) return isReadDue(check, context.now);
  const isSame = reading.kind === 'job' && reading.job.status === status && !notFoundSince && check.failures === 0;
  return isSame && !mayExceed(environment, reading.job, context);
}

const isNotFound = ({ status }: DueEntry, reading: Reading | null): reading is Reading =>
  reading?.kind === 'notFound' && status !== null && !isTerminal(status);

const recordNotFound = ({ config }: Deps, notFound: NotFound[], run: SweepRun): Promise<void> =>
  inParallel(notFound.values(), config.settings.sweepConcurrency, ({ entry, reading }) =>
    run.isolate(entry, () => run.record(entry, reading)),
  );
