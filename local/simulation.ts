/** The publishing jobs of the demo. Each one is a plan; what the API shows is a function of the plan and the time. */
import { randomBytes } from 'node:crypto';
import { isoTime, type Person, type PublishingJob, publishingJob } from './publishing-job.ts';

/** How a simulated job can end. */
export const plannedOutcomes = [
  'completed',
  'completedWithWarnings',
  'publishedNothing',
  'failed',
  'canceled',
] as const;
export type PlannedOutcome = (typeof plannedOutcomes)[number];

/** The plan of a job: from `queuedAt` (epoch milliseconds) on it works for `seconds` to reach its outcome. */
export interface JobPlan {
  id: string;
  name: string;
  source: string;
  startedBy: Person;
  canceledBy: Person | null;
  outcome: PlannedOutcome;
  queuedAt: number;
  seconds: number;
  /** Counted once per locale, as Sitecore does. */
  items: number;
  locales: string[];
  /** Whether a pipeline hands it over. Discovery finds the others. */
  isHandedOver: boolean;
  /** The period in which it runs without progress (epoch milliseconds). */
  hangs: { from: number; until: number } | null;
  /** The start of the demo that planned it, counted from 1. Left out: a person started it. */
  run?: number;
}

/** The people and the pipeline that start the jobs. */
export const people = {
  jane: { id: 'auth0|5f7c8ec7c33c6c004bbafe82', name: 'Jane Editor', type: 'User' },
  sam: { id: 'auth0|60a1b2c3d4e5f60071a2b3c4', name: 'Sam Author', type: 'User' },
  pipeline: { id: 'Zx3v9Qm1rT8yPq7LkJh2', name: 'Release pipeline', type: 'Application' },
} as const satisfies Record<string, Person>;

/** Plans a job that is queued now. Values that are left out are typical of Sitecore. */
export const planJob = (values: Partial<JobPlan>, now: number): JobPlan => ({
  id: `job_${randomBytes(16).toString('hex')}`,
  name: 'Campaign landing pages',
  source: 'Pages',
  startedBy: people.jane,
  canceledBy: values.outcome === 'canceled' ? people.sam : null,
  outcome: 'completed',
  queuedAt: now,
  seconds: 12,
  items: 184,
  locales: ['en', 'de'],
  isHandedOver: true,
  hangs: null,
  ...values,
});

/** When a planned job ends, in epoch milliseconds. */
export const endOf = ({ queuedAt, seconds, hangs }: JobPlan): number =>
  queuedAt + seconds * 1000 + (hangs ? hangs.until - hangs.from : 0);

/** The job as the Publishing API shows it at the time `now`. */
export function simulatedJob(plan: JobPlan, now: number): PublishingJob {
  const end = endOf(plan);
  const progress = progressAt(plan, now);
  const ended = progress >= 1;
  const status = statusAt(plan, progress);
  const isQueued = status === 'Queued';
  return publishingJob({
    id: plan.id,
    name: plan.name,
    source: plan.source,
    status,
    queuedTime: isoTime(plan.queuedAt),
    startTime: isQueued ? null : isoTime(plan.queuedAt + plan.seconds * 1000 * queuedShare),
    finishTime: ended ? isoTime(end) : null,
    lastReportTime: isoTime(isHanging(plan, now) ? plan.hangs.from : Math.min(now, end)),
    createdBy: plan.startedBy,
    canceledBy: status.startsWith('Cancel') ? plan.canceledBy : null,
    locales: plan.locales,
    ...countersAt(plan, isQueued ? 0 : Math.min(1, (progress - queuedShare) / (1 - queuedShare))),
  });
}

/** The share of its time that a job is queued, and the share that a cancellation takes. */
const queuedShare = 0.2;
const cancelingShare = 0.2;

const endStatus: Record<PlannedOutcome, string> = {
  completed: 'Completed',
  completedWithWarnings: 'Completed',
  publishedNothing: 'Completed',
  failed: 'Failed',
  canceled: 'Canceled',
};

/** The share of its time that a job has worked; 1 or more when it has ended. */
function progressAt({ queuedAt, seconds, hangs }: JobPlan, now: number): number {
  const hung = hangs ? Math.max(0, Math.min(now, hangs.until) - hangs.from) : 0;
  return (now - hung - queuedAt) / (seconds * 1000);
}

const isHanging = (plan: JobPlan, now: number): plan is JobPlan & { hangs: object } =>
  !!plan.hangs && plan.hangs.from <= now && now < plan.hangs.until;

function statusAt({ outcome }: JobPlan, progress: number): string {
  if (progress < queuedShare) return 'Queued';
  if (progress >= 1) return endStatus[outcome];
  return outcome === 'canceled' && progress >= 1 - cancelingShare ? 'Canceling' : 'Running';
}

/** The share of its items that a job reaches if it does not complete. */
const reach: Partial<Record<PlannedOutcome, number>> = { failed: 0.43, canceled: 0.61 };

/** The counters when the share `progress` of the run is over. Sending is ahead of processing. */
function countersAt({ outcome, items, locales }: JobPlan, progress: number) {
  const all = items * locales.length * (reach[outcome] ?? 1);
  if (outcome === 'publishedNothing') return { sent: 0, processed: 0, skipped: Math.round(all * progress) };
  const additional = Math.round(all * 0.003 * progress);
  const failedShare = outcome === 'completedWithWarnings' ? 0.012 : outcome === 'failed' ? 0.08 : 0;
  return {
    sent: Math.round(all * Math.min(1, progress * 1.4)),
    // Sitecore processes items that it adds itself, so this ends above the number of items sent.
    processed: Math.round(all * progress) + additional,
    failed: Math.round(all * failedShare * progress ** 2),
    skipped: Math.round(all * 0.15 * progress),
    deleted: Math.round(all * 0.004 * progress),
    additional,
  };
}
