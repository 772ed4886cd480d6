/** Reads watched jobs: from a list call where one serves many jobs, else by id. */

import { isTerminal, type Job, type Reading } from '../domain/job.ts';
import type { ApiBreaker } from '../pipeline/api-breaker.ts';
import type { Clock } from '../platform/clock.ts';
import type { JobListing } from '../sitecore/job-list.ts';

/** This many jobs are read by their ids before a list of all unfinished jobs is worth a call. */
const readsBeforeList = 3;
/** A call of the list may serve a hundred jobs. With one call for so many jobs, it costs little if it serves none. */
const jobsPerListCall = 10;
/** A slower list delays the jobs that it serves by no more than this, in milliseconds. */
const listTimeoutMs = 5_000;
/** The documented statuses of a job that has not ended. */
export const unfinishedStatuses = ['Queued', 'Running', 'Canceling'];

/** Where a sweep finds the watched jobs of an environment. */
export interface JobSource {
  /** The list that discovery has just read. */
  listing: Pick<JobListing, 'jobs'> | null;
  /** The ids to look up in a list of all unfinished jobs, if there are more than a few; empty: read them by their ids. */
  unfinished: string[];
}

export interface JobReader {
  /** Reads a job, or says why not, as `ApiBreaker.read` does. */
  read(jobId: string): Promise<Reading>;
  /** False: the list of all unfinished jobs cost more calls than it saved. */
  hasListPaid(): boolean;
}

/**
 * Reads watched jobs in one sweep, before `deadline`. The id stays the truth: a job that its source does not show, or
 * shows without the details that a message needs, is read by its id.
 */
export function createJobReader(
  { breaker, clock }: { breaker: ApiBreaker; clock: Clock },
  { listing, unfinished: wanted }: JobSource,
  deadline: number,
): JobReader {
  let readsById = 0;
  let unfinished: Promise<Map<string, Job | null>> | undefined;
  let hasPaid = true;

  const listUnfinished = async (): Promise<Map<string, Job | null>> => {
    const mostCalls = Math.ceil(wanted.length / jobsPerListCall);
    const before = Math.min(deadline, clock.now() + listTimeoutMs);
    const listed = await breaker.list({ statuses: unfinishedStatuses }, before, mostCalls);
    const { jobs, calls } = listed.kind === 'listed' ? listed.listing : { jobs: new Map(), calls: 1 };
    hasPaid = wanted.filter((id) => jobs.has(id)).length >= calls;
    return jobs;
  };
  const find = async (jobId: string): Promise<Job | null | undefined> => {
    if (listing?.jobs.has(jobId)) return listing.jobs.get(jobId);
    if (wanted.length <= readsBeforeList || readsById++ < readsBeforeList) return undefined;
    unfinished ??= listUnfinished();
    return (await unfinished).get(jobId);
  };

  return {
    hasListPaid: () => hasPaid,
    async read(jobId) {
      const job = await find(jobId);
      if (!job || !hasAllDetails(job)) return await breaker.read(jobId, deadline);
      breaker.noteFound();
      return { kind: 'job', job };
    },
  };
}

/** Whether a listed job has all the details that a message needs. */
export const hasAllDetails = (job: Job): boolean =>
  !isTerminal(job.status) || (job.name !== null && job.finishedAt !== null && job.statistics !== null);
