/**
 * All jobs of an environment that were queued within a window. It adapts to the API: how the list call pages, where it
 * ends, how it sorts, and which query parameters it accepts.
 */

import { isTerminal, type Job } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import { UpstreamError } from '../platform/errors.ts';
import { type AskPage, type GivenPage, readPages } from './job-list-pages.ts';
import { createListQuery } from './job-list-query.ts';
import { isInside, remainder, type Window } from './job-list-window.ts';
import type { PublishingApi } from './publishing-api.ts';
import type { JobPage } from './responses.ts';

export interface JobListQuery {
  /** ISO 8601, inclusive at both ends. */
  queuedFrom?: string | undefined;
  queuedTo?: string | undefined;
  /** Empty or left out: every status. */
  statuses?: string[] | undefined;
}

/** The jobs in the list. */
export interface JobListing {
  /**
   * By id. A job is null if its entry has no readable status. Such an entry, and a job whose `queuedAt` is null, may not
   * match the query: it holds nothing to filter by.
   */
  jobs: Map<string, Job | null>;
  /** Whether every job that matches the query is certainly here. */
  isComplete: boolean;
  /** Why the list ends early, if the API caused it. */
  error: UpstreamError | null;
  /** How many pages were requested, including refused ones. */
  calls: number;
  /** How many entries were skipped because they have no readable id. */
  skipped: number;
}

/** Reads the list before `deadline` (epoch milliseconds). Throws an `UpstreamError` if there is not even one page. */
export type JobList = (query: JobListQuery, deadline: number) => Promise<JobListing>;

/** The most requests that one list may cost, whatever the API returns. */
const mostCalls = 200;

/** Makes the list of one environment. It remembers what it learns about the API for as long as it lives. */
export function createJobList({ api, clock }: { api: Pick<PublishingApi, 'listJobs'>; clock: Clock }): JobList {
  const listQuery = createListQuery();

  return async ({ queuedFrom, queuedTo, statuses }, deadline) => {
    const asked: Window = { from: epoch(queuedFrom), to: epoch(queuedTo) };
    const jobs = new Map<string, Job | null>();
    let [calls, skipped] = [0, 0];

    const ask: AskPage = async (query) => {
      if (calls > 0 && (calls >= mostCalls || clock.now() >= deadline)) return null;
      calls += 1;
      return await api.listJobs(query, deadline);
    };
    const note = (page: JobPage): void => {
      skipped += page.entries - page.jobs.length;
      for (const { id, job } of page.jobs) jobs.set(id, later(jobs.get(id), job));
    };

    let isComplete = true;
    let error: UpstreamError | null = null;
    const windows: Window[] = [];
    const readWindow = async (window: Window, start: GivenPage): Promise<void> => {
      const { end, times, isRespected } = await readPages(
        { ask, note },
        { window, isPart: window !== asked, ...start },
      );
      if (end === 'whole') return;
      const left = end === 'cut' && isRespected && listQuery.acceptsTimes() ? remainder(window, times) : [];
      if (left.length === 0) isComplete = false;
      windows.unshift(...left);
    };

    const start = await listQuery.first(ask, { window: asked, statuses });
    try {
      await readWindow(asked, start);
      for (let window = windows.shift(); window !== undefined; window = windows.shift()) {
        const query = listQuery.of({ window, statuses });
        const page = await ask(query);
        if (page === null) isComplete = false;
        else await readWindow(window, { query, page });
      }
    } catch (cause) {
      if (!(cause instanceof UpstreamError)) throw cause;
      [isComplete, error] = [false, cause];
    }
    return { jobs: matching(jobs, asked, statuses), isComplete, error, calls, skipped };
  };
}

const epoch = (time: string | undefined): number | null => (time === undefined ? null : Date.parse(time));

/** Merges a later entry of a job into an earlier one: a job that has ended does not run again. */
function later(known: Job | null | undefined, job: Job | null): Job | null {
  if (!known) return job;
  return job === null || (isTerminal(known.status) && !isTerminal(job.status)) ? known : job;
}

/** Only the jobs that match the query: the API may have ignored or refused a filter. */
function matching(jobs: Map<string, Job | null>, window: Window, statuses: string[] = []): Map<string, Job | null> {
  const isAsked = (job: Job | null): boolean =>
    job === null ||
    ((job.queuedAt === null || isInside(Date.parse(job.queuedAt), window)) &&
      (statuses.length === 0 || statuses.includes(job.status)));
  return new Map([...jobs].filter(([, job]) => isAsked(job)));
}
