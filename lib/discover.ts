/** Jobs that nobody named: found by the list call, and watched. */

import { isTerminal, type Job, type JobName, jobKey } from './job.ts';
import type { JobListing } from './job-list.ts';
import { isJobId } from './job-name.ts';
import { goingOn, isEnough } from './overview.ts';
import { inParallel } from './parallel.ts';
import type { Parts } from './parts.ts';
import type { Tally } from './tally.ts';

/** How far back jobs are looked for that appear in the list late, in milliseconds. */
const overlapMs = 20 * 60_000;
/** A list that takes longer must not keep the watched jobs from being read. */
const listWithinMs = 25_000;
/** With no job in the list there is no time of Sitecore's to go by, and our clock may differ. */
const clockToleranceMs = 60 * 60_000;

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
  /** There was no list before this one: what has ended by now is no news. */
  isFirst: boolean;
  mark: Mark;
}

/** Lists the jobs that were queued since the last time. Null: that cannot be done now. */
export async function look(parts: Parts, environment: string, { invocation }: Tally): Promise<Findings | null> {
  const [markKey, begunKey] = discoveryKeys(environment);
  const mark = (invocation.marks.get(markKey) ?? {}) as Mark;
  const now = parts.clock.now();
  const queuedFrom = mark.until ? Date.parse(mark.until) - overlapMs : now - parts.limits.announceWithinMs;
  const gate = invocation.gate(environment);
  const deadline = Math.min(invocation.readBefore, now + listWithinMs);
  const listed = await gate.list({ queuedFrom: iso(queuedFrom) }, deadline);
  if (listed.kind === 'failed') await noteTrouble(parts, environment, mark, listed.error);
  if (listed.kind !== 'listed') return null;
  if (mark.until) return { listing: listed.listing, isFirst: false, mark };

  // What was queued before, and goes on, is watched as well.
  const older = await gate.list({ statuses: goingOn }, deadline);
  const jobs = new Map([...(older.kind === 'listed' ? older.listing.jobs : []), ...listed.listing.jobs]);
  return { listing: { ...listed.listing, jobs }, isFirst: !invocation.marks.has(begunKey), mark };
}

/**
 * Watches the jobs of the list that nobody knows, and remembers how far they are known. `watched` holds the ids in the
 * work list.
 */
export async function adopt(
  parts: Parts,
  environment: string,
  { listing, isFirst, mark }: Findings,
  watched: ReadonlySet<string> = new Set(),
  tally: Tally,
): Promise<void> {
  const { store, clock, config, metrics, log } = parts;
  const gate = tally.invocation.gate(environment);
  const listed = [...listing.jobs].filter(
    ([jobId, job]) => isJobId(jobId) && !watched.has(jobId) && isOfUse(job, parts),
  );
  const known = await store.known(listed.map(([jobId]) => ({ environment, jobId })));
  const unknown = listed.filter(([jobId]) => !known.has(jobKey({ environment, jobId })));

  let isWhole = listing.isComplete;
  const watch = async (name: JobName, job: Job | null): Promise<void> => {
    const reading =
      job !== null && isEnough(job)
        ? ({ kind: 'job', job } as const)
        : await gate.read(name.jobId, tally.invocation.readBefore);
    if (reading.kind === 'notAsked') isWhole = false;
    else await tally.record(name, reading, { isNews: !isFirst });
  };
  await inParallel(unknown.values(), config.settings.sweepConcurrency, async ([jobId, job]) => {
    const name = { environment, jobId };
    if (clock.now() >= tally.invocation.readBefore) isWhole = false;
    else await tally.keepGoing(name, () => watch(name, job));
  });
  if (unknown.length > 0) metrics.count('discovered', { environment }, unknown.length);
  if (isWhole) await remember(parts, environment, { mark, isFirst, listing });
  else log.warn('not every job of the list could be watched; the next sweep goes on', { environment });
}

/** Jobs that ended too long ago to be news need not be known; that is seen when they are read, if the list does not say. */
function isOfUse(job: Job | null, { clock, limits }: Parts): boolean {
  if (job === null || !isTerminal(job.status) || job.finishedAt === null) return true;
  return clock.now() - Date.parse(job.finishedAt) <= limits.announceWithinMs + clockToleranceMs;
}

async function remember(
  { store, clock, log }: Parts,
  environment: string,
  { mark, isFirst, listing }: Findings,
): Promise<void> {
  const [markKey, begunKey] = discoveryKeys(environment);
  const now = clock.now();
  const times = [...listing.jobs.values()].flatMap((job) => (job?.queuedAt ? [job.queuedAt] : []));
  const newest = times.reduce((one, other) => (one > other ? one : other), mark.until ?? iso(now - clockToleranceMs));
  // A time in the future would hide what is queued until then.
  const until = newest > iso(now) ? iso(now) : newest;
  if (mark.trouble) log.info('jobs that nobody named are found again', { environment });
  if (isFirst) await store.writeMark(begunKey, { since: iso(now) });
  if (until !== mark.until || mark.trouble) await store.writeMark(markKey, { until });
}

/** Said once, however long it lasts; counted every time. */
async function noteTrouble(parts: Parts, environment: string, mark: Mark, trouble: string): Promise<void> {
  const { store, log, metrics } = parts;
  metrics.count('discoveryFailed', { environment });
  if (mark.trouble === trouble) return;
  log.error('jobs that nobody named cannot be found; those that are given by their ids go on', {
    environment,
    reason: trouble,
  });
  await store.writeMark(discoveryKeys(environment)[0], { ...mark, trouble });
}

const iso = (ms: number): string => new Date(ms).toISOString();
