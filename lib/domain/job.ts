/**
 * The words of this project. Everything here is plain data: what a job is, what can happen to it, and what is kept of
 * it in the table. Imports nothing, and everything else may import it.
 */

/** The statuses that the Publishing API documents. Others are kept as they come, and are not terminal. */
const documentedStatuses: ReadonlySet<string> = new Set([
  'Queued',
  'Running',
  'Completed',
  'Failed',
  'Canceled',
  'Canceling',
]);
const terminalStatuses: ReadonlySet<string> = new Set(['Completed', 'Failed', 'Canceled']);

/** Whether the Publishing API documents a status. */
export const isDocumented = (status: string): boolean => documentedStatuses.has(status);

/** Whether a status is one that a job does not leave any more. */
export const isTerminal = (status: string | null): boolean => status !== null && terminalStatuses.has(status);

/** What a person needs to know about a job: how it ended, or why nobody knows, or what holds it up. Rules choose among these. */
export const outcomes = [
  'completed',
  'completedWithWarnings',
  'publishedNothing',
  'failed',
  'canceled',
  'lostTrack',
  'late',
  'stuck',
] as const;
/** `test` is no job's: an operator asked for a message. */
export type Outcome = (typeof outcomes)[number] | 'test';

/** How long a job may stay as it is before it is `late`, or `stuck`. */
export const timeLimitNames = ['queuedFor', 'runningFor', 'noProgressFor'] as const;
export type TimeLimit = (typeof timeLimitNames)[number];

/** The counters of a job: sums over locales, so `processed` can exceed `sent`. Null: the API did not say. */
export interface Statistics {
  sent: number | null;
  processed: number | null;
  failed: number | null;
  skipped: number | null;
  deleted: number | null;
  additional: number | null;
  /** When Sitecore counted (ISO 8601, UTC). */
  asOf: string | null;
}

/** What messages and rules need of a publishing job, cut to bounds. Times are ISO 8601 in UTC. */
export interface Job {
  /** One of those documented, or whatever else the API said, cut to 64 characters. */
  status: string;
  name: string | null;
  source: string | null;
  startedBy: string | null;
  startedByType: string | null;
  canceledBy: string | null;
  queuedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  statistics: Statistics | null;
}

/** What one look at the Publishing API gave for one job. `error` is fit for people: redacted, and says what to do. */
export type Reading =
  | { kind: 'job'; job: Job }
  /** The API says that there is no such job (400 or 404). */
  | { kind: 'notFound'; error: string }
  /** This job could not be read: 403, 5xx, time-out, an answer without a status. */
  | { kind: 'unreadable'; error: string; retryAfterMs?: number | undefined }
  /** The environment could not be asked at all, so nothing is known of the job, not even a failure of its own. */
  | { kind: 'notAsked'; error: string; retryAfterMs?: number | undefined; since: string | null }
  /** The configuration names no such environment any more. */
  | { kind: 'environmentRemoved' };

/** What one message is about. A job can be late for several limits, and each is told by itself. */
export interface Notice {
  outcome: Outcome;
  /** Left out: the outcome says it all. */
  limit?: TimeLimit | undefined;
}

/** Why the table's picture of a job changed, or why something is told of it. */
export type Reason =
  | 'firstSeen'
  | 'firstSeenFinished'
  | 'finishedLongAgo'
  | 'statusChanged'
  | 'foundAgain'
  | 'finished'
  | 'corrected'
  | 'notFound'
  | 'lostTrackNotFound'
  | 'lostTrackUnreadable'
  | 'environmentRemoved'
  | 'queuedTooLong'
  | 'runningTooLong'
  | 'noProgress'
  | 'test';

/** Last known status -> fetched status, with its reason. */
export interface Transition {
  reason: Reason;
  previousStatus: string | null;
  /** Set when there is something to tell. */
  outcome: Outcome | null;
  /** The outcome that was told before, and turned out otherwise. */
  corrects: Outcome | null;
  /** Whether the rules are asked. False for what ended too long ago to be news. */
  announce: boolean;
  /** Since when the API denies the job, or gives no readable answer (ISO 8601); set when that is the reason. */
  since?: string;
}

/** A mention that a rule asks for: `here`, `channel`, or the id of a Slack member (U, W) or user group (S). */
export type Mention = string;

/** Which channels a rule names, and which rule it was: "why was I (not) told?" */
export interface Route {
  channels: string[];
  mention: Mention | null;
  /** `rules[2]`; `everyChannel` when there are no rules; `noRule` when none matched. */
  rule: string;
}

/** What was decided about a transition, or about a limit. Stored, and used by every retry. */
export interface Decision {
  reason: Reason;
  outcome: Outcome | null;
  status: string | null;
  previousStatus: string | null;
  corrects: Outcome | null;
  at: string;
  /** Since when the API had denied the job, or had given no readable answer, or what a limit counts from; else null. */
  since: string | null;
  channels: string[];
  mention: Mention | null;
  /** Null when no rule was asked. */
  rule: string | null;
}

/** A limit that a job exceeded. Decided once, and kept whatever becomes of the job. */
export interface Exceeded {
  /** What the limit was. */
  minutes: number;
  decision: Decision;
  /** The job as it was then. */
  job: Job;
}

/** The counters of a running job, and since when they are known not to move. */
export interface Progress {
  statistics: Statistics;
  since: string;
}

/** One message of one outcome of one job to one channel. */
export interface Delivery {
  state: 'pending' | 'sent' | 'dead';
  attempts: number;
  createdAt: string;
  /** When to try (again); null once it is sent or dead. */
  nextAt: string | null;
  /** Time of the last attempt. */
  at: string | null;
  /** What the channel gave back: an SNS message id; `ok` from a Slack webhook. */
  receipt: string | null;
  error: string | null;
  /** Since when an attempt's fate is unknown: the channel may have accepted a message that we have no receipt for. */
  ambiguousSince: string | null;
}

/** Reading the API for one job: null `nextAt` means that nothing more is to be read. */
export interface Check {
  failures: number;
  error: string | null;
  nextAt: string | null;
  /** Since when no answer was readable; null while it is. */
  failingSince: string | null;
}

/** The time for which one worker alone may deliver. Epoch milliseconds; `owner` is unique per write. */
export interface Lease {
  owner: string;
  since: number;
  until: number;
}

/** The item of one job in the table. Exactly one of `watch` and `expiresAt` is set. */
export interface JobRecord {
  environment: string;
  jobId: string;
  /** Grows with every write of the state: the optimistic lock. */
  revision: number;
  /** Names the last state write, so that a writer whose answer was lost recognises its own success. */
  writer: string;
  /** Last known status; null until the API has answered for this job. */
  status: string | null;
  job: Job | null;
  firstSeenAt: string;
  changedAt: string | null;
  notFoundSince: string | null;
  check: Check;
  /** In the work list (`jobs`), or waiting for a replay of dead deliveries (`dead`). */
  watch: 'jobs' | 'dead' | null;
  /** Epoch milliseconds of the earliest thing to be done. */
  dueAt: number | null;
  /** When the earliest pending delivery is to be tried; null: none is pending. */
  pendingAt: string | null;
  lease: Lease | null;
  decision: Decision | null;
  /** The first decision of each outcome that was told and is not the present one, with the job as it was then. */
  superseded: Partial<Record<Outcome, { decision: Decision; job: Job | null }>>;
  /** The limits that the job exceeded; null: none. */
  exceeded: Partial<Record<TimeLimit, Exceeded>> | null;
  /** Kept while a limit asks for progress, and then not always the latest. */
  progress: Progress | null;
  /** By `deliveryKey`. */
  deliveries: Record<string, Delivery>;
  /** Epoch seconds after which the item may be forgotten. */
  expiresAt: number | null;
}

/** What an entry of the work list shows without reading its item. */
export type DueEntry = Pick<
  JobRecord,
  'environment' | 'jobId' | 'status' | 'notFoundSince' | 'check' | 'lease' | 'pendingAt'
> & { dueAt: number };

/** An environment or a channel that is left alone until a time (epoch milliseconds). */
export interface Cooldown {
  until: number;
  failures: number;
  reason: string;
  /** ISO 8601: when the trouble began. */
  since: string;
}

/** A job's name: the environment and the id within it. */
export interface JobName {
  environment: string;
  jobId: string;
}

const jobIdPattern = /^[A-Za-z0-9_\-.~:;]{1,128}$/;

/** Whether a text can be the id of a job. */
export const isJobId = (text: string): boolean => jobIdPattern.test(text);

/** The partition key of a job's item. */
export const jobKey = ({ environment, jobId }: JobName): string => `${environment}#${jobId}`;

/** The name that a key was made of: an environment's has no `#`. */
export function nameInKey(key: string): JobName {
  const end = key.indexOf('#');
  return { environment: key.slice(0, end), jobId: key.slice(end + 1) };
}

/** The key of a delivery in its item. */
export const deliveryKey = (outcome: Outcome, channel: string, limit?: TimeLimit): string =>
  [outcome, channel, ...(limit ? [limit] : [])].join('/');
