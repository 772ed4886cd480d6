/** Jobs that nobody named: found by the list call, and watched. */

import type { Deps } from '../deps.ts';
import { isJobId, isTerminal, type Job, type JobName, jobKey, type Reading } from '../domain/job.ts';
import { inParallel } from '../platform/async.ts';
import type { JobListing } from '../sitecore/job-list.ts';
import { goingOn, isEnough } from './job-reader.ts';
import type { SweepRun } from './sweep-run.ts';

/** How far back jobs are looked for that appear in the list late, in milliseconds. */
const overlapMs = 20 * 60_000;
/** A list that takes longer must not keep the watched jobs from being read. */
const listWithinMs = 25_000;
/** Our clock and Sitecore's may be so far apart. */
const clocksApartMs = 10 * 60_000;
/** With no job in the list there is no time of Sitecore's to go by. */
const withoutTimesMs = 60 * 60_000;

/** What is known of an environment's list. Times are ISO 8601, by Sitecore's clock. */
interface Mark {
  /** All jobs that were queued until then are known. */
  until?: string;
  /** Why jobs could not be found the last time. */
  trouble?: string;
}

/** The keys of the marks of an environment: how far its jobs are known, and that those which there were are no news. */
export const discoveryKeys = (environment: string): [mark: string, begun: string] => [
  `discovery#${environment}`,
  `discovery-begun#${environment}`,
];

/** What the list shows of an environment, and what is to be made of it. */
export interface Findings {
  listing: JobListing;
  /** When there was the first list (epoch milliseconds, our clock); null: this is it, and what has ended is no news. */
  begunAt: number | null;
  mark: Mark;
}

/** Lists the jobs that were queued since the last time. Null: that cannot be done now; watched jobs are read all the same. */
export async function look(deps: Deps, environment: string, run: SweepRun): Promise<Findings | null> {
  try {
    return await list(deps, environment, run);
  } catch (error) {
    deps.log.error('the list of jobs could not be looked at; the next sweep goes on', { environment, error });
    return null;
  }
}

async function list(deps: Deps, environment: string, { invocation }: SweepRun): Promise<Findings | null> {
  const [markKey, begunKey] = discoveryKeys(environment);
  const mark = (invocation.marks.get(markKey) ?? {}) as Mark;
  const now = deps.clock.now();
  const queuedFrom = mark.until ? Date.parse(mark.until) - overlapMs : now - deps.timings.announceWithinMs;
  const breaker = invocation.apiBreaker(environment);
  const deadline = Math.min(invocation.readBefore, now + listWithinMs);
  const listed = await breaker.list({ queuedFrom: iso(queuedFrom) }, deadline);
  if (listed.kind === 'failed') await noteTrouble(deps, environment, mark, listed.error);
  if (listed.kind !== 'listed') return null;
  const begun = (marks: Map<string, object>) => marks.get(begunKey) as { since: string } | undefined;
  // One of the two marks may be lost; the other one says that there was a first list.
  const known = begun(invocation.marks);
  if (mark.until) return { listing: listed.listing, begunAt: known ? Date.parse(known.since) : 0, mark };

  // What was queued before, and goes on, is watched as well.
  const older = await breaker.list({ statuses: goingOn }, deadline);
  const jobs = new Map([...(older.kind === 'listed' ? older.listing.jobs : []), ...listed.listing.jobs]);
  // Somebody may have been faster: what has ended since then is news.
  const first = known ?? begun(await deps.store.readMarks([begunKey]));
  return { listing: { ...listed.listing, jobs }, begunAt: first ? Date.parse(first.since) : null, mark };
}

/**
 * Watches the jobs of the list that nobody knows, and remembers how far they are known. `watched` holds the ids in the
 * work list.
 */
export async function watchNew(
  deps: Deps,
  environment: string,
  findings: Findings,
  watched: ReadonlySet<string> = new Set(),
  run: SweepRun,
): Promise<void> {
  const { clock, config, metrics, log } = deps;
  try {
    const unknown = await unknownIn(deps, environment, findings.listing, watched);
    if (unknown.length > 0) metrics.count('discovered', { environment }, unknown.length);
    let left = unknown.length;
    await inParallel(unknown.values(), config.settings.sweepConcurrency, async ([jobId, job]) => {
      if (clock.now() >= run.invocation.readBefore) return;
      const name = { environment, jobId };
      await run.keepGoing(name, async () => {
        if (await watch(name, job, findings, run)) left -= 1;
      });
    });
    if (left > 0) log.warn('not every job of the list could be watched; the next sweep goes on', { environment, left });
    else await remember(deps, environment, findings);
  } catch (error) {
    log.error('jobs that nobody named could not be watched; the next sweep goes on', { environment, error });
  }
}

/** Those jobs of the list that may be of use, and have no record yet. */
async function unknownIn(
  deps: Deps,
  environment: string,
  { jobs }: JobListing,
  watched: ReadonlySet<string>,
): Promise<[string, Job | null][]> {
  const listed = [...jobs].filter(([jobId, job]) => isJobId(jobId) && !watched.has(jobId) && isOfUse(job, deps));
  const known = await deps.store.known(listed.map(([jobId]) => ({ environment, jobId })));
  return listed.filter(([jobId]) => !known.has(jobKey({ environment, jobId })));
}

/** Records a job that nobody knew. False: it could not be asked for. */
async function watch(name: JobName, job: Job | null, { begunAt }: Findings, run: SweepRun): Promise<boolean> {
  const { apiBreaker, readBefore } = run.invocation;
  const reading: Reading =
    job !== null && isEnough(job)
      ? { kind: 'job', job }
      : await apiBreaker(name.environment).read(name.jobId, readBefore);
  if (reading.kind === 'notAsked') return false;
  const { finishedAt = null } = reading.kind === 'job' ? reading.job : {};
  const endedBefore = finishedAt !== null && Date.parse(finishedAt) < (begunAt ?? 0) - clocksApartMs;
  await run.record(name, reading, { isNews: begunAt !== null && !endedBefore });
  return true;
}

/** Jobs that ended too long ago to be news need not be known; that is seen when they are read, if the list does not say. */
function isOfUse(job: Job | null, { clock, timings }: Deps): boolean {
  if (job === null || !isTerminal(job.status) || job.finishedAt === null) return true;
  return clock.now() - Date.parse(job.finishedAt) <= timings.announceWithinMs + clocksApartMs;
}

async function remember(deps: Deps, environment: string, { mark, begunAt, listing }: Findings): Promise<void> {
  const { store, clock, log } = deps;
  const [markKey, begunKey] = discoveryKeys(environment);
  const now = clock.now();
  if (begunAt === null) await store.writeMark(begunKey, { since: iso(now) });
  if (!listing.isComplete) {
    await noteTrouble(deps, environment, mark, listing.error?.message ?? 'the list cannot be read to its end');
    return;
  }
  const times = [...listing.jobs.values()].flatMap((job) => (job?.queuedAt ? [job.queuedAt] : []));
  const newest = times.reduce((one, other) => (one > other ? one : other), mark.until ?? iso(now - withoutTimesMs));
  // A time in the future would hide what is queued until then.
  const until = newest > iso(now) ? iso(now) : newest;
  if (mark.trouble) log.info('jobs that nobody named are found again', { environment });
  if (until !== mark.until || mark.trouble) await store.writeMark(markKey, { until });
}

/** Said once, however long it lasts; counted every time. */
async function noteTrouble(deps: Deps, environment: string, mark: Mark, trouble: string): Promise<void> {
  const { store, log, metrics } = deps;
  metrics.count('discoveryFailed', { environment });
  if (mark.trouble === trouble) return;
  const said = { environment, reason: trouble };
  log.error('jobs that nobody named cannot all be found; those that are given by their ids go on', said);
  await store.writeMark(discoveryKeys(environment)[0], { ...mark, trouble }).catch((error: unknown) => {
    log.warn('a mark could not be written; it is said again', { environment, error });
  });
}

const iso = (ms: number): string => new Date(ms).toISOString();
