/** Decides what changed: compares the last known status of a job with what was just read. Pure. */

import type { DecisionContext, Timings } from './decision-context.ts';
import { isTerminal, type Job, type JobRecord, type Outcome, type Reading, type Transition } from './job.ts';

/** The members of a record that a decision depends on. */
export type Known = Pick<JobRecord, 'status' | 'job' | 'decision' | 'firstSeenAt' | 'notFoundSince' | 'check'>;

/**
 * Compares the known state of a job with a reading. Returns the transition and its reason, or null if nothing changed.
 *
 * Only a worker with `conclude` may decide that a job is gone. That is a sweep: it reads the whole environment, and can
 * distinguish a missing job from a credential that now belongs to another tenant.
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
  const toleratedMs = isNotFound ? timings.notFoundForMs : timings.unreadableForMs;
  if (!conclude || since === null || now - Date.parse(since) < toleratedMs) return null;
  if (isNotFound && known.status === null) return { ...gone, reason: 'notFound', since };
  const reason = isNotFound ? 'lostTrackNotFound' : 'lostTrackUnreadable';
  return { ...gone, reason, outcome: 'lostTrack', announce: true, since };
}

/** The outcome of a terminal job. Null for a job that has not ended. */
export function outcomeOf(job: Job | null): Outcome | null {
  if (job?.status === 'Failed') return 'failed';
  if (job?.status === 'Canceled') return 'canceled';
  if (job?.status !== 'Completed') return null;
  const { failed, processed, skipped } = job.statistics ?? {};
  if (failed) return 'completedWithWarnings';
  return processed === 0 && skipped ? 'publishedNothing' : 'completed';
}

/** Whether the counters of a terminal job were taken after its end. Only then its outcome is final. */
export function isFinal(job: Job): boolean {
  const { finishedAt, statistics } = job;
  return statistics?.asOf != null && (finishedAt === null || statistics.asOf >= finishedAt);
}

/** Whether a later reading of an ended job supersedes an earlier one: it has another status or newer counters. */
export function isNewer(job: Job, earlier: Job | null): boolean {
  if (job.status !== earlier?.status) return true;
  const [counted, before] = [job.statistics, earlier.statistics];
  if (counted?.failed == null) return false;
  // A counter that a later reading omits is still valid.
  const isKept = (count: 'processed' | 'skipped') => counted[count] !== null || before?.[count] == null;
  if (!isKept('processed') || !isKept('skipped')) return false;
  // Counters without a time count as older than any others.
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
    if (first && hasStarted(job)) return { ...change, reason: 'firstSeen', outcome: 'started', announce: true };
    return { ...change, reason: first ? 'firstSeen' : 'statusChanged', outcome: null, announce: false };
  }
  const outcome = outcomeOf(job);
  if (isTerminal(known.status)) {
    const earlier = outcomeOf(known.job);
    if (earlier === outcome || !isNewer(job, known.job)) return null;
    // An outcome that was not announced needs no correction.
    const announce = known.decision?.rule != null;
    return { ...change, reason: 'corrected', outcome, corrects: earlier, announce };
  }
  if (first && endedLongBefore(known.firstSeenAt, job, timings)) {
    return { ...change, reason: 'finishedLongAgo', outcome, announce: false };
  }
  return { ...change, reason: first ? 'firstSeenFinished' : 'finished', outcome, announce: true };
}

const hasStarted = ({ status }: Job): boolean => status === 'Queued' || status === 'Running';

/** The clocks of Sitecore and of this worker may differ by this much. */
const clockToleranceMs = 10 * 60_000;

/**
 * Whether a job ended too long before it was first seen. A job that has ended without saying when may have had a record
 * that has expired: if it last showed a sign of life before such a record would have expired, it is not announced again.
 */
function endedLongBefore(firstSeenAt: string, job: Job, { announceWithinMs, keepForMs }: Timings): boolean {
  const seenAt = Date.parse(firstSeenAt);
  if (seenAt - Date.parse(job.finishedAt ?? firstSeenAt) > announceWithinMs) return true;
  const signs = [job.queuedAt, job.startedAt, job.statistics?.asOf].flatMap((time) => (time ? [Date.parse(time)] : []));
  return job.finishedAt === null && signs.length > 0 && seenAt - Math.max(...signs) > keepForMs - clockToleranceMs;
}

/** Since when a job has been unreadable, by its own failures or because its environment is paused; null if neither. */
export function unreadableSince(
  { check, firstSeenAt }: Pick<Known, 'check' | 'firstSeenAt'>,
  reading: Reading,
): string | null {
  if (reading.kind !== 'notAsked' || reading.since === null) return check.failingSince;
  // The pause may be older than the job, and the job may have failed before the pause.
  const pausedSince = reading.since > firstSeenAt ? reading.since : firstSeenAt;
  const failingSince = check.failingSince ?? pausedSince;
  return failingSince < pausedSince ? failingSince : pausedSince;
}
