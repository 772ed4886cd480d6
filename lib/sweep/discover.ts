/** Discovery: jobs that the list call shows, and that the table does not have yet or has given up, are watched. */

import { isDeepStrictEqual } from 'node:util';
import type { Deps } from '../deps.ts';
import { isGivenUp } from '../domain/advance.ts';
import { isJobId, isTerminal, type Job, type JobName, jobKey, type Reading } from '../domain/job.ts';
import { inParallel } from '../platform/async.ts';
import type { JobListing } from '../sitecore/job-list.ts';
import { hasAllDetails, unfinishedStatuses } from './job-reader.ts';
import type { SweepRun } from './sweep-run.ts';

/** Jobs may appear in the list this long after they were queued, in milliseconds. */
const overlapMs = 20 * 60_000;
/** A slower list must not use up the time for the watched jobs. */
const listTimeoutMs = 25_000;
/** The clocks of Sitecore and of this worker may differ by this much. */
const clockToleranceMs = 10 * 60_000;
/** How far back the next list starts if this one shows no time of Sitecore's clock. */
const emptyListOverlapMs = 60 * 60_000;

/** How far discovery has come in an environment. Times are ISO 8601. */
interface DiscoveryState {
  /** When the first list was recorded, by our clock. Jobs that ended before are not announced. */
  begunAt?: string;
  /** All jobs queued up to this time are known, by Sitecore's clock. */
  until?: string;
  /** Why the last discovery was incomplete. */
  trouble?: string;
}

/** The key of an environment's discovery state in the table. */
export const discoveryKey = (environment: string): string => `discovery#${environment}`;

/** The jobs that the list call shows now, and the state that they are compared with. */
export interface Discovery {
  listing: JobListing;
  state: DiscoveryState;
}

/** Lists the jobs that were queued since the last time. Null: there is no list in this sweep. Logs errors of its own. */
export async function listNewJobs(deps: Deps, environment: string, run: SweepRun): Promise<Discovery | null> {
  try {
    return await list(deps, environment, run);
  } catch (error) {
    deps.log.error('job list failed', { environment, error });
    return null;
  }
}

async function list(deps: Deps, environment: string, { invocation }: SweepRun): Promise<Discovery | null> {
  const state = readState(invocation.marks, environment);
  const now = deps.clock.now();
  const queuedFrom = state.until ? Date.parse(state.until) - overlapMs : now - deps.timings.announceWithinMs;
  const breaker = invocation.apiBreaker(environment);
  const deadline = Math.min(invocation.readBefore, now + listTimeoutMs);
  const listed = await breaker.list({ queuedFrom: iso(queuedFrom) }, deadline);
  if (listed.kind === 'failed') await saveState(deps, environment, state, { ...state, trouble: listed.error });
  if (listed.kind !== 'listed') return null;
  if (state.until) return { listing: listed.listing, state };

  // Jobs that were queued earlier and have not ended are watched as well.
  const unfinished = await breaker.list({ statuses: unfinishedStatuses }, deadline);
  const jobs = new Map([...(unfinished.kind === 'listed' ? unfinished.listing.jobs : []), ...listed.listing.jobs]);
  const listing = { ...listed.listing, jobs };
  if (state.begunAt) return { listing, state };
  // Another sweep may have begun discovery meanwhile: jobs that ended since then are announced.
  return { listing, state: readState(await deps.store.readMarks([discoveryKey(environment)]), environment) };
}

/** Watches the listed jobs that the table does not have or has given up, then saves how far discovery has come. Logs its own errors. */
export async function watchNewJobs(
  deps: Deps,
  environment: string,
  discovery: Discovery,
  watchedIds: ReadonlySet<string>,
  run: SweepRun,
): Promise<void> {
  const { clock, config, metrics, log } = deps;
  try {
    const unwatched = await unwatchedJobs(deps, environment, discovery.listing, watchedIds);
    const discovered = unwatched.filter(({ isKnown }) => !isKnown).length;
    if (discovered > 0) metrics.count('discovered', { environment }, discovered);
    let left = unwatched.length;
    await inParallel(unwatched.values(), config.settings.sweepConcurrency, async (one) => {
      if (clock.now() >= run.invocation.readBefore) return;
      const name = { environment, jobId: one.jobId };
      await run.isolate(name, async () => {
        if (await watchNewJob(name, one, discovery, run)) left -= 1;
      });
    });
    if (left > 0) return log.warn('discovery incomplete', { environment, reason: 'jobs could not be recorded', left });
    await saveState(deps, environment, discovery.state, nextState(discovery, clock.now()));
  } catch (error) {
    log.error('discovery failed', { environment, error });
  }
}

/** A listed job that is not watched. `isKnown`: it was given up. */
interface UnwatchedJob {
  jobId: string;
  job: Job | null;
  isKnown: boolean;
}

/** The listed jobs that may be announced one day and have no record yet, or one that has given them up. */
async function unwatchedJobs(
  deps: Deps,
  environment: string,
  { jobs }: JobListing,
  watchedIds: ReadonlySet<string>,
): Promise<UnwatchedJob[]> {
  const listed = [...jobs].filter(([id, job]) => isJobId(id) && !watchedIds.has(id) && mayBeAnnounced(job, deps));
  const known = await deps.store.known(listed.map(([jobId]) => ({ environment, jobId })));
  return listed.flatMap(([jobId, job]) => {
    const its = known.get(jobKey({ environment, jobId }));
    return !its || isGivenUp(its) ? [{ jobId, job, isKnown: its !== undefined }] : [];
  });
}

/** False only for jobs that ended too long ago. If the list does not say when a job ended, reading the job by its id does. */
function mayBeAnnounced(job: Job | null, { clock, timings }: Deps): boolean {
  if (job === null || !isTerminal(job.status) || job.finishedAt === null) return true;
  return clock.now() - Date.parse(job.finishedAt) <= timings.announceWithinMs + clockToleranceMs;
}

/** Records a job for the first time, or again. False: the API cannot be called now. */
async function watchNewJob(
  name: JobName,
  { job, isKnown }: UnwatchedJob,
  { state: { begunAt } }: Discovery,
  run: SweepRun,
): Promise<boolean> {
  const { apiBreaker, readBefore } = run.invocation;
  const reading: Reading =
    job !== null && hasAllDetails(job)
      ? { kind: 'job', job }
      : await apiBreaker(name.environment).read(name.jobId, readBefore);
  if (reading.kind === 'notAsked') return false;
  const { finishedAt = null } = reading.kind === 'job' ? reading.job : {};
  const isNews =
    isKnown ||
    (begunAt !== undefined &&
      (finishedAt === null || Date.parse(finishedAt) >= Date.parse(begunAt) - clockToleranceMs));
  await run.record(name, reading, { isNews });
  return true;
}

function nextState({ state, listing }: Discovery, now: number): DiscoveryState {
  const { begunAt = iso(now), until: before = iso(now - emptyListOverlapMs) } = state;
  if (!listing.isComplete) {
    return { ...state, begunAt, trouble: listing.error?.message ?? 'the list cannot be read to its end' };
  }
  const times = [...listing.jobs.values()].flatMap((job) => (job?.queuedAt ? [job.queuedAt] : []));
  const newest = times.reduce((one, other) => (one > other ? one : other), before);
  // A time in the future would hide the jobs that are queued until then.
  return { begunAt, until: newest > iso(now) ? iso(now) : newest };
}

/** Writes a state that changed. Trouble is logged once, however long it lasts, and counted in every sweep. */
async function saveState(
  { store, log, metrics }: Deps,
  environment: string,
  state: DiscoveryState,
  next: DiscoveryState,
): Promise<void> {
  const { trouble } = next;
  if (trouble) metrics.count('discoveryFailed', { environment });
  if (trouble && trouble !== state.trouble) log.error('discovery incomplete', { environment, reason: trouble });
  if (!trouble && state.trouble) log.info('discovery recovered', { environment });
  if (isDeepStrictEqual(next, state)) return;
  try {
    // Discovery begins once: a state that was read before must not replace one that has begun.
    await store.writeMark(discoveryKey(environment), next, state.begunAt ? {} : { unless: 'begunAt' });
  } catch (error) {
    log.warn('discovery state write failed', { environment, error });
  }
}

const readState = (marks: Map<string, object>, environment: string): DiscoveryState =>
  marks.get(discoveryKey(environment)) ?? {};

const iso = (ms: number): string => new Date(ms).toISOString();
