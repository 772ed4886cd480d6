/** Builders of jobs, records, messages and their parts. A test names only the members that it is about. */

import type { DecisionContext } from '../../lib/domain/decision-context.ts';
import {
  type Check,
  type Decision,
  type Delivery,
  isTerminal,
  type Job,
  type JobRecord,
  type Reading,
  type Statistics,
  type Transition,
} from '../../lib/domain/job.ts';
import type { Message } from '../../lib/domain/message.ts';

export const second = 1_000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The present of the tests that need no clock. */
export const start = Date.parse('2026-01-20T12:00:00.000Z');
export const iso = (ms: number): string => new Date(ms).toISOString();
/** A moment so many milliseconds before `start`. */
export const ago = (ms: number): string => iso(start - ms);

export const jobName = { environment: 'production', jobId: 'job_41B25' };

export const someStatistics = (values: Partial<Statistics> = {}): Statistics => ({
  sent: 100,
  processed: 100,
  failed: 0,
  skipped: 0,
  deleted: 0,
  additional: 0,
  asOf: ago(0),
  ...values,
});

/** A job that was queued 20 minutes ago, has run for 10, and ended a minute ago if its status is terminal. */
export const someJob = (status = 'Completed', values: Partial<Job> = {}): Job => ({
  status,
  name: 'Nightly site publish',
  source: 'Pages',
  startedBy: null,
  startedByType: null,
  canceledBy: null,
  queuedAt: ago(20 * minute),
  startedAt: ago(10 * minute),
  finishedAt: isTerminal(status) ? ago(minute) : null,
  statistics: someStatistics(),
  ...values,
});

/** All members are null, except those given. */
const blank = <Value extends object>(like: Value, values: Partial<Value>): Value =>
  ({ ...Object.fromEntries(Object.keys(like).map((member) => [member, null])), ...values }) as Value;

/** A job about which the API says nothing but its status. */
export const bareJob = (status: string): Job => blank(someJob(), { status });
export const noStatistics: Statistics = blank(someStatistics(), {});

export const readingOf = (status: string, values: Partial<Job> = {}): Reading => ({
  kind: 'job',
  job: someJob(status, values),
});
export const notFound: Reading = { kind: 'notFound', error: 'no such job' };
export const unreadable: Reading = { kind: 'unreadable', error: 'answered 500' };

export const someCheck = (values: Partial<Check> = {}): Check => ({
  failures: 0,
  error: null,
  nextAt: ago(0),
  failingSince: null,
  ...values,
});

export const someDelivery = (values: Partial<Delivery> = {}): Delivery => ({
  state: 'pending',
  attempts: 0,
  createdAt: ago(0),
  nextAt: ago(0),
  at: null,
  receipt: null,
  error: null,
  failingSince: null,
  ambiguousSince: null,
  ...values,
});
export const sentDelivery = (values: Partial<Delivery> = {}): Delivery =>
  someDelivery({ state: 'sent', attempts: 1, nextAt: null, at: ago(0), receipt: 'ok', ...values });
export const deadDelivery = (values: Partial<Delivery> = {}): Delivery =>
  someDelivery({ state: 'dead', attempts: 99, nextAt: null, at: ago(0), error: 'no_service', ...values });

export const someTransition = (values: Partial<Transition> = {}): Transition => ({
  reason: 'finished',
  previousStatus: 'Running',
  outcome: 'completed',
  corrects: null,
  announce: true,
  ...values,
});

export const someDecision = (values: Partial<Decision> = {}): Decision => ({
  reason: 'finished',
  outcome: 'completed',
  status: 'Completed',
  previousStatus: 'Running',
  corrects: null,
  at: ago(minute),
  since: null,
  channels: ['team', 'events'],
  mention: null,
  rule: 'rules[0]',
  ...values,
});

/** The record of a running job, as its first write leaves it. */
export const someRecord = (values: Partial<JobRecord> = {}): JobRecord => ({
  ...jobName,
  revision: 1,
  writer: 'writer-1',
  status: 'Running',
  job: null,
  firstSeenAt: ago(0),
  changedAt: null,
  notFoundSince: null,
  check: someCheck(),
  watch: 'jobs',
  dueAt: start,
  pendingAt: null,
  lease: null,
  decision: null,
  superseded: {},
  exceeded: null,
  progress: null,
  deliveries: {},
  expiresAt: null,
  ...values,
});

/** The next write after a record. */
export const nextWrite = (record: JobRecord, writer: string, values: Partial<JobRecord> = {}): JobRecord => ({
  ...record,
  revision: record.revision + 1,
  writer,
  ...values,
});

/** A sweep at a time (epoch milliseconds) with two open channels, no rules and no time limits. */
export const contextAt = (now: number, values: Partial<DecisionContext> = {}): DecisionContext => ({
  now,
  writer: `writer-${now}`,
  leaseUntil: now + 85_000,
  conclude: true,
  acceptsMessages: () => true,
  rules: null,
  channels: ['team', 'events'],
  people: {},
  timeLimits: [],
  timings: {
    announceWithinMs: day,
    notFoundForMs: 10 * minute,
    unreadableForMs: 7 * day,
    retryForMs: 3 * day,
    keepForMs: 30 * day,
  },
  ...values,
});

export const someMessage = (values: Partial<Message> = {}): Message => ({
  title: 'Failed in production: Nightly site publish',
  look: { tone: 'bad', icon: '✕' },
  summary: 'Sitecore gives no reason.',
  context: {
    facts: ['Release pipeline', 'Pages'],
    time: { words: '', at: '2026-01-01T10:04:05.000Z' },
    jobId: 'job_1',
  },
  mention: null,
  mentioned: null,
  recipient: null,
  isLatest: true,
  decidedAt: '2026-01-01T10:04:07.000Z',
  link: null,
  document: {
    version: 1,
    jobId: 'job_1',
    environment: 'production',
    outcome: 'failed',
    status: 'Failed',
    previousStatus: 'Running',
    reason: 'finished',
    name: 'Nightly site publish',
    source: 'Pages',
    startedBy: 'Release pipeline',
    canceledBy: null,
    queuedAt: '2026-01-01T10:00:00.000Z',
    startedAt: '2026-01-01T10:00:05.000Z',
    finishedAt: '2026-01-01T10:04:05.000Z',
    durationSeconds: 240,
    statistics: null,
    url: null,
    correction: false,
    deduplicationId: 'd'.repeat(64),
    limit: null,
    limitMinutes: null,
    since: null,
    exceeded: [],
    published: null,
  },
  ...values,
});
