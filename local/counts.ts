/** Whether the promise holds: what the table says is due, against what the simulated channels received. */
import type { JobRecord, Notice } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import { namedDeliveries } from '../lib/domain/outbox.ts';
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
  /** Arrived once more than due. */
  repeated: number;
  /** Arrived, and the table does not know it yet: a worker that dies now leaves that open. */
  unrecorded: number;
}

/** Counts what was decided since a time (epoch milliseconds). No message may have come while the records were read. */
export function countMessages(records: JobRecord[], received: ReceivedMessage[], since: number): Counts {
  const arrived = new Map<string, number>();
  for (const message of received) arrived.set(keyOf(message), (arrived.get(keyOf(message)) ?? 0) + 1);
  const decided = records.flatMap((record) =>
    namedDeliveries(record).map(({ delivery, ...notice }) => {
      const keys = titlesOf(record, notice).map((title) => keyOf({ ...notice, jobId: record.jobId, title }));
      const count = keys.reduce((sum, key) => sum + (arrived.get(key) ?? 0), 0);
      return { keys, count, delivery };
    }),
  );
  const known = new Set(decided.flatMap(({ keys }) => keys));
  const due = decided.filter(({ delivery }) => Date.parse(delivery.createdAt) >= since);
  const delivered = due.filter(({ count }) => count > 0).length;
  const waiting = due.filter(({ count, delivery }) => count === 0 && delivery.state === 'pending').length;
  const unrecorded = due.filter(({ count, delivery }) => count > 0 && delivery.state === 'pending').length;
  const extra = due.reduce((sum, { count }) => sum + Math.max(0, count - 1), 0);
  const unasked = received.filter((message) => message.at >= since && !known.has(keyOf(message))).length;
  const lost = due.length - delivered - waiting;
  return { due: due.length, delivered, waiting, lost, repeated: extra + unasked, unrecorded };
}

/** The titles that a message may have: a delay is in the present or in the past, as it was when it was sent. */
function titlesOf(record: JobRecord, notice: Notice & { channel: string }): string[] {
  const { check } = record;
  const delay = notice.limit && record.exceeded?.[notice.limit]?.decision;
  const times = delay
    ? [
        { ...record, status: delay.status, check: { ...check, nextAt: delay.at } },
        { ...record, check: { ...check, nextAt: null } },
      ]
    : [record];
  return times.map((each) => messageOf(each, { ...notice, jobUrl: undefined }).title);
}

/** The status word tells the messages of one job apart: no outcome is announced twice to one channel. */
const keyOf = ({ channel, jobId, title }: Pick<ReceivedMessage, 'channel' | 'jobId' | 'title'>): string =>
  JSON.stringify([channel, jobId, title.split(':', 1)[0]]);
