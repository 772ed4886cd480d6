/** The deliveries of a record, and which of them are due. Pure. */

import type { DecisionContext } from './decision-context.ts';
import type { Delivery, JobRecord, Notice, Outcome, TimeLimit } from './job.ts';

/** A delivery with the members of its key. */
export interface NamedDelivery extends Notice {
  key: string;
  channel: string;
  delivery: Delivery;
}

/**
 * The deliveries that a worker can process now, grouped by channel and in the order in which they were decided. A due
 * delivery includes the older ones of its channel, so that a correction never precedes what it corrects, and no message
 * is edited before it is posted. One that is to be looked up first waits, and so do the later ones of its channel.
 */
export function dueDeliveries(
  record: JobRecord,
  context: Pick<DecisionContext, 'now' | 'acceptsMessages' | 'recoveredAt' | 'lookedUp'>,
): NamedDelivery[] {
  const isDue = ({ delivery, channel }: NamedDelivery): boolean =>
    (Date.parse(delivery.nextAt ?? '') <= context.now || isAttemptedBefore(context.recoveredAt?.(channel), delivery)) &&
    context.acceptsMessages(channel);
  const pending = namedDeliveries(record).filter(({ delivery }) => isPending(delivery));
  const channels = [...new Set(pending.map(({ channel }) => channel))];
  return channels
    .map((name) => pending.filter(({ channel }) => channel === name))
    .map((ofChannel) => ofChannel.slice(0, ofChannel.findLastIndex(isDue) + 1))
    .flatMap((due) => until(due, (one) => isTooEarlyToLook(one, context)));
}

const until = <Item>(items: Item[], isEnd: (item: Item) => boolean): Item[] => {
  const end = items.findIndex(isEnd);
  return end < 0 ? items : items.slice(0, end);
};

/** How long after the beginning of an attempt a channel shows for certain whether it accepted the message. */
export const lookAfterMs = 65_000;

const isTooEarlyToLook = (
  { channel, delivery: { at, ambiguousSince } }: NamedDelivery,
  { now, lookedUp }: Pick<DecisionContext, 'now' | 'lookedUp'>,
): boolean =>
  lookedUp?.has(channel) === true && ambiguousSince !== null && at !== null && now - Date.parse(at) < lookAfterMs;

// The channel has worked since the last attempt, so there is no reason to wait longer.
const isAttemptedBefore = (recoveredAt: number | null | undefined, { at }: Delivery): boolean =>
  recoveredAt != null && at !== null && Date.parse(at) < recoveredAt;

/** All deliveries of a record in the order in which they were decided. */
export const namedDeliveries = ({ deliveries }: Pick<JobRecord, 'deliveries'>): NamedDelivery[] =>
  Object.entries(deliveries)
    .map(([key, delivery]) => ({ key, ...splitKey(key), delivery }))
    .sort((one, other) => Date.parse(one.delivery.createdAt) - Date.parse(other.delivery.createdAt));

/** The deliveries that the same channel accepted before this one, in their order. */
export const sentBefore = (
  record: JobRecord,
  { key, channel }: Pick<NamedDelivery, 'key' | 'channel'>,
): NamedDelivery[] =>
  until(namedDeliveries(record), (one) => one.key === key).filter(
    ({ channel: its, delivery }) => its === channel && delivery.state === 'sent',
  );

/** The members of a delivery's key. */
export function splitKey(key: string): Notice & { channel: string } {
  const [outcome, channel, limit] = key.split('/') as [Outcome, string, TimeLimit?];
  return limit ? { outcome, channel, limit } : { outcome, channel };
}

/** Whether a delivery is still to be sent. */
export const isPending = ({ state }: Delivery): boolean => state === 'pending';

/** A pause between two attempts counts in the retry window up to this length, in milliseconds. */
const longestPauseMs = 6 * 60 * 60_000;

/**
 * Since when the attempts of a delivery have failed, if one fails now with this error. The time before the first attempt
 * does not count, and a long pause counts in part: the channel may have worked, and nobody tried. A delivery that had to
 * wait for an earlier one, which died of the same error, counts that wait.
 */
export function failingSinceOf(
  record: Pick<JobRecord, 'deliveries'>,
  { channel, delivery }: Pick<NamedDelivery, 'channel' | 'delivery'>,
  error: string,
  now: number,
): string {
  const { failingSince, at, createdAt } = delivery;
  // A delivery that an earlier version stored has no `failingSince`.
  if (!failingSince || at === null) {
    const waitedFor = namedDeliveries(record).find(
      ({ channel: its, delivery: { state, error: reason, at: diedAt } }) =>
        its === channel && state === 'dead' && reason === error && diedAt !== null && diedAt >= createdAt,
    )?.delivery;
    if (!waitedFor?.failingSince) return iso(now);
    return waitedFor.failingSince > createdAt ? waitedFor.failingSince : createdAt;
  }
  const uncountedMs = Math.max(now - Date.parse(at) - longestPauseMs, 0);
  return iso(Date.parse(failingSince) + uncountedMs);
}

/** Whether the retry window of a delivery has passed: its attempts have failed for so long that it is dead. */
export const isOverdue = (
  { failingSince }: Pick<Delivery, 'failingSince'>,
  { now, timings }: Pick<DecisionContext, 'now' | 'timings'>,
): boolean => failingSince !== null && now - Date.parse(failingSince) >= timings.retryForMs;

/** Adds deliveries under these keys, due immediately. An existing delivery is not replaced. */
export function withNew(deliveries: Record<string, Delivery>, keys: string[], now: number): Record<string, Delivery> {
  // New deliveries sort after earlier ones, even if the clock of this worker is behind.
  const created = Math.max(now, ...Object.values(deliveries).map(({ createdAt }) => Date.parse(createdAt) + 1));
  const fresh: Delivery = {
    state: 'pending',
    attempts: 0,
    createdAt: iso(created),
    nextAt: iso(now),
    at: null,
    receipt: null,
    error: null,
    failingSince: null,
    ambiguousSince: null,
  };
  return { ...Object.fromEntries(keys.map((key) => [key, fresh])), ...deliveries };
}

const iso = (ms: number): string => new Date(ms).toISOString();
