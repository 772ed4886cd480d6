/** When a job is polled next, and why the last poll failed. Pure. */

import { backoffMs, clampWaitMs } from './backoff.ts';
import type { DecisionContext } from './decision-context.ts';
import { type Check, isTerminal, type Job, type JobRecord, type Reading, type Transition } from './job.ts';
import { isFinal, unreadableSince } from './transition.ts';

/** Whether a reading is stale: a job that has ended does not run again. */
export const isStale = (prior: JobRecord, job: Job): boolean => isTerminal(prior.status) && !isTerminal(job.status);

/** The next polling state of a job after a reading. */
export function nextPoll(
  prior: JobRecord,
  reading: Reading,
  transition: Transition | null,
  { now, timings }: Pick<DecisionContext, 'now' | 'timings'>,
): Check {
  const { check } = prior;
  const ended = isTerminal(prior.status);
  const healthy = { failures: 0, error: null, failingSince: null };
  // The job is no longer polled; a trigger has named it again.
  if (ended && check.nextAt === null) return check;
  // The end is known and announced. The wait for its final counters is bounded.
  const bringsNothing = reading.kind !== 'job' || isStale(prior, reading.job);
  if (
    ended &&
    bringsNothing &&
    now - Date.parse(unreadableSince(prior, reading) ?? iso(now)) >= timings.unreadableForMs
  ) {
    return { ...check, nextAt: null };
  }

  const hasLeft = transition !== null && reading.kind !== 'job';
  const nextAt = hasLeft || ended ? null : check.nextAt;
  switch (reading.kind) {
    case 'job':
      if (isStale(prior, reading.job)) return backOff(check, `the API now returns ${reading.job.status}`, now);
      if (!ended && isTerminal(reading.job.status)) {
        return { ...healthy, nextAt: isFinal(reading.job) ? null : iso(now) };
      }
      return { ...healthy, nextAt: check.failures > 0 && nextAt !== null ? iso(now) : nextAt };
    case 'environmentRemoved':
      return { ...check, nextAt: null };
    case 'notFound':
      return { ...healthy, error: reading.error, nextAt };
    case 'notAsked':
      return hasLeft ? { ...check, nextAt: null } : waitFor(prior, reading, now);
    case 'unreadable':
      return hasLeft
        ? { ...check, error: reading.error, nextAt: null }
        : backOff(check, reading.error, now, reading.retryAfterMs);
  }
}

const backOff = (check: Check, error: string, now: number, retryAfterMs = 0): Check => ({
  failures: check.failures + 1,
  error,
  nextAt: iso(now + Math.max(backoffMs(check.failures + 1), clampWaitMs(retryAfterMs))),
  failingSince: check.failingSince ?? iso(now),
});

// A known job stays due as it was. A new job records why it has no status yet.
const waitFor = (prior: JobRecord, reading: { error: string }, now: number): Check =>
  prior.revision === 0 ? { ...prior.check, error: reading.error, nextAt: iso(now) } : prior.check;

const iso = (ms: number): string => new Date(ms).toISOString();
