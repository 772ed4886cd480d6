/** What the table should say of a job next, computed from what it says now. Pure. */

import { isDeepStrictEqual } from 'node:util';
import { announce, announceDelays, type DecisionTerms } from './announce.ts';
import {
  type Delivery,
  deliveryKey,
  isTerminal,
  type JobName,
  type JobRecord,
  type Reading,
  type Transition,
} from './job.ts';
import { isStale, nextPoll } from './next-poll.ts';
import {
  type DeliveryTerms,
  dueDeliveries,
  isPending,
  type NamedDelivery,
  namedDeliveries,
  withNew,
} from './outbox.ts';
import { decide, isNewer, type Limits } from './transition.ts';

/** Under which terms a worker may change a record. Times are epoch milliseconds. */
export interface Terms extends DecisionTerms, DeliveryTerms {
  /** Unique per write. */
  writer: string;
  /** Until when a lease taken now holds. */
  leaseUntil: number;
  /** Whether this worker may conclude that a job is gone. */
  conclude: boolean;
  limits: Limits & { retryForMs: number; keepForMs: number };
}

/** The next state of a record, and the transition that led there. `next` is null if nothing is worth a write. */
export interface Advance {
  next: JobRecord | null;
  transition: Transition | null;
}

/**
 * Takes a record one step on: compares it with a reading (none: only its deliveries are looked at), routes what is to
 * be told, and takes the lease when something can be sent at once.
 */
export function advance(known: JobRecord | undefined, name: JobName, given: Reading | null, terms: Terms): Advance {
  const base = expireLease(known ?? newRecord(name, terms.now), terms.now);
  const reading = given && isTooLate(base, given, terms) ? null : given;
  const prior = reading && isGivenUp(base) ? watchedAnew(base, terms.now) : base;
  const transition = reading && decide(prior, reading, terms);
  const observed = reading ? observe(prior, reading, transition, terms) : prior;
  const decided = transition ? announce(observed, prior, transition, terms) : observed;
  const goesOn = reading?.kind === 'job' && !isTerminal(decided.status);
  const leased = acquireLease(goesOn ? announceDelays(decided, reading.job, prior, terms) : decided, terms);
  const next = { ...leased, ...schedule(leased, terms) };

  if (known && isSame(known, next)) return { next: null, transition };
  return { next: { ...next, revision: base.revision + 1, writer: terms.writer }, transition };
}

/** The record after a worker is done with its deliveries: the lease given back, and what is to be done next. */
export function release(record: JobRecord, terms: Pick<Terms, 'now' | 'writer' | 'limits'>): JobRecord {
  const next = { ...record, lease: null, revision: record.revision + 1, writer: terms.writer };
  return { ...next, ...schedule(next, terms) };
}

/** The record of a test: no job, and a message to each of these channels that is to be sent as any other. */
export function testRecord(
  name: JobName,
  channels: string[],
  terms: Pick<Terms, 'now' | 'writer' | 'limits'>,
): JobRecord {
  const told = { outcome: 'test', status: null, previousStatus: null, corrects: null, since: null } as const;
  const record = newRecord(name, terms.now);
  const next: JobRecord = {
    ...record,
    revision: 1,
    writer: terms.writer,
    check: { ...record.check, nextAt: null },
    decision: { ...told, reason: 'test', at: iso(terms.now), channels, mention: null, rule: null },
    deliveries: withNew(
      {},
      channels.map((channel) => deliveryKey('test', channel)),
      terms.now,
    ),
  };
  return { ...next, ...schedule(next, terms) };
}

/** A record whose wanted dead deliveries are pending again, as if just decided, and the keys of those. */
export function revive(
  record: JobRecord,
  isWanted: (one: NamedDelivery) => boolean,
  terms: Pick<Terms, 'now' | 'writer' | 'limits'>,
): { next: JobRecord; revived: string[] } {
  const at = iso(terms.now);
  const wanted = namedDeliveries(record).filter((one) => one.delivery.state === 'dead' && isWanted(one));
  const deliveries = { ...record.deliveries };
  // A millisecond apart, in their old order: a correction must not come before what it corrects.
  for (const [index, { key, delivery }] of wanted.entries()) {
    deliveries[key] = { ...delivery, state: 'pending', createdAt: iso(terms.now + index), nextAt: at };
  }
  const next = { ...record, deliveries, revision: record.revision + 1, writer: terms.writer };
  return { next: { ...next, ...schedule(next, terms) }, revived: wanted.map(({ key }) => key) };
}

function newRecord({ environment, jobId }: JobName, now: number): JobRecord {
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

// Nothing more is read of it, though it did not end.
const isGivenUp = ({ check, status }: JobRecord): boolean => check.nextAt === null && !isTerminal(status);

// Two sweeps read a job in vain at the same time, and the other one has given it up meanwhile.
const isTooLate = (record: JobRecord, reading: Reading, { conclude }: Terms): boolean =>
  isGivenUp(record) && conclude && reading.kind !== 'job';

// A trigger asks for a job that was given up: its waits begin anew.
const watchedAnew = (record: JobRecord, now: number): JobRecord => ({
  ...record,
  notFoundSince: null,
  check: { failures: 0, error: null, nextAt: iso(now), failingSince: null },
});

function observe(prior: JobRecord, reading: Reading, transition: Transition | null, terms: Terms): JobRecord {
  const check = nextPoll(prior, reading, transition, terms);
  if (reading.kind === 'notFound' && !isTerminal(prior.status)) {
    return { ...prior, check, notFoundSince: prior.notFoundSince ?? iso(terms.now) };
  }
  if (reading.kind !== 'job' || isStale(prior, reading.job)) return { ...prior, check };
  const job = isTerminal(prior.status) && !isNewer(reading.job, prior.job) ? prior.job : reading.job;
  return { ...prior, check, notFoundSince: null, status: reading.job.status, job };
}

/** Takes the lease back when it ran out: the fate of what was pending under it is not known. */
function expireLease(record: JobRecord, now: number): JobRecord {
  const { lease } = record;
  if (!lease || lease.until > now) return record;
  const since = iso(lease.since);
  const doubt = (delivery: Delivery): Delivery =>
    isPending(delivery) ? { ...delivery, ambiguousSince: delivery.ambiguousSince ?? since } : delivery;
  const deliveries = Object.entries(record.deliveries).map(([key, delivery]) => [key, doubt(delivery)] as const);
  return { ...record, lease: null, deliveries: Object.fromEntries(deliveries) };
}

/** Takes the lease if it is free and there is something to send. */
function acquireLease(record: JobRecord, terms: Terms): JobRecord {
  if (record.lease || dueDeliveries(record, terms).length === 0) return record;
  return { ...record, lease: { owner: terms.writer, since: terms.now, until: terms.leaseUntil } };
}

/** When a record is due, or that it may be forgotten. */
function schedule(
  record: JobRecord,
  { now, limits }: Pick<Terms, 'now' | 'limits'>,
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
  const expiresAt = record.expiresAt ?? Math.ceil((now + limits.keepForMs) / 1_000);
  return { watch: null, dueAt: null, pendingAt, expiresAt };
}

// Moving counters alone are not worth a write: messages are made from the reading that brought the change.
const isSame = (known: JobRecord, next: JobRecord): boolean =>
  isDeepStrictEqual({ ...known, job: null }, { ...next, job: null });

const iso = (ms: number): string => new Date(ms).toISOString();
