/** One environment's part of a sweep: its due jobs are read, what changed is recorded, and new jobs are discovered. */

import type { Deps } from '../deps.ts';
import type { DecisionContext } from '../domain/decision-context.ts';
import { type DueEntry, isTerminal, type Reading } from '../domain/job.ts';
import { mayExceed } from '../domain/time-limits.ts';
import { allOf, inParallel } from '../platform/async.ts';
import {
  listFurther,
  listNewJobs,
  mayListUnfinished,
  showsSameTenant,
  skipUnfinished,
  watchNewJobs,
} from './discover.ts';
import { createJobReader, type JobReader } from './job-reader.ts';
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
  const entries = due.get(environment) ?? [];
  const first = mayList && discovers ? await listNewJobs(deps, environment, run) : null;
  // A list that could not be read to its end leaves no time for another one.
  const isListWorth = (discovers ? first?.listing.isComplete : mayList) && mayListUnfinished(deps, environment, run);
  const source = {
    listing: first?.listing ?? null,
    unfinished: isListWorth ? unlisted(entries, first?.listing.jobs, deps.clock.now()) : [],
  };
  const reader = createJobReader({ breaker, clock: deps.clock }, source, run.invocation.readBefore);
  const notFound: NotFound[] = [];
  const check = async (entry: DueEntry): Promise<'left' | undefined> => {
    const begunAt = deps.clock.now();
    const reading = await readIfDue(deps, entry, reader, run);
    if (reading === 'left') return 'left';
    if (isUnchanged(entry, reading, { now: deps.clock.now(), timeLimits: deps.config.timeLimits })) return undefined;
    // Either the job is gone or the credential is wrong: only all readings together show which.
    if (isNotFound(entry, reading)) notFound.push({ entry, reading });
    else await run.record(entry, reading, { begunAt });
    return undefined;
  };
  // What is left of the list delays no watched job.
  const further = first && listFurther(deps, environment, first, run);
  await allOf<unknown>([run.each(environment, entries, check), Promise.resolve(further)]);
  const discovery = await further;
  if (!reader.hasListPaid()) await skipUnfinished(deps, environment, run);

  const isForeign =
    notFound.length >= notFoundMeansForeign && breaker.found() === 0 && !(discovery && showsSameTenant(discovery));
  // Without the list, which may show that the jobs are gone, nothing is decided: the next scheduled sweep does.
  if (isForeign && mayList && !discovers) return;
  if (isForeign) await breaker.openAsForeign(notFound.length);
  else await recordNotFound(deps, notFound, run);
  await breaker.noteOutage();
  // A credential of another tenant would show that tenant's jobs.
  if (discovery && breaker.allowsRequests())
    await watchNewJobs(deps, environment, discovery, ids.get(environment) ?? new Set(), run);
}

/** The jobs to read that the list does not show. */
const unlisted = (entries: DueEntry[], listed: ReadonlyMap<string, unknown> | undefined, now: number): string[] =>
  entries.filter(({ jobId, check }) => isReadDue(check, now) && !listed?.has(jobId)).map(({ jobId }) => jobId);

/**
 * Sends the pending messages of an environment that is no longer configured. Its jobs stay in the work list, and are
 * checked again once it is configured again; those that have been due for `keepForMs` leave the work list.
 */
export async function sweepRemovedEnvironment(
  { clock, timings, log }: Deps,
  environment: string,
  { due }: WorkList,
  run: SweepRun,
): Promise<void> {
  const entries = due.get(environment) ?? [];
  log.warn('environment removed', { environment, jobs: entries.length });
  const now = clock.now();
  const isExpired = ({ dueAt }: DueEntry): boolean => now - dueAt >= timings.keepForMs;
  await run.each(
    environment,
    entries.filter((entry) => isDeliveryDue(entry, now) || isExpired(entry)),
    async (entry) => {
      await run.record(entry, isExpired(entry) ? { kind: 'environmentRemoved' } : null);
      return undefined;
    },
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
