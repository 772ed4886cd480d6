/** How long jobs may take before people are notified that they have not ended. Pure. */

import { isDeepStrictEqual } from 'node:util';
import type { DecisionContext, TimeLimitRule } from './decision-context.ts';
import {
  type Job,
  type JobRecord,
  type Outcome,
  type Progress,
  type Reason,
  type Statistics,
  type TimeLimit,
  timeLimitNames,
} from './job.ts';
import { matches, traitsOf } from './routing.ts';

type Context = Pick<DecisionContext, 'now' | 'timeLimits'>;

/** A time limit that a job exceeds, and what that means. */
export interface Excess {
  limit: TimeLimit;
  minutes: number;
  outcome: Outcome;
  reason: Reason;
  since: string;
}

/** The status in which each limit counts, and what exceeding it means. */
const meanings = {
  queuedFor: { status: 'Queued', outcome: 'late', reason: 'queuedTooLong' },
  runningFor: { status: 'Running', outcome: 'late', reason: 'runningTooLong' },
  noProgressFor: { status: 'Running', outcome: 'stuck', reason: 'noProgress' },
} as const satisfies Record<TimeLimit, { status: string; outcome: Outcome; reason: Reason }>;

/**
 * Whether a job may exceed a limit, judged by a reading alone. Only then must a sweep read the record, so that a job
 * within its limits costs neither a read nor a write.
 */
export const mayExceed = (environment: string, job: Job, { now, timeLimits }: Context): boolean =>
  limitsFor(environment, job, timeLimits).some(({ limit, ms }) => isNear(limit, ms, job, now));

/** The limits that a job newly exceeds, judged by its record after this reading. */
export function exceeding(record: JobRecord, job: Job, { now, timeLimits }: Context): Excess[] {
  return limitsFor(record.environment, job, timeLimits).flatMap(({ limit, minutes, ms }) => {
    const since = countedFrom(limit, record, job);
    if (since === null || !isOver(ms, since, now) || record.exceeded?.[limit]) return [];
    const { outcome, reason } = meanings[limit];
    return [{ limit, minutes, outcome, reason, since }];
  });
}

/**
 * The counters to keep after this reading, so that a later reading can show whether they moved. Counters that move all
 * the time are stored four times per limit, and not with every reading.
 */
export function progressOf(
  { environment, exceeded, progress }: JobRecord,
  job: Job,
  { now, timeLimits }: Context,
): Progress | null {
  const wanted = limitsFor(environment, job, timeLimits).find(({ limit }) => limit === 'noProgressFor');
  const { statistics } = job;
  if (!wanted || exceeded?.noProgressFor || !hasCounters(statistics)) return progress;
  const isKept = progress !== null && now - Date.parse(progress.since) < wanted.ms * keptShare;
  if (isKept || !haveMoved(statistics, progress?.statistics)) return progress;
  return { statistics, since: new Date(now).toISOString() };
}

const minute = 60_000;
/** Counters that were reported within this share of their limit count as moving; they need no comparison. */
const keptShare = 1 / 4;

interface Counting {
  limit: TimeLimit;
  minutes: number;
  ms: number;
}

/** The limits that apply to a job in its present status. */
function limitsFor(environment: string, job: Job, timeLimits: TimeLimitRule[]): Counting[] {
  const rule = timeLimits.find(({ when = {} }) => matches(when, traitsOf(environment, job)));
  return timeLimitNames.flatMap((limit) => {
    const minutes = rule?.[limit];
    return minutes !== undefined && job.status === meanings[limit].status
      ? [{ limit, minutes, ms: minutes * minute }]
      : [];
  });
}

function isNear(limit: TimeLimit, ms: number, { queuedAt, startedAt, statistics }: Job, now: number): boolean {
  switch (limit) {
    case 'queuedFor':
      return queuedAt === null || isOver(ms, queuedAt, now);
    case 'runningFor':
      return startedAt === null || isOver(ms, startedAt, now);
    case 'noProgressFor':
      return hasCounters(statistics) && !isRecent(ms, statistics, now);
  }
}

/** The start of a limit, from the API or else from the record. Null: the limit has not started. */
function countedFrom(limit: TimeLimit, record: JobRecord, { queuedAt, startedAt, statistics }: Job): string | null {
  const { firstSeenAt, changedAt, progress } = record;
  switch (limit) {
    case 'queuedFor':
      return queuedAt ?? firstSeenAt;
    case 'runningFor':
      // The job may have been queued before its first reading as running.
      return startedAt ?? changedAt;
    case 'noProgressFor':
      return progress && isDeepStrictEqual(progress.statistics, statistics) ? progress.since : null;
  }
}

const isOver = (ms: number, since: string, now: number): boolean => now - Date.parse(since) > ms;

// A list may show fewer counters than the job's own resource. A missing counter says nothing about movement.
const haveMoved = (statistics: Statistics, before: Statistics | undefined): boolean =>
  Object.entries(statistics).some(([name, value]) => value !== null && value !== before?.[name as keyof Statistics]);

// Counters that the API does not return cannot be seen to stand still.
const hasCounters = (statistics: Statistics | null): statistics is Statistics =>
  Object.values(statistics ?? {}).some((value) => value !== null);

// A time far in the future is no more recent than one far in the past.
const isRecent = (ms: number, { asOf }: Statistics, now: number): boolean =>
  asOf !== null && Math.abs(now - Date.parse(asOf)) < ms * keptShare;
