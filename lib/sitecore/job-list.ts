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
  /** The parts of the query that were not read, for lack of time or calls or because of `error`. */
  left: JobListQuery[];
  /** Why the list ends early, if the API caused it. */
  error: UpstreamError | null;
  /** How many pages were requested, including refused ones. */
  calls: number;
  /** How many entries were skipped because they have no id that can be watched. */
  skipped: number;
  /** The organizations and tenants of all entries, those included that do not match the query. */
  tenants: Set<string>;
}

/**
 * Reads the list before `deadline` (epoch milliseconds) and with at most `mostCalls` requests. Throws an `UpstreamError`
 * if the API returns not even one page.
 */
export type JobList = (query: JobListQuery, deadline: number, mostCalls?: number) => Promise<JobListing>;

/** The most requests that one list may cost by default, whatever the API returns. */
const defaultMostCalls = 200;

/** Makes the list of one environment. It remembers what it learns about the API for as long as it lives. */
export function createJobList({ api, clock }: { api: Pick<PublishingApi, 'listJobs'>; clock: Clock }): JobList {
  const listQuery = createListQuery();

  return async ({ queuedFrom, queuedTo, statuses }, deadline, mostCalls = defaultMostCalls) => {
    const asked: Window = { from: epoch(queuedFrom), to: epoch(queuedTo) };
    const jobs = new Map<string, Job | null>();
    let [calls, skipped] = [0, 0];
    const tenants = new Set<string>();

    const ask: AskPage = async (query) => {
      if (calls > 0 && (calls >= mostCalls || clock.now() >= deadline)) return null;
      calls += 1;
      return await api.listJobs(query, deadline).catch(nullIfOutOfTime);
    };
    const note = (page: JobPage): void => {
      skipped += page.entries - page.jobs.length;
      for (const tenant of page.tenants) tenants.add(tenant);
      for (const { id, job } of page.jobs) jobs.set(id, later(jobs.get(id), job));
    };

    let isCut = false;
    let error: UpstreamError | null = null;
    /** What is still to be read; the first one is being read. */
    let windows: Window[] = [asked];
    /** False: there is no time for more. */
    const readFirst = async (start: GivenPage | null): Promise<boolean> => {
      const [window, ...others] = windows as [Window, ...Window[]];
      if (start === null) return false;
      const { end, times, isRespected } = await readPages(
        { ask, note },
        { window, isPart: window !== asked, ...start },
      );
      const rest = isRespected && listQuery.acceptsTimes() ? remainder(window, times) : [];
      if (end === 'stopped') windows = [...(rest.length > 0 ? rest : [window]), ...others];
      else windows = [...(end === 'cut' ? rest : []), ...others];
      if (end === 'cut' && rest.length === 0) isCut = true;
      return end !== 'stopped';
    };

    const start = await listQuery.first(ask, { window: asked, statuses });
    try {
      let isInTime = await readFirst(start);
      while (isInTime && windows[0]) {
        const query = listQuery.of({ window: windows[0], statuses });
        const page = await ask(query);
        isInTime = await readFirst(page && { query, page });
      }
    } catch (cause) {
      if (!(cause instanceof UpstreamError)) throw cause;
      error = cause;
    }
    const left = windows.map((window) => toQuery(window, statuses));
    return {
      jobs: matching(jobs, asked, statuses),
      isComplete: !isCut && left.length === 0,
      left,
      error,
      calls,
      skipped,
      tenants,
    };
  };
}

function nullIfOutOfTime(error: unknown): null {
  if (error instanceof UpstreamError && error.kind === 'outOfTime') return null;
  throw error;
}

const toQuery = ({ from, to }: Window, statuses: string[] | undefined): JobListQuery => ({
  ...(from === null ? {} : { queuedFrom: new Date(from).toISOString() }),
  ...(to === null ? {} : { queuedTo: new Date(to).toISOString() }),
  ...(statuses?.length ? { statuses } : {}),
});

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
