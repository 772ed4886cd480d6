/** The next record of a job, computed from the present one. Pure. */

import { isDeepStrictEqual } from 'node:util';
import { announce, announceDelays } from './announce.ts';
import type { DecisionContext } from './decision-context.ts';
import {
  type Decision,
  type Delivery,
  deliveryKey,
  isTerminal,
  type JobName,
  type JobRecord,
  type Outcome,
  type Reading,
  type Transition,
} from './job.ts';
import { isStale, nextPoll } from './next-poll.ts';
import { dueDeliveries, isPending, type NamedDelivery, namedDeliveries, withNew } from './outbox.ts';
import { isNewer } from './transition.ts';

/** What a decision starts from: the record that a reading is compared with, and the reading if it counts. */
export interface Basis {
  prior: JobRecord;
  reading: Reading | null;
}

/**
 * Prepares a decision. A job without a record gets one, an expired lease is taken back, and a job that was given up is
 * watched again. The reading does not count if another sweep has given up the job meanwhile.
 */
export function basisOf(
  known: JobRecord | undefined,
  name: JobName,
  given: Reading | null,
  context: DecisionContext,
): Basis {
  const base = expireLease(known ?? newRecord(name, context.now), context.now);
  const reading = given && isTooLate(base, given, context) ? null : given;
  return { prior: reading && isGivenUp(base) ? watchedAgain(base, context.now) : base, reading };
}

/**
 * The next state of a record after a reading and its transition: updates what is known of the job, adds the deliveries,
 * and acquires the lease if something can be sent now. Without a reading, only the deliveries count. Null if there is
 * nothing to write.
 */
export function advance(
  known: JobRecord | undefined,
  { prior, reading }: Basis,
  transition: Transition | null,
  context: DecisionContext,
): JobRecord | null {
  const observed = reading ? observe(prior, reading, transition, context) : prior;
  const decided = transition ? announce(observed, prior, transition, context) : keepAnnounced(observed, prior);
  const goesOn = reading?.kind === 'job' && !isTerminal(decided.status);
  const leased = acquireLease(goesOn ? announceDelays(decided, reading.job, prior, context) : decided, context);
  const next = { ...leased, ...schedule(leased, context) };

  if (known && isSame(known, next)) return null;
  return { ...next, revision: prior.revision + 1, writer: context.writer };
}

/** The record after a worker has finished its deliveries: the lease is released, and the next due time is set. */
export function release(record: JobRecord, context: Pick<DecisionContext, 'now' | 'writer' | 'timings'>): JobRecord {
  const next = { ...record, lease: null, revision: record.revision + 1, writer: context.writer };
  return { ...next, ...schedule(next, context) };
}

/** The record of a test message: no job, and one delivery to each of these channels, sent as any other. */
export const testRecord = (name: JobName, channels: string[], context: NoticeContext): JobRecord =>
  withNotice(newRecord(name, context.now), { outcome: 'test', reason: 'test' }, channels, context);

type NoticeContext = Pick<DecisionContext, 'now' | 'writer' | 'timings'>;

/** Adds a notice that is about no job: the decision, and one delivery to each of these channels. */
export function withNotice(
  record: JobRecord,
  { trouble, ...notice }: Pick<Decision, 'reason' | 'trouble'> & { outcome: Outcome },
  channels: string[],
  context: NoticeContext,
): JobRecord {
  const facts = { status: null, previousStatus: null, corrects: null, mention: null, rule: null };
  const { decision: earlier } = record;
  const next: JobRecord = {
    ...record,
    revision: record.revision + 1,
    writer: context.writer,
    check: { ...record.check, nextAt: null },
    decision: {
      ...facts,
      ...notice,
      since: trouble?.since ?? null,
      at: iso(context.now),
      channels,
      ...(trouble ? { trouble } : {}),
    },
    superseded: earlier?.outcome ? { [earlier.outcome]: { decision: earlier, job: null } } : {},
    deliveries: withNew(
      record.deliveries,
      channels.map((channel) => deliveryKey(notice.outcome, channel)),
      context.now,
    ),
  };
  return { ...next, ...schedule(next, context) };
}

/** Makes the selected dead deliveries pending again, as if they were just decided. Returns the record and their keys. */
export function revive(
  record: JobRecord,
  isWanted: (one: NamedDelivery) => boolean,
  context: Pick<DecisionContext, 'now' | 'writer' | 'timings'>,
): { next: JobRecord; revived: string[] } {
  const at = iso(context.now);
  const wanted = namedDeliveries(record).filter((one) => one.delivery.state === 'dead' && isWanted(one));
  const deliveries = { ...record.deliveries };
  // One millisecond apart, in their old order: a correction must not precede what it corrects.
  for (const [index, { key, delivery }] of wanted.entries()) {
    deliveries[key] = {
      ...delivery,
      state: 'pending',
      createdAt: iso(context.now + index),
      nextAt: at,
      failingSince: null,
    };
  }
  const next = { ...record, deliveries, revision: record.revision + 1, writer: context.writer };
  return { next: { ...next, ...schedule(next, context) }, revived: wanted.map(({ key }) => key) };
}

/** The record of a job that is seen for the first time. */
export function newRecord({ environment, jobId }: JobName, now: number): JobRecord {
  return {
    environment,
    jobId,
    revision: 0,
    writer: '',
    status: null,
    job: null,
    firstSeenAt: iso(now),
    changedAt: null,
    notFoundSince: null,
    check: { failures: 0, error: null, nextAt: iso(now), failingSince: null },
    watch: 'jobs',
    dueAt: now,
    pendingAt: null,
    lease: null,
    decision: null,
    superseded: {},
    exceeded: null,
    progress: null,
    deliveries: {},
    expiresAt: null,
  };
}

/** Whether a job was given up: it has not ended as far as its record shows, and is no longer polled. */
export const isGivenUp = ({ check, status }: Pick<JobRecord, 'check' | 'status'>): boolean =>
  check.nextAt === null && !isTerminal(status);

// Two sweeps failed to read a job at the same time, and the other one has given it up meanwhile.
const isTooLate = (record: JobRecord, reading: Reading, { conclude }: DecisionContext): boolean =>
  isGivenUp(record) && conclude && reading.kind !== 'job';

// A trigger names a job that was given up, or the list shows it: its waits start again.
const watchedAgain = (record: JobRecord, now: number): JobRecord => ({
  ...record,
  notFoundSince: null,
  check: { failures: 0, error: null, nextAt: iso(now), failingSince: null },
});

function observe(
  prior: JobRecord,
  reading: Reading,
  transition: Transition | null,
  context: DecisionContext,
): JobRecord {
  const check = nextPoll(prior, reading, transition, context);
  if (reading.kind === 'notFound' && !isTerminal(prior.status)) {
    return { ...prior, check, notFoundSince: prior.notFoundSince ?? iso(context.now) };
  }
  if (reading.kind !== 'job' || isStale(prior, reading.job)) return { ...prior, check };
  const job = isTerminal(prior.status) && !isNewer(reading.job, prior.job) ? prior.job : reading.job;
  return { ...prior, check, notFoundSince: null, status: reading.job.status, job };
}

/**
 * Keeps the job as it was announced while a message about it may be on its way: later counters must not change what the
 * next attempt sends.
 */
function keepAnnounced(observed: JobRecord, prior: JobRecord): JobRecord {
  const { decision, job, superseded, lease } = prior;
  const outcome = decision?.outcome;
  if (!outcome || superseded[outcome] || isDeepStrictEqual(observed.job, job)) return observed;
  const isBegun = namedDeliveries(prior).some(
    ({ outcome: announced, delivery }) =>
      announced === outcome &&
      delivery.state !== 'sent' &&
      (delivery.attempts > 0 || delivery.ambiguousSince !== null || lease !== null),
  );
  return isBegun ? { ...observed, superseded: { ...superseded, [outcome]: { decision, job } } } : observed;
}

/** Takes back an expired lease. Deliveries that were pending under it become ambiguous. */
function expireLease(record: JobRecord, now: number): JobRecord {
  const { lease } = record;
  if (!lease || lease.until > now) return record;
  const since = iso(lease.since);
  const ambiguous = (delivery: Delivery): Delivery =>
    isPending(delivery) ? { ...delivery, ambiguousSince: delivery.ambiguousSince ?? since } : delivery;
  const deliveries = Object.entries(record.deliveries).map(([key, delivery]) => [key, ambiguous(delivery)] as const);
  return { ...record, lease: null, deliveries: Object.fromEntries(deliveries) };
}

/** Acquires the lease if it is free and something can be sent. */
function acquireLease(record: JobRecord, context: DecisionContext): JobRecord {
  if (record.lease || dueDeliveries(record, context).length === 0) return record;
  return { ...record, lease: { owner: context.writer, since: context.now, until: context.leaseUntil } };
}

/** When a record is due next, or when it expires. */
function schedule(
  record: JobRecord,
  { now, timings }: Pick<DecisionContext, 'now' | 'timings'>,
): Pick<JobRecord, 'watch' | 'dueAt' | 'pendingAt' | 'expiresAt'> {
  const deliveries = Object.values(record.deliveries);
  const [pendingAt = null] = deliveries.flatMap(({ nextAt }) => nextAt ?? []).sort();
  const watched = (watch: 'jobs' | 'dead', dueAt: number) => ({ watch, dueAt, pendingAt, expiresAt: null });
  if (record.lease) return watched('jobs', record.lease.until);
  const times = [record.check.nextAt, pendingAt].flatMap((time) => (time === null ? [] : [Date.parse(time)]));
  if (times.length > 0) return watched('jobs', Math.min(...times));
  if (deliveries.some(({ state }) => state === 'dead')) {
    const waitingSince = record.watch === 'dead' ? record.dueAt : null;
    return watched('dead', waitingSince ?? now);
  }
  const expiresAt = record.expiresAt ?? Math.ceil((now + timings.keepForMs) / 1_000);
  return { watch: null, dueAt: null, pendingAt, expiresAt };
}

// Moving counters alone cause no write: a message is made from the reading that brought the change.
const isSame = (known: JobRecord, next: JobRecord): boolean =>
  isDeepStrictEqual({ ...known, job: null }, { ...next, job: null });

const iso = (ms: number): string => new Date(ms).toISOString();
