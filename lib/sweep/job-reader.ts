/** Watched jobs read from the list call, where that answers for many of them at once. */

import { isTerminal, type Job, type Reading } from '../domain/job.ts';
import type { ApiBreaker } from '../pipeline/api-breaker.ts';
import type { JobListing } from '../sitecore/job-list.ts';

/** So many jobs are asked for by their ids before a list of all that go on is worth a call. */
const few = 3;
/** The documented statuses of a job that has not ended. */
export const goingOn = ['Queued', 'Running', 'Canceling'];

type Listing = Pick<JobListing, 'jobs' | 'isComplete'>;

export interface JobReader {
  read(jobId: string): Promise<Reading>;
}

/**
 * How watched jobs are read in one sweep: from the list that was read to find new ones, or from one of all that go on;
 * what these do not show, or not fully, by its id, which stays the truth. `listing` is what was read; null: there is no list.
 */
export function createJobReader(breaker: ApiBreaker, listing: Listing | null, deadline: number): JobReader {
  let askedById = 0;
  let active: Promise<Map<string, Job | null>> | undefined;

  const listActive = async (): Promise<Map<string, Job | null>> => {
    const answer = await breaker.list({ statuses: goingOn }, deadline);
    return answer.kind === 'listed' ? answer.listing.jobs : new Map();
  };
  const find = async (jobId: string): Promise<Job | null | undefined> => {
    if (listing === null) return undefined;
    if (listing.jobs.has(jobId)) return listing.jobs.get(jobId);
    // For another list there would be no time either.
    if (askedById++ < few || !listing.isComplete) return undefined;
    active ??= listActive();
    return (await active).get(jobId);
  };

  return {
    async read(jobId: string): Promise<Reading> {
      const job = await find(jobId);
      if (!job || !isEnough(job)) return await breaker.read(jobId, deadline);
      breaker.noteFound();
      return { kind: 'job', job };
    },
  };
}

/** Whether an entry of the list says all that a message needs. */
export const isEnough = (job: Job): boolean =>
  !isTerminal(job.status) || (job.name !== null && job.finishedAt !== null && job.statistics !== null);
