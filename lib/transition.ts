/** The decision: last known status against what was just read. Pure: the same values give the same transition. */

import { isTerminal, type Job, type JobRecord, type Outcome, type Reading, type Transition } from './job.ts';

/** The waits that decisions depend on, in milliseconds. */
export interface Limits {
  /** A job that ended longer than this before it was first seen is no news. */
  announceWithinMs: number;
  /** How long an API may deny a job before it counts as gone: it may be new, or the denial a hiccup. */
  deniedForMs: number;
  /** How long a job may stay unreadable before people are told. */
  unreadableForMs: number;
}

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
  terms: { now: number; limits: Limits; conclude: boolean },
): Transition | null {
  if (reading.kind === 'job') return compare(known, reading.job, terms.limits);
  if (isTerminal(known.status)) return null;

  const gone = (reason: Transition['reason'], outcome: Outcome | null): Transition => ({
    reason,
    previousStatus: known.status,
    outcome,
    corrects: null,
    announce: outcome !== null,
  });
  if (reading.kind === 'environmentRemoved') {
    return known.check.nextAt === null ? null : gone('environmentRemoved', null);
  }

  const { limits, now, conclude } = terms;
  const lasted = (since: string | null, ms: number) => conclude && since !== null && now - Date.parse(since) >= ms;
  if (reading.kind === 'notFound') {
    if (!lasted(known.notFoundSince, limits.deniedForMs)) return null;
    return known.status === null ? gone('notFound', null) : gone('lostTrackNotFound', 'lostTrack');
  }
  return lasted(unreadableSince(known, reading), limits.unreadableForMs)
    ? gone('lostTrackUnreadable', 'lostTrack')
    : null;
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

function compare(known: Known, job: Job, limits: Limits): Transition | null {
  const first = known.status === null;
  const change = { previousStatus: known.status, corrects: null };
  if (!isTerminal(job.status)) {
    if (isTerminal(known.status) || job.status === known.status) return null;
    return { ...change, reason: first ? 'firstSeen' : 'statusChanged', outcome: null, announce: false };
  }
  const outcome = outcomeOf(job);
  if (isTerminal(known.status)) {
    const told = outcomeOf(known.job);
    // What was no news, or went to nobody's channels because it was too old, needs no correction either.
    const announce = known.decision?.rule != null;
    return told === outcome ? null : { ...change, reason: 'corrected', outcome, corrects: told, announce };
  }
  if (first && endedLongBefore(known.firstSeenAt, job, limits)) {
    return { ...change, reason: 'finishedLongAgo', outcome, announce: false };
  }
  return { ...change, reason: first ? 'firstSeenFinished' : 'finished', outcome, announce: true };
}

const endedLongBefore = (firstSeenAt: string, job: Job, limits: Limits): boolean =>
  job.finishedAt !== null && Date.parse(firstSeenAt) - Date.parse(job.finishedAt) > limits.announceWithinMs;

function unreadableSince(known: Known, reading: Reading): string | null {
  if (reading.kind !== 'notAsked') return known.check.failingSince;
  // The environment has rested since then, but this job may be younger than that.
  return reading.since === null || reading.since > known.firstSeenAt ? reading.since : known.firstSeenAt;
}
