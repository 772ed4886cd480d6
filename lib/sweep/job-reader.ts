/** Reads watched jobs: from a list call where one serves many jobs, else by id. */

import { isTerminal, type Job, type Reading } from '../domain/job.ts';
import type { ApiBreaker } from '../pipeline/api-breaker.ts';
import type { JobListing } from '../sitecore/job-list.ts';

/** This many jobs are read by their ids before a list of all unfinished jobs is worth a call. */
const readsBeforeList = 3;
/** The documented statuses of a job that has not ended. */
export const unfinishedStatuses = ['Queued', 'Running', 'Canceling'];

/** Where a sweep finds the watched jobs of an environment. */
export type JobSource =
  /** In the list that discovery has just read. Jobs missing from a complete list are read as by `unfinishedList`. */
  | { listing: Pick<JobListing, 'jobs' | 'isComplete'> }
  /** In a list of all unfinished jobs, which is read when there are more than a few jobs to read. */
  | 'unfinishedList'
  /** By their ids only: the list call is switched off, or does not work now. */
  | 'byId';

export interface JobReader {
  /** Reads a job, or says why not, as `ApiBreaker.read` does. */
  read(jobId: string): Promise<Reading>;
}

/**
 * Reads watched jobs in one sweep. The id stays the truth: a job that its source does not show, or shows without the
 * details that a message needs, is read by its id.
 */
export function createJobReader(breaker: ApiBreaker, source: JobSource, deadline: number): JobReader {
  const { jobs, isComplete } = typeof source === 'object' ? source.listing : { jobs: null, isComplete: true };
  let readsById = 0;
  let unfinished: Promise<Map<string, Job | null>> | undefined;

  const listUnfinished = async (): Promise<Map<string, Job | null>> => {
    const listed = await breaker.list({ statuses: unfinishedStatuses }, deadline);
    return listed.kind === 'listed' ? listed.listing.jobs : new Map();
  };
  const find = async (jobId: string): Promise<Job | null | undefined> => {
    if (source === 'byId') return undefined;
    if (jobs?.has(jobId)) return jobs.get(jobId);
    // A list that could not be read to its end leaves no time for another one.
    if (readsById++ < readsBeforeList || !isComplete) return undefined;
    unfinished ??= listUnfinished();
    return (await unfinished).get(jobId);
  };

  return {
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
