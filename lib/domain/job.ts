/**
 * The types that everything else is about: a job, what can happen to it, and its record in the table. Plain data.
 * Imports nothing, and every other file may import it.
 */

/** The statuses that the Publishing API documents. Any other status is kept as it is and is not terminal. */
const documentedStatuses: ReadonlySet<string> = new Set([
  'Queued',
  'Running',
  'Completed',
  'Failed',
  'Canceled',
  'Canceling',
]);
const terminalStatuses: ReadonlySet<string> = new Set(['Completed', 'Failed', 'Canceled']);

const documentedSpelling = new Map([...documentedStatuses].map((status) => [status.toLowerCase(), status]));

/** A status as the API documents it, if it differs only in case or is spelled `Cancelled` or `Cancelling`; else as it is. */
export const inDocumentedSpelling = (status: string): string =>
  documentedSpelling.get(status.toLowerCase().replace(/^cancell/, 'cancel')) ?? status;

/** Whether the Publishing API documents a status. */
export const isDocumented = (status: string): boolean => documentedStatuses.has(status);

/** Whether a status is terminal: a job never leaves it. */
export const isTerminal = (status: string | null): boolean => status !== null && terminalStatuses.has(status);

/**
 * What people are notified of: how a job ended, that its end is unknown, that it takes too long, or that it has started.
 * Rules match these; `started` only where they name it.
 */
export const outcomes = [
  'completed',
  'completedWithWarnings',
  'publishedNothing',
  'failed',
  'canceled',
  'lostTrack',
  'late',
  'stuck',
  'started',
] as const;
/**
 * The others belong to no job, and no rule matches them: an operator requested a `test` message, or the notifier itself
 * is in `trouble` or has `recovered`.
 */
export type Outcome = (typeof outcomes)[number] | 'test' | 'trouble' | 'recovered';

/** The time limits of a job. A job that exceeds one is `late` or `stuck`. */
export const timeLimitNames = ['queuedFor', 'runningFor', 'noProgressFor'] as const;
export type TimeLimit = (typeof timeLimitNames)[number];

/** The counters of a job. They are sums over locales, so `processed` can exceed `sent`. Null: the API gave no value. */
export interface Statistics {
  sent: number | null;
  processed: number | null;
  failed: number | null;
  skipped: number | null;
  deleted: number | null;
  additional: number | null;
  /** When Sitecore took the counters (ISO 8601, UTC). */
  asOf: string | null;
}

/** What a job publishes, as far as the API says it. */
export interface Published {
  /** `Site`, `Item`, ... */
  type: string | null;
  /** `Smart`, `Full`, ... */
  mode: string | null;
  locales: string[];
}

/** The parts of a publishing job that messages and rules use, limited in length. Times are ISO 8601 in UTC. */
export interface Job {
  /** A documented status, or any other text that the API returned, cut to 64 characters. */
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
  /** This and the next two are left out in records of earlier versions. */
  published?: Published | null;
  organizationId?: string | null;
  tenantId?: string | null;
}

/** The result of reading one job from the Publishing API. `error` is redacted and says what to do. */
export type Reading =
  | { kind: 'job'; job: Job }
  /** The API does not know the job (400 or 404). */
  | { kind: 'notFound'; error: string }
  /** The job could not be read: 403, 5xx, a time-out, or a response without a status. */
  | { kind: 'unreadable'; error: string; retryAfterMs?: number | undefined }
  /** There was no response, because the environment is paused or our own time ended. This says nothing about the job. */
  | { kind: 'notAsked'; error: string; retryAfterMs?: number | undefined; since: string | null; outOfTime?: true }
  /** The environment is no longer configured. */
  | { kind: 'environmentRemoved' };

/** What one message is about. A job can exceed several time limits; each is announced separately. */
export interface Notice {
  outcome: Outcome;
  /** Set for `late` and `stuck`. */
  limit?: TimeLimit | undefined;
}

/** Why the status of a job changed, or why a job is announced. */
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
  | 'test'
  | 'environmentUnreadable'
  | 'discoveryIncomplete'
  | 'channelFailing'
  | 'worksAgain';

/** The step from the last known status to the fetched one, with a reason. */
export interface Transition {
  reason: Reason;
  previousStatus: string | null;
  /** Null: there is nothing to announce. */
  outcome: Outcome | null;
  /** The outcome that was announced before and turned out wrong. */
  corrects: Outcome | null;
  /** Whether the routing rules apply. False for a job that ended too long ago. */
  announce: boolean;
  /** Since when the API has not known the job, or the job has been unreadable (ISO 8601). Set if that is the reason. */
  since?: string;
}

/** A mention that a rule requests: `here`, `channel`, or the ID of a Slack member (U, W) or user group (S). */
export type Mention = string;

/** The addresses of a person, as `people` lists them. */
export interface Person {
  /** The ID of the Slack member. */
  slack?: string | undefined;
  /** The address with which the person signs in to Teams. */
  teams?: string | undefined;
}

/** A person with the name under which `people` lists them. */
export interface NamedPerson extends Person {
  name: string;
}

/** Why a rule's channel that writes to the person who started the job gets no message. */
export type SkipReason =
  | 'startedByApplication'
  /** `people` lists no address of that person for this channel. */
  | 'notInPeople';

/** The channels to notify, and the rule that names them. Answers "why was I (not) notified?" */
export interface Route {
  channels: string[];
  /** The channels that the rule names and that get no message; left out: none. */
  skipped?: Record<string, SkipReason>;
  /** To whom personal channels write; left out if none is notified. */
  recipient?: NamedPerson;
  mention: Mention | null;
  /**
   * The person whom the rule mentions, for channels that do not know Slack's IDs. Left out if `people` lists no other
   * address of the person, and in decisions of earlier versions.
   */
  mentioned?: NamedPerson;
  /** `rules[2]`; `everyChannel` if no rules are configured; `noRule` if none matched. */
  rule: string;
}

/** The decision about a transition or about an exceeded time limit. It is stored, and every retry uses it. */
export interface Decision {
  reason: Reason;
  outcome: Outcome | null;
  status: string | null;
  previousStatus: string | null;
  corrects: Outcome | null;
  at: string;
  /** Since when the job had been unknown or unreadable, or the start of the exceeded time limit; else null. */
  since: string | null;
  channels: string[];
  skipped?: Record<string, SkipReason>;
  recipient?: NamedPerson;
  mention: Mention | null;
  mentioned?: NamedPerson;
  /** Null: the rules did not apply. */
  rule: string | null;
  /** What the notice is about, if it is about the notifier itself. */
  trouble?: Trouble | undefined;
}

/** Something that the notifier needs and that does not work. */
export interface Trouble {
  /** `discovery`: the environment can be read, but its list of jobs cannot. */
  kind: 'environment' | 'discovery' | 'channel';
  /** Of the environment or the channel. */
  name: string;
  /** Why, and what to do: the reason in the log line. */
  reason: string;
  /** ISO 8601. */
  since: string;
}

/** A time limit that a job exceeded. It is decided once and kept, however the job ends. */
export interface Exceeded {
  /** The limit at that time. */
  minutes: number;
  decision: Decision;
  /** The job as it was then. */
  job: Job;
}

/** The counters of a running job, and since when they have not changed. */
export interface Progress {
  statistics: Statistics;
  since: string;
}

/** One message of one outcome of one job to one channel. */
export interface Delivery {
  state: 'pending' | 'sent' | 'dead';
  attempts: number;
  createdAt: string;
  /** When to try next; null once it is sent or dead. */
  nextAt: string | null;
  /** The time of the last attempt. */
  at: string | null;
  /** What the channel returned: an SNS message ID, the place of a message in Slack, or `ok` from a Slack webhook. */
  receipt: string | null;
  error: string | null;
  /** Since when its attempts have failed, without longer pauses in which nothing was tried. Null: none has failed. */
  failingSince: string | null;
  /** Since when the delivery is ambiguous: the channel may have accepted a message whose receipt is not stored. */
  ambiguousSince: string | null;
}

/** The polling state of one job. */
export interface Check {
  failures: number;
  error: string | null;
  /** Null: the job is no longer polled. */
  nextAt: string | null;
  /** Since when the job has been unreadable; null: the last response was readable. */
  failingSince: string | null;
}

/** The period in which only one worker may deliver (epoch milliseconds). `owner` is unique per write. */
export interface Lease {
  owner: string;
  since: number;
  until: number;
}

/** The record of one job in the table. Exactly one of `watch` and `expiresAt` is set. */
export interface JobRecord {
  environment: string;
  jobId: string;
  /** The optimistic lock: grows with every write of the state. */
  revision: number;
  /** Identifies the last write of the state, so that a writer whose response was lost recognizes its own success. */
  writer: string;
  /** The last known status; null until the job has been read. */
  status: string | null;
  job: Job | null;
  firstSeenAt: string;
  changedAt: string | null;
  notFoundSince: string | null;
  check: Check;
  /** `jobs`: in the work list. `dead`: dead deliveries wait for a replay. */
  watch: 'jobs' | 'dead' | null;
  /** When the next action is due (epoch milliseconds). */
  dueAt: number | null;
  /** When the earliest pending delivery is due; null: none is pending. */
  pendingAt: string | null;
  lease: Lease | null;
  decision: Decision | null;
  /** The first decision of each earlier outcome that was announced, with the job as it was then. */
  superseded: Partial<Record<Outcome, { decision: Decision; job: Job | null }>>;
  /** The time limits that the job exceeded; null: none. */
  exceeded: Partial<Record<TimeLimit, Exceeded>> | null;
  /** Kept while `noProgressFor` applies. Not always the latest counters. */
  progress: Progress | null;
  /** By `deliveryKey`. */
  deliveries: Record<string, Delivery>;
  /** How many writes of single deliveries there were, which do not change `revision`; undefined: none. */
  receipts?: number;
  /** When the record expires (epoch seconds). */
  expiresAt: number | null;
}

/** An entry of the work list: what the index shows without reading the record. */
export type DueEntry = Pick<
  JobRecord,
  'environment' | 'jobId' | 'status' | 'notFoundSince' | 'check' | 'lease' | 'pendingAt'
> & { dueAt: number };

/**
 * The cooldown of an environment or a channel, which gets no requests until a time (epoch milliseconds). After a success
 * it is kept for a while, so that deliveries that wait for the channel become due, and operators are notified.
 */
export interface Cooldown {
  until: number;
  failures: number;
  reason: string;
  /** When the trouble began (ISO 8601). */
  since: string;
  /** When it ended (ISO 8601); left out: it lasts. */
  recoveredAt?: string;
}

/** What identifies a job: its environment and its ID there. */
export interface JobName {
  environment: string;
  jobId: string;
}

const jobIdPattern = /^[A-Za-z0-9_\-.~:;]{1,128}$/;

/** Whether a text is a valid job ID. */
export const isJobId = (text: string): boolean => jobIdPattern.test(text);

/** Further characters that are safe in a path when they are percent-encoded; `/`, `\\`, `%` and the like are not. */
const listedIdPattern = /^(?! )[A-Za-z0-9_\-.~:;{}()[\]@,+=!$' ]{1,128}(?<! )$/;

/**
 * Whether a job can be watched under the id that the list shows. Callers name jobs by `isJobId` alone; the list may use
 * other forms, such as `{GUID}`. Many gateways decode `%2F` and refuse `%25`: such an id would look like a missing job.
 */
export const isWatchableId = (text: string): boolean => listedIdPattern.test(text);

/** The partition key of a job. */
export const jobKey = ({ environment, jobId }: JobName): string => `${environment}#${jobId}`;

/** Reads the name of a job from its partition key. Names of environments contain no `#`. */
export function nameInKey(key: string): JobName {
  const end = key.indexOf('#');
  return { environment: key.slice(0, end), jobId: key.slice(end + 1) };
}

/** The key of a delivery in its record. */
export const deliveryKey = (outcome: Outcome, channel: string, limit?: TimeLimit): string =>
  [outcome, channel, ...(limit ? [limit] : [])].join('/');
