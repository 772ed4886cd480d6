/** The circuit breaker of one environment's API within an invocation. It opens when further requests would fail. */

import { backoffMs, clampWaitMs } from '../domain/backoff.ts';
import type { Reading } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import { UpstreamError } from '../platform/errors.ts';
import type { Connection } from '../platform/http.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { JobList, JobListing, JobListQuery } from '../sitecore/job-list.ts';
import type { PublishingApi } from '../sitecore/publishing-api.ts';
import type { CooldownState } from './cooldown.ts';

export interface ApiBreaker {
  /** Reads a job, or returns why it could not. Throws only for bugs. `connection` is one that the API opened for it. */
  read(jobId: string, deadline: number, connection?: Connection): Promise<Reading>;
  /** Lists jobs, or returns why it could not. */
  list(query: JobListQuery, deadline: number, mostCalls?: number): Promise<Listed>;
  /** Counts a watched job that a list contained. */
  noteFound(): void;
  /** The number of watched jobs that were found in this invocation. */
  found(): number;
  /** Whether requests are allowed. */
  allowsRequests(): boolean;
  /** Records trouble if requests failed in this invocation and none succeeded. Call it after the last request. */
  noteOutage(): Promise<void>;
  /** Opens for an environment whose API no longer knows its jobs. */
  openAsForeign(notFound: number): Promise<void>;
}

/** The result of a list call. */
export type Listed =
  | { kind: 'listed'; listing: JobListing }
  /** The list call failed. Reading jobs by their IDs may still work. */
  | { kind: 'failed'; error: string }
  | { kind: 'notAsked' };

/** After this many failures in a row, the API counts as down, rather than the jobs as bad. */
const failuresThatMeanDown = 10;

export function createApiBreaker(
  deps: { api: Pick<PublishingApi, 'getJob'>; jobList: JobList; clock: Clock; log: Log; metrics: Metrics },
  environment: string,
  cooldown: CooldownState,
): ApiBreaker {
  const { api, jobList, clock, log, metrics } = deps;
  let openedBecause: string | undefined;
  let failuresInARow = 0;
  let found = 0;
  let hasWorked = false;
  /** Why a request failed for a reason that is not recorded yet. */
  let failure: string | undefined;

  /** Opens the breaker for this invocation. False: it was open already. */
  const open = (reason: string): boolean => {
    if (openedBecause !== undefined) return false;
    openedBecause = reason;
    // Not every one is recorded: the list may work while jobs cannot be read.
    metrics.count('trouble');
    log.error('environment paused', { environment, reason });
    return true;
  };

  const notAsked = (): Reading => {
    const { reason, until, since } = cooldown.current() ?? { reason: '', until: 0, since: null };
    const retryAfterMs = until > clock.now() ? until - clock.now() : undefined;
    return { kind: 'notAsked', error: openedBecause ?? reason, retryAfterMs, since };
  };

  const explain = async (error: UpstreamError): Promise<Reading> => {
    const { kind, message, retryAfterMs } = error;
    if (kind === 'outOfTime') return { kind: 'notAsked', error: message, since: null, outOfTime: true };
    switch (kind) {
      case 'notFound':
        failuresInARow = 0;
        return { kind: 'notFound', error: message };
      case 'credentialRefused':
        if (open(message)) await cooldown.begin(message, backoffMs);
        return notAsked();
      case 'rateLimited':
      case 'tokenUnavailable':
        open(message);
        await cooldown.begin(message, retryAfterMs === undefined ? undefined : () => clampWaitMs(retryAfterMs));
        return notAsked();
      case 'forbidden':
        failure = message;
        return { kind: 'unreadable', error: message };
      default:
        failuresInARow += 1;
        failure = message;
        if (failuresInARow === failuresThatMeanDown) {
          open(`the API is down: ${failuresInARow} failures in a row, the last one: ${message}`);
        }
        return { kind: 'unreadable', error: message, retryAfterMs: retryAfterMs && clampWaitMs(retryAfterMs) };
    }
  };

  const allowsRequests = () => openedBecause === undefined && !cooldown.isCoolingDown();

  return {
    allowsRequests,
    found: () => found,
    noteFound() {
      found += 1;
    },
    async list(query, deadline, mostCalls) {
      if (!allowsRequests()) return { kind: 'notAsked' };
      try {
        const listing = await jobList(query, deadline, mostCalls);
        hasWorked = true;
        if (openedBecause === undefined) await cooldown.end();
        return { kind: 'listed', listing };
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        // A refused credential or a rate limit also applies to reading jobs by their IDs.
        if (/^(credentialRefused|rateLimited|tokenUnavailable)$/.test(error.kind)) await explain(error);
        // The API works, even if it does not offer this list.
        else if (!/^(notFound|queryRefused)$/.test(error.kind)) failure = error.message;
        return allowsRequests() ? { kind: 'failed', error: error.message } : { kind: 'notAsked' };
      }
    },
    async read(jobId, deadline, connection) {
      if (!allowsRequests()) return notAsked();
      try {
        const job = await api.getJob(jobId, deadline, connection);
        failuresInARow = 0;
        hasWorked = true;
        found += 1;
        // A request that was sent before the failure does not prove recovery.
        if (openedBecause === undefined) await cooldown.end();
        return { kind: 'job', job };
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        return await explain(error);
      }
    },
    async noteOutage() {
      // A refused credential and a rate limit are recorded when they occur.
      const isRecorded = openedBecause !== undefined && failuresInARow < failuresThatMeanDown;
      if (failure !== undefined && !hasWorked && !isRecorded) await cooldown.begin(failure);
    },
    async openAsForeign(notFound) {
      const reason =
        `the API no longer knows ${notFound} jobs and found none: the credential most likely belongs to another ` +
        'tenant now';
      if (open(reason)) await cooldown.begin(reason, backoffMs);
    },
  };
}
