/** The decision: last known status against what was just read. Pure: the same values give the same transition. */

import type { DecisionContext, Timings } from './decision-context.ts';
import { isTerminal, type Job, type JobRecord, type Outcome, type Reading, type Transition } from './job.ts';

/** What a decision needs to know of the job's record. */
export type Known = Pick<JobRecord, 'status' | 'job' | 'decision' | 'firstSeenAt' | 'notFoundSince' | 'check'>;

/**
 * Compares what is known of a job with what was read, and names what changed; null if nothing did.
 *
 * `conclude` is whether this worker may say that a job is gone. Only a sweep may: it sees the whole environment, and so
 * can tell a job that is gone from a credential that now belongs to another tenant.
 */
export function decide(
  known: Known,
  reading: Reading,
  { now, conclude, timings }: Pick<DecisionContext, 'now' | 'conclude' | 'timings'>,
): Transition | null {
  if (reading.kind === 'job') return compare(known, reading.job, timings);
  if (isTerminal(known.status)) return null;

  const gone = { previousStatus: known.status, outcome: null, corrects: null, announce: false };
  if (reading.kind === 'environmentRemoved') return { ...gone, reason: 'environmentRemoved' };
  const isNotFound = reading.kind === 'notFound';
  const since = isNotFound ? known.notFoundSince : unreadableSince(known, reading);
  const patienceMs = isNotFound ? timings.notFoundForMs : timings.unreadableForMs;
  if (!conclude || since === null || now - Date.parse(since) < patienceMs) return null;
  if (isNotFound && known.status === null) return { ...gone, reason: 'notFound', since };
  const reason = isNotFound ? 'lostTrackNotFound' : 'lostTrackUnreadable';
  return { ...gone, reason, outcome: 'lostTrack', announce: true, since };
}

/** What a terminal job means for a person. A job that is not terminal has no outcome yet: null. */
export function outcomeOf(job: Job | null): Outcome | null {
  if (job?.status === 'Failed') return 'failed';
  if (job?.status === 'Canceled') return 'canceled';
  if (job?.status !== 'Completed') return null;
  const { failed, processed, skipped } = job.statistics ?? {};
  if (failed) return 'completedWithWarnings';
  return processed === 0 && skipped ? 'publishedNothing' : 'completed';
}

/** Whether the counters of a terminal job were taken after its end, so that its outcome is final. */
export function isFinal(job: Job): boolean {
  const { finishedAt, statistics } = job;
  return statistics?.asOf != null && (finishedAt === null || statistics.asOf >= finishedAt);
}

/** Whether a later reading of a job that ended says more than an earlier one: another status, or newer counters. */
export function isNewer(job: Job, earlier: Job | null): boolean {
  if (job.status !== earlier?.status) return true;
  const [counted, before] = [job.statistics, earlier.statistics];
  if (counted?.failed == null) return false;
  // What is not told any more is not gone.
  const isTold = (count: 'processed' | 'skipped') => counted[count] !== null || before?.[count] == null;
  if (!isTold('processed') || !isTold('skipped')) return false;
  // Counters of an unknown time are older than any others.
  return (counted.asOf ?? '') >= (before?.asOf ?? '');
}

function compare(known: Known, job: Job, timings: Timings): Transition | null {
  const first = known.status === null;
  const change = { previousStatus: known.status, corrects: null };
  if (!isTerminal(job.status)) {
    if (isTerminal(known.status)) return null;
    if (known.decision?.outcome === 'lostTrack') {
      return { ...change, reason: 'foundAgain', outcome: null, announce: false };
    }
    if (job.status === known.status) return null;
    return { ...change, reason: first ? 'firstSeen' : 'statusChanged', outcome: null, announce: false };
  }
  const outcome = outcomeOf(job);
  if (isTerminal(known.status)) {
    const told = outcomeOf(known.job);
    if (told === outcome || !isNewer(job, known.job)) return null;
    // What was no news needs no correction either.
    const announce = known.decision?.rule != null;
    return { ...change, reason: 'corrected', outcome, corrects: told, announce };
  }
  if (first && endedLongBefore(known.firstSeenAt, job, timings)) {
    return { ...change, reason: 'finishedLongAgo', outcome, announce: false };
  }
  return { ...change, reason: first ? 'firstSeenFinished' : 'finished', outcome, announce: true };
}

const endedLongBefore = (firstSeenAt: string, job: Job, timings: Timings): boolean =>
  Date.parse(firstSeenAt) - Date.parse(job.finishedAt ?? firstSeenAt) > timings.announceWithinMs;

/** Since when no answer was readable: by the job's own failures, or because its environment rests; null if neither. */
export function unreadableSince(
  { check, firstSeenAt }: Pick<Known, 'check' | 'firstSeenAt'>,
  reading: Reading,
): string | null {
  if (reading.kind !== 'notAsked' || reading.since === null) return check.failingSince;
  // The environment has rested since then, but the job may be younger than that, or have failed before.
  const restedSince = reading.since > firstSeenAt ? reading.since : firstSeenAt;
  const failingSince = check.failingSince ?? restedSince;
  return failingSince < restedSince ? failingSince : restedSince;
}
