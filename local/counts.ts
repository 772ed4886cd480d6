/** Whether the promise holds: what the table says is due, against what the simulated channels received. */
import type { JobRecord } from '../lib/domain/job.ts';
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
  /** Arrived once more than due. An edit is not a repetition. */
  repeated: number;
  /** Arrived, and the table does not know it yet: a worker that dies now leaves that open. */
  unrecorded: number;
}

/** Counts what was decided since a time (epoch milliseconds). No message may have come while the records were read. */
export function countMessages(records: JobRecord[], received: ReceivedMessage[], since: number): Counts {
  const arrivals = received.filter(({ change }) => change?.kind !== 'deleted');
  const arrived = new Set(arrivals.map(keyOf));
  // An edit notifies nobody, so an outcome may be edited in and also be told in the thread.
  const told = new Map<string, number>();
  for (const message of arrivals) {
    if (message.change?.kind !== 'edited') told.set(keyOf(message), (told.get(keyOf(message)) ?? 0) + 1);
  }
  const decided = records.flatMap((record) =>
    namedDeliveries(record).map(({ channel, outcome, limit, delivery }) => {
      const { title } = messageOf(record, { outcome, limit, channel, jobUrl: undefined });
      return { key: keyOf({ channel, jobId: record.jobId, title }), delivery };
    }),
  );
  const known = new Set(decided.map(({ key }) => key));
  const due = decided.filter(({ delivery }) => Date.parse(delivery.createdAt) >= since);
  const delivered = due.filter(({ key }) => arrived.has(key)).length;
  const waiting = due.filter(({ key, delivery }) => !arrived.has(key) && delivery.state === 'pending').length;
  const unrecorded = due.filter(({ key, delivery }) => arrived.has(key) && delivery.state === 'pending').length;
  const extra = due.reduce((sum, { key }) => sum + Math.max(0, (told.get(key) ?? 0) - 1), 0);
  const unasked = arrivals.filter((message) => message.at >= since && !known.has(keyOf(message))).length;
  const lost = due.length - delivered - waiting;
  return { due: due.length, delivered, waiting, lost, repeated: extra + unasked, unrecorded };
}

/** The status word tells the messages of one job apart: no outcome is announced twice to one channel. */
const keyOf = ({ channel, jobId, title }: Pick<ReceivedMessage, 'channel' | 'jobId' | 'title'>): string =>
  JSON.stringify([channel, jobId, inThePast(title.split(':', 1)[0] ?? '')]);

/** A message about a delay was made while it lasted; the record may show that it is over. */
const inThePast = (word: string): string =>
  word.replace(', still ', ', was still ').replace(/^(Stuck in [^, ]+)(?=$| )/, '$1, was without progress');
