/** Whether the promise holds: what the table says is due, against what the simulated channels received. */
import { decisionOf } from '../lib/domain/announce.ts';
import type { JobRecord } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import { type NamedDelivery, namedDeliveries } from '../lib/domain/outbox.ts';
import type { ReceivedMessage } from './received.ts';

/** Messages, counted. `due` = `delivered` + `waiting` + `lost`. */
export interface Counts {
  /** One for each channel that a decision names. */
  due: number;
  delivered: number;
  /** Not there yet, and still to be sent. */
  waiting: number;
  /** Not there, and nothing will send it any more. */
  lost: number;
  /** Arrived once more than due. An edit is not a repetition. */
  repeated: number;
  /** Arrived, and the table does not know it yet: a worker that dies now leaves that open. */
  unrecorded: number;
}

/** Counts what was decided, or arrived, since a time (epoch milliseconds). No message may have come while the records were read. */
export function countMessages(records: JobRecord[], received: ReceivedMessage[], since: number): Counts {
  const arrivals = received.filter(({ change }) => change?.kind !== 'deleted');
  const arrived = new Set(arrivals.map(keyOf));
  // An edit notifies nobody, so an outcome may be edited in and also be a reply in the thread.
  const notified = Map.groupBy(
    arrivals.filter(({ change }) => change?.kind !== 'edited'),
    keyOf,
  );
  const decided = records.flatMap((record) =>
    namedDeliveries(record).map((named) => {
      const keys = keysOf(record, named);
      const times = keys.reduce((sum, key) => sum + (notified.get(key)?.length ?? 0), 0);
      return { keys, delivery: named.delivery, hasArrived: keys.some((key) => arrived.has(key)), times };
    }),
  );
  const known = new Set(decided.flatMap(({ keys }) => keys));
  const lately = new Set(arrivals.filter(({ at }) => at >= since).map(keyOf));
  const due = decided.filter(
    ({ keys, delivery }) => Date.parse(delivery.createdAt) >= since || keys.some((key) => lately.has(key)),
  );
  const isPending = ({ delivery }: (typeof due)[number]) => delivery.state === 'pending';
  const delivered = due.filter(({ hasArrived }) => hasArrived);
  const waiting = due.filter((one) => !one.hasArrived && isPending(one)).length;
  const extra = due.reduce((sum, { times }) => sum + Math.max(0, times - 1), 0);
  const unasked = arrivals.filter((message) => message.at >= since && !known.has(keyOf(message))).length;
  return {
    due: due.length,
    delivered: delivered.length,
    waiting,
    lost: due.length - delivered.length - waiting,
    repeated: extra + unasked,
    unrecorded: delivered.filter(isPending).length,
  };
}

/** The keys that a delivery's message may have: a delay is in the past when it is over. */
function keysOf(record: JobRecord, { channel, ...notice }: NamedDelivery): string[] {
  const status = decisionOf(record, notice).decision?.status ?? record.status;
  const during = { ...record, status, check: { ...record.check, nextAt: record.firstSeenAt } };
  const over = { ...record, check: { ...record.check, nextAt: null } };
  const titles = [during, over].map((one) => messageOf(one, { ...notice, channel, jobUrl: undefined }).title);
  return [...new Set(titles.map((title) => keyOf({ channel, jobId: record.jobId, title })))];
}

/** The status word tells the messages of one job apart: no outcome is announced twice to one channel. */
const keyOf = ({ channel, jobId, title }: Pick<ReceivedMessage, 'channel' | 'jobId' | 'title'>): string =>
  JSON.stringify([channel, jobId, title.split(':', 1)[0]]);
