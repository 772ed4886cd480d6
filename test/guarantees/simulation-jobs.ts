/** The jobs of a simulation, as the Publishing API shows them. */

import { type JobName, jobKey, type Outcome } from '../../lib/domain/job.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

type Values = Partial<PublishingJobValues> & { outcome?: Outcome; countedBefore?: true; daysAgo?: number };

/** What a job can look like, and the outcome that is. */
export const looks = {
  unknown: null,
  queued: { status: 'Queued' },
  running: { status: 'Running' },
  canceling: { status: 'Canceling' },
  odd: { status: 'Paused by somebody' },
  completed: { status: 'Completed', outcome: 'completed' },
  /** Ended, but with counters from before the end: they may change. */
  early: { status: 'Completed', outcome: 'completed', countedBefore: true },
  /** Ended so long ago that it is no news when it is seen for the first time. */
  old: { status: 'Completed', outcome: 'completed', daysAgo: 2 },
  warnings: { status: 'Completed', failed: 3, outcome: 'completedWithWarnings' },
  nothing: { status: 'Completed', processed: 0, skipped: 7, outcome: 'publishedNothing' },
  failed: { status: 'Failed', outcome: 'failed' },
  canceled: { status: 'Canceled', outcome: 'canceled' },
} as const satisfies Record<string, Values | null>;
export type Look = keyof typeof looks;

export interface SimulatedJob extends JobName {
  key: string;
  look: Look;
  /** What the API answers with. */
  body: string;
  /** Null: not yet. */
  ended: { status: string; at: number; isOld: boolean } | null;
}

/** Two jobs of one environment, and one of the same name in another. */
const names: JobName[] = [
  { environment: 'production', jobId: 'job_1' },
  { environment: 'production', jobId: 'job_2' },
  { environment: 'staging', jobId: 'job_1' },
];

export const createJobs = (beginnings: Look[], now: number): SimulatedJob[] =>
  names.map((name, index) => {
    const job: SimulatedJob = { ...name, key: jobKey(name), look: 'unknown', body: '', ended: null };
    changeLook(job, beginnings[index] ?? 'unknown', now);
    return job;
  });

/** A job changes, if it can: what ended does not run again, nor end otherwise; but it may be counted anew, and denied. */
export function changeLook(job: SimulatedJob, look: Look, now: number): void {
  const its: Values | null = looks[look];
  if (job.ended && its && its.status !== job.ended.status) return;
  if (its?.outcome) {
    const { status = '', daysAgo = 0 } = its;
    job.ended ??= { status, at: now - daysAgo * day, isOld: daysAgo > 1 };
  }
  job.look = look;
  job.body = its ? bodyOf(job, its, now) : '';
}

function bodyOf({ jobId, key, ended }: SimulatedJob, look: Values, now: number): string {
  const { countedBefore, outcome: _, daysAgo: __, ...values } = look;
  const at = ended?.at ?? now;
  const lastReportTime = new Date(countedBefore ? at - minute : now).toISOString();
  return JSON.stringify(publishingJob({ id: jobId, name: key, at, lastReportTime, ...values }));
}
