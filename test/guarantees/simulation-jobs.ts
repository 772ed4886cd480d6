/** The jobs of a simulation, as the Publishing API shows them. */

import { type JobName, jobKey, type Outcome } from '../../lib/domain/job.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { type ShownJob, shownJob } from '../support/simulated-world.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

type Values = Partial<PublishingJobValues> & { outcome?: Outcome; countedBefore?: true; daysAgo?: number };

/** The states that a job can be in, and the outcome of each. */
export const states = {
  unknown: null,
  queued: { status: 'Queued' },
  running: { status: 'Running' },
  canceling: { status: 'Canceling' },
  odd: { status: 'Paused by somebody' },
  completed: { status: 'Completed', outcome: 'completed' },
  /** Ended, but the counters are older than the end, so they may still change. */
  early: { status: 'Completed', outcome: 'completed', countedBefore: true },
  /** Ended so long ago that it is not announced when it is seen for the first time. */
  old: { status: 'Completed', outcome: 'completed', daysAgo: 2 },
  warnings: { status: 'Completed', failed: 3, outcome: 'completedWithWarnings' },
  nothing: { status: 'Completed', processed: 0, skipped: 7, outcome: 'publishedNothing' },
  failed: { status: 'Failed', outcome: 'failed' },
  canceled: { status: 'Canceled', outcome: 'canceled' },
} as const satisfies Record<string, Values | null>;
export type State = keyof typeof states;

export interface SimulatedJob extends JobName {
  key: string;
  state: State;
  /** What the API responds with; null: 404. */
  shown: ShownJob | null;
  /** Null: not yet. */
  ended: { status: string; at: number; isOld: boolean } | null;
}

/** Two jobs of one environment, and one with the same id in another. */
const names: JobName[] = [
  { environment: 'production', jobId: 'job_1' },
  { environment: 'production', jobId: 'job_2' },
  { environment: 'staging', jobId: 'job_1' },
];

export const createJobs = (): SimulatedJob[] =>
  names.map((name) => ({ ...name, key: jobKey(name), state: 'unknown', shown: null, ended: null }));

/** The outcome that the API shows for a job. */
export const shownOutcome = ({ state }: SimulatedJob): Outcome | undefined => (states[state] as Values | null)?.outcome;

/** Changes a job, if possible. An ended job keeps its status, but its counters may change, and it may become unknown. */
export function changeState(job: SimulatedJob, state: State, now: number): void {
  const values: Values | null = states[state];
  if (job.ended && values && values.status !== job.ended.status) return;
  if (values?.outcome) {
    const { status = '', daysAgo = 0 } = values;
    job.ended ??= { status, at: now - daysAgo * day, isOld: daysAgo > 1 };
  }
  job.state = state;
  job.shown = values && shownJob(job, documentOf(job, values, now));
}

function documentOf({ jobId, ended }: SimulatedJob, state: Values, now: number): object {
  const { countedBefore, outcome: _, daysAgo: __, ...values } = state;
  const at = ended?.at ?? now;
  const lastReportTime = new Date(countedBefore ? at - minute : now).toISOString();
  return publishingJob({ id: jobId, at, lastReportTime, ...values });
}
