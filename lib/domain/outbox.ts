/** The messages of a record: which there are, and which can be worked on now. Pure. */

import type { DecisionContext } from './decision-context.ts';
import type { Delivery, JobRecord, Notice, Outcome, TimeLimit } from './job.ts';

/** A delivery with what its key says. */
export interface NamedDelivery extends Notice {
  key: string;
  channel: string;
  delivery: Delivery;
}

/**
 * The deliveries that a worker can do something about now, by channel, each channel's in the order in which they were
 * decided: what is due takes along what is older, so that a correction never comes before what it corrects.
 */
export function dueDeliveries(
  record: JobRecord,
  context: Pick<DecisionContext, 'now' | 'isOpen' | 'timings'>,
): NamedDelivery[] {
  const isDue = ({ delivery, channel }: NamedDelivery): boolean =>
    Date.parse(delivery.nextAt ?? '') <= context.now && (context.isOpen(channel) || isOverdue(delivery, context));
  const pending = namedDeliveries(record).filter(({ delivery }) => isPending(delivery));
  const channels = [...new Set(pending.map(({ channel }) => channel))];
  return channels
    .map((name) => pending.filter(({ channel }) => channel === name))
    .flatMap((ofChannel) => ofChannel.slice(0, ofChannel.findLastIndex(isDue) + 1));
}

/** All deliveries of a record, in the order in which they were decided. */
export const namedDeliveries = ({ deliveries }: Pick<JobRecord, 'deliveries'>): NamedDelivery[] =>
  Object.entries(deliveries)
    .map(([key, delivery]) => ({ key, ...splitKey(key), delivery }))
    .sort((one, other) => Date.parse(one.delivery.createdAt) - Date.parse(other.delivery.createdAt));

/** What the key of a delivery says. */
export function splitKey(key: string): Notice & { channel: string } {
  const [outcome, channel, limit] = key.split('/') as [Outcome, string, TimeLimit?];
  return limit ? { outcome, channel, limit } : { outcome, channel };
}

/** Whether it is still to be sent. */
export const isPending = ({ state }: Delivery): boolean => state === 'pending';

/** Whether a delivery's retry window has passed. */
export const isOverdue = (delivery: Delivery, { now, timings }: Pick<DecisionContext, 'now' | 'timings'>): boolean =>
  now - Date.parse(delivery.createdAt) >= timings.retryForMs;

/** Deliveries with new ones under these keys, due at once. One that is there already is not replaced. */
export function withNew(deliveries: Record<string, Delivery>, keys: string[], now: number): Record<string, Delivery> {
  // They sort behind the earlier ones, though the clock of who decided may be behind.
  const created = Math.max(now, ...Object.values(deliveries).map(({ createdAt }) => Date.parse(createdAt) + 1));
  const fresh: Delivery = {
    state: 'pending',
    attempts: 0,
    createdAt: iso(created),
    nextAt: iso(now),
    at: null,
    receipt: null,
    error: null,
    ambiguousSince: null,
  };
  return { ...Object.fromEntries(keys.map((key) => [key, fresh])), ...deliveries };
}

const iso = (ms: number): string => new Date(ms).toISOString();
