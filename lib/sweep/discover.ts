/** Discovery: jobs that the list call shows, and that the table does not have yet or has given up, are watched. */

import { isDeepStrictEqual } from 'node:util';
import type { Deps } from '../deps.ts';
import { isGivenUp } from '../domain/advance.ts';
import { isTerminal, type Job, type JobName, jobKey, type Reading } from '../domain/job.ts';
import type { Listed } from '../pipeline/api-breaker.ts';
import type { Invocation } from '../pipeline/invocation.ts';
import { inParallel } from '../platform/async.ts';
import type { JobListing, JobListQuery } from '../sitecore/job-list.ts';
import { hasAllDetails, unfinishedStatuses } from './job-reader.ts';
import type { SweepRun } from './sweep-run.ts';

/** Jobs may appear in the list this long after they were queued, in milliseconds. */
const overlapMs = 20 * 60_000;
/** The most time and calls for the first list, which the watched jobs wait for. */
const firstList = { timeoutMs: 5_000, mostCalls: 30 };
/** The most time and calls for what is left of the list, which is read while the watched jobs are read. */
const furtherLists = { timeoutMs: 25_000, mostCalls: 60 };
/** The clocks of Sitecore and of this worker may differ by this much. */
const clockToleranceMs = 10 * 60_000;
/** How far back the next list starts if this one shows no time of Sitecore's clock. */
const emptyListOverlapMs = 60 * 60_000;
/** How long a list of all unfinished jobs is not requested again after it cost more calls than it saved. */
const skipUnfinishedForMs = 10 * 60_000;
/** More parts than this are merged. */
const mostParts = 10;

/** How long a state shows trouble that is over. */
const keepTroubleMs = 20 * 60_000;

/** How far discovery has come in an environment. Times are ISO 8601. */
export interface DiscoveryState {
  /** When the first list was recorded, by our clock. Jobs that ended before are not announced. */
  begunAt?: string;
  /** All jobs queued up to this time are known, by Sitecore's clock, but for those in `left`. */
  until?: string;
  /** The parts of the list that could not be read yet. The next sweep reads them. */
  left?: JobListQuery[];
  /** Why the last discovery was incomplete; since when none was complete. */
  trouble?: string;
  since?: string;
  /** When the last discovery was complete again, and why it had not been. Kept for a while, to notify operators. */
  recoveredAt?: string;
  reason?: string;
  /** The organization and tenant of the jobs. Written once, and again if the environment gets another tenant. */
  tenant?: string;
  /** How many listed jobs are not watched because of their ids. */
  skipped?: number;
  /** A list of all unfinished jobs is not worth its calls until then. */
  skipUnfinishedUntil?: string;
}

/** The key of an environment's discovery state in the table. */
export const discoveryKey = (environment: string): string => `discovery#${environment}`;

/** The jobs that the list call shows now, and the state that they are compared with. */
export interface Discovery {
  listing: Pick<JobListing, 'jobs' | 'isComplete' | 'skipped' | 'tenants'>;
  state: DiscoveryState;
  /** The query for the jobs that were queued since the last time. */
  newest: JobListQuery;
  /** The queries that are still to be made; `again`: not in this sweep. */
  left: JobListQuery[];
  again: JobListQuery[];
  trouble: string | undefined;
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
  const { newest, listed } = await listNewest(deps, environment, state, invocation);
  if (listed.kind === 'failed') await saveState(deps, environment, state, { ...state, trouble: listed.error });
  if (listed.kind !== 'listed') return null;
  // Jobs that were queued earlier and have not ended are watched as well.
  const isFirstLook = !state.until && !state.left;
  const earlier = isFirstLook ? [{ statuses: unfinishedStatuses }] : (state.left ?? []).filter(isBefore(newest));
  const reading = readingOf(newest, listed);
  return { ...reading, listing: listed.listing, newest, state, left: [...reading.left, ...earlier] };
}

async function listNewest(
  { clock, timings }: Deps,
  environment: string,
  { until }: DiscoveryState,
  { apiBreaker, readBefore }: Invocation,
): Promise<{ newest: JobListQuery & { queuedFrom: string }; listed: Listed }> {
  const now = clock.now();
  const newest = { queuedFrom: iso(until ? Date.parse(until) - overlapMs : now - timings.announceWithinMs) };
  const deadline = Math.min(readBefore, now + firstList.timeoutMs);
  return { newest, listed: await apiBreaker(environment).list(newest, deadline, firstList.mostCalls) };
}

/** Whether the last list was complete. After any other, only the schedule lists: a list that fails is not asked for more often. */
export const wasListComplete = (marks: Map<string, object>, environment: string): boolean => {
  const { until, left, trouble } = readState(marks, environment);
  return until !== undefined && left === undefined && trouble === undefined;
};

/** Whether the list shows nothing that is to be recorded: no job that is not watched, and no other state. Writes nothing. */
export async function showsNothingNew(
  deps: Deps,
  environment: string,
  watchedIds: ReadonlySet<string>,
  invocation: Invocation,
): Promise<boolean> {
  const state = readState(invocation.marks, environment);
  const { newest, listed } = await listNewest(deps, environment, state, invocation);
  if (listed.kind !== 'listed' || (await unwatchedJobs(deps, environment, listed.listing, watchedIds)).length > 0)
    return false;
  const now = deps.clock.now();
  const next = nextState({ ...readingOf(newest, listed), listing: listed.listing, newest, state }, now, state);
  return isDeepStrictEqual({ ...next, ...troubleOf(state, next.trouble, now) }, state);
}

/** Not a part of the list of the newest jobs. */
const isBefore =
  (newest: { queuedFrom: string }) =>
  ({ queuedFrom = '', statuses }: JobListQuery): boolean =>
    statuses !== undefined || queuedFrom < newest.queuedFrom;

/** What a list call left to be read, and why. */
function readingOf(query: JobListQuery, listed: Listed): Pick<Discovery, 'left' | 'again' | 'trouble'> {
  if (listed.kind === 'notAsked') return { left: [], again: [query], trouble: undefined };
  if (listed.kind === 'failed') return { left: [], again: [query], trouble: listed.error };
  const { isComplete, left, error } = listed.listing;
  const isCut = !isComplete && left.length === 0;
  const trouble = error?.message ?? (isCut ? 'the list cannot be read to its end' : undefined);
  return error || isCut ? { left: [], again: isCut ? [query] : left, trouble } : { left, again: [], trouble };
}

/** Reads what is left of the list. Changes nothing in the table. */
export async function listFurther(
  { clock, log }: Deps,
  environment: string,
  discovery: Discovery,
  { invocation }: SweepRun,
): Promise<Discovery> {
  const breaker = invocation.apiBreaker(environment);
  const deadline = Math.min(invocation.readBefore, clock.now() + furtherLists.timeoutMs);
  let calls = 0;
  let read = discovery;
  try {
    for (const query of discovery.left) {
      const isInTime = calls < furtherLists.mostCalls && clock.now() < deadline;
      const listed: Listed = isInTime
        ? await breaker.list(query, deadline, furtherLists.mostCalls - calls)
        : { kind: 'notAsked' };
      if (listed.kind === 'listed') calls += listed.listing.calls;
      const { left, again, trouble } = readingOf(query, listed);
      const isStuck = isInTime && left.some((part) => isDeepStrictEqual(part, query));
      read = {
        ...read,
        listing: listed.kind === 'listed' ? merged(read.listing, listed.listing) : read.listing,
        left: read.left.filter((one) => one !== query),
        again: [...read.again, ...left, ...again],
        trouble: read.trouble ?? trouble ?? (isStuck ? 'the list is too slow to be read' : undefined),
      };
    }
  } catch (error) {
    log.error('job list failed', { environment, error });
  }
  return read;
}

const merged = (one: Discovery['listing'], other: JobListing): Discovery['listing'] => ({
  ...one,
  jobs: new Map([...other.jobs, ...one.jobs]),
  skipped: one.skipped + other.skipped,
  tenants: new Set([...one.tenants, ...other.tenants]),
});

/**
 * Whether the list shows jobs of the tenant that the environment had before: then jobs that are not found are gone, as
 * after a reset of the environment, and the credential is not another tenant's.
 */
export const showsSameTenant = ({ listing, state }: Pick<Discovery, 'listing' | 'state'>): boolean =>
  state.tenant !== undefined && listing.tenants.has(state.tenant);

/** Whether a list of all unfinished jobs may be worth its calls. */
export function mayListUnfinished({ clock }: Deps, environment: string, { invocation }: SweepRun): boolean {
  const { skipUnfinishedUntil = '' } = readState(invocation.marks, environment);
  return skipUnfinishedUntil <= iso(clock.now());
}

/** Remembers for a while that a list of all unfinished jobs is not worth its calls. */
export async function skipUnfinished(deps: Deps, environment: string, { invocation }: SweepRun): Promise<void> {
  const state = readState(invocation.marks, environment);
  const next = { ...state, skipUnfinishedUntil: iso(deps.clock.now() + skipUnfinishedForMs) };
  // Discovery in the same sweep writes this state.
  invocation.marks.set(discoveryKey(environment), next);
  await writeState(deps, environment, state, next);
}

/** Watches the listed jobs that the table does not have or has given up, then saves how far discovery has come. Logs its own errors. */
export async function watchNewJobs(
  deps: Deps,
  environment: string,
  discovery: Discovery,
  watchedIds: ReadonlySet<string>,
  run: SweepRun,
): Promise<void> {
  const { clock, config, log } = deps;
  try {
    const unwatched = await unwatchedJobs(deps, environment, discovery.listing, watchedIds);
    let left = unwatched.length;
    await inParallel(unwatched.values(), config.settings.sweepConcurrency, async (one) => {
      if (clock.now() >= run.invocation.readBefore) return;
      const name = { environment, jobId: one.jobId };
      await run.isolate(name, async () => {
        if (await watchNewJob(deps, name, one, discovery, run)) left -= 1;
      });
    });
    if (left > 0) return log.warn('discovery incomplete', { environment, reason: 'jobs could not be recorded', left });
    noteSkipped(deps, environment, discovery);
    await saveState(
      deps,
      environment,
      discovery.state,
      nextState(discovery, clock.now(), readState(run.invocation.marks, environment)),
    );
  } catch (error) {
    log.error('discovery failed', { environment, error });
  }
}

/** Jobs that cannot be watched are logged once, not in every sweep. */
function noteSkipped({ log }: Deps, environment: string, { listing, state }: Discovery): void {
  const more = listing.skipped - (state.skipped ?? 0);
  if (more <= 0) return;
  log.warn('jobs skipped', { environment, jobs: more, reason: 'their ids are missing or cannot be part of a URL' });
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
  { jobs }: Pick<JobListing, 'jobs'>,
  watchedIds: ReadonlySet<string>,
): Promise<UnwatchedJob[]> {
  const listed = [...jobs].filter(([id, job]) => !watchedIds.has(id) && mayBeAnnounced(job, deps));
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
  deps: Deps,
  name: JobName,
  { job, isKnown }: UnwatchedJob,
  { state }: Discovery,
  run: SweepRun,
): Promise<boolean> {
  const { apiBreaker, readBefore } = run.invocation;
  const reading: Reading =
    job !== null && hasAllDetails(job)
      ? { kind: 'job', job }
      : await apiBreaker(name.environment).read(name.jobId, readBefore);
  if (reading.kind === 'notAsked') return false;
  const { status = null, finishedAt = null } = reading.kind === 'job' ? reading.job : {};
  // Another sweep may have begun discovery before this one read that the job has ended.
  const mayHaveBegun = state.begunAt === undefined && isTerminal(status);
  const { begunAt } = mayHaveBegun
    ? readState(await deps.store.readMarks([discoveryKey(name.environment)]), name.environment)
    : state;
  const isNews =
    isKnown ||
    (begunAt !== undefined &&
      (finishedAt === null || Date.parse(finishedAt) >= Date.parse(begunAt) - clockToleranceMs));
  await run.record(name, reading, { isNews });
  return true;
}

function nextState(
  { state, listing, newest, left: open, again, trouble }: Discovery,
  now: number,
  { skipUnfinishedUntil }: DiscoveryState,
): DiscoveryState {
  const { begunAt = iso(now), until: before = iso(now - emptyListOverlapMs) } = state;
  const left = joined([...open, ...again]);
  const times = [...listing.jobs.values()].flatMap((job) => (job?.queuedAt ? [job.queuedAt] : []));
  const latest = times.reduce((one, other) => (one > other ? one : other), before);
  // A time in the future would hide the jobs that are queued until then.
  const until = latest > iso(now) ? iso(now) : latest;
  const isRead = !left.some((query) => isDeepStrictEqual(query, newest));
  const tenant = showsSameTenant({ state, listing }) ? state.tenant : ([...listing.tenants][0] ?? state.tenant);
  return {
    begunAt,
    ...(isRead ? { until } : state.until ? { until: state.until } : {}),
    ...(left.length > 0 ? { left } : {}),
    ...(trouble ? { trouble } : {}),
    ...(tenant ? { tenant } : {}),
    ...(listing.skipped > 0 ? { skipped: listing.skipped } : {}),
    ...(skipUnfinishedUntil ? { skipUnfinishedUntil } : {}),
  };
}

/** The parts of the list, merged if there are too many. */
function joined(parts: JobListQuery[]): JobListQuery[] {
  if (parts.length <= mostParts) return parts;
  const groups = [parts.filter(({ statuses }) => statuses), parts.filter(({ statuses }) => !statuses)];
  return groups.flatMap((group) => {
    const from = group.map(({ queuedFrom }) => queuedFrom).sort();
    const to = group.map(({ queuedTo }) => queuedTo).sort();
    const { statuses } = group[0] ?? {};
    if (group.length === 0) return [];
    return {
      ...(from.includes(undefined) ? {} : { queuedFrom: from[0] }),
      ...(to.includes(undefined) ? {} : { queuedTo: to.at(-1) }),
      ...(statuses ? { statuses } : {}),
    };
  });
}

/** Writes a state that changed. Trouble is logged once, however long it lasts. */
async function saveState(
  deps: Deps,
  environment: string,
  state: DiscoveryState,
  { trouble, since: _, recoveredAt: __, reason: ___, ...progress }: DiscoveryState,
): Promise<void> {
  const { log, clock } = deps;
  if (trouble && trouble !== state.trouble) log.error('discovery incomplete', { environment, reason: trouble });
  if (!trouble && state.trouble) log.info('discovery recovered', { environment });
  await writeState(deps, environment, state, { ...progress, ...troubleOf(state, trouble, clock.now()) });
}

async function writeState(
  { store, log }: Deps,
  environment: string,
  state: DiscoveryState,
  next: DiscoveryState,
): Promise<void> {
  if (isDeepStrictEqual(next, state)) return;
  try {
    // Discovery begins once: a state that was read before must not replace one that has begun.
    await store.writeMark(discoveryKey(environment), next, state.begunAt ? {} : { unless: 'begunAt' });
  } catch (error) {
    log.warn('discovery state write failed', { environment, error });
  }
}

/** The members about trouble in the next state. */
function troubleOf(state: DiscoveryState, trouble: string | undefined, now: number): Partial<DiscoveryState> {
  const { since = iso(now), recoveredAt, reason } = state;
  if (trouble) return { trouble, since: state.trouble ? since : iso(now) };
  if (state.trouble) return { reason: state.trouble, since, recoveredAt: iso(now) };
  const isRecent = recoveredAt && reason && now - Date.parse(recoveredAt) < keepTroubleMs;
  return isRecent ? { reason, since, recoveredAt } : {};
}

const readState = (marks: Map<string, object>, environment: string): DiscoveryState =>
  marks.get(discoveryKey(environment)) ?? {};

const iso = (ms: number): string => new Date(ms).toISOString();
