/** The table: one item per job, and a few marks. Every write of a job's state is one conditional write. */

import type { Delivery, DueEntry, JobName, JobRecord } from '../domain/job.ts';

/** Where records live. Errors of the table itself are thrown as the SDK throws them. */
export interface Store {
  /** Reads a record, as of its last write. */
  get(job: JobName): Promise<JobRecord | undefined>;
  /**
   * Writes the state that `next` describes, if the record still is what `known` was (undefined: if there is none).
   * Deliveries that `known` lacks are added, dead ones may become pending; of the others only `ambiguousSince` is
   * written. With `settled`, also
   * requires that no delivery is pending. `record` is what the table holds afterwards, whoever won.
   */
  save(next: JobRecord, known: JobRecord | undefined, options?: { settled?: boolean }): Promise<Saved>;
  /** Writes one delivery, unless it is `sent` already. Needs neither lease nor revision. */
  saveDelivery(job: JobName, key: string, delivery: Delivery): Promise<void>;
  /** The work list up to a time, the longest due first, in pages. `after` goes on behind an entry seen before. */
  due(until: number, after?: Cursor): AsyncIterable<DueEntry[]>;
  /** What has dead deliveries and nothing else to do, in pages. */
  dead(): AsyncIterable<DueEntry[]>;
  /** Records of an environment that left the work list because it was no longer configured. */
  removedWith(environment: string): AsyncIterable<JobRecord[]>;
  /** The keys of those jobs that have a record. */
  known(jobs: JobName[]): Promise<Set<string>>;
  readMarks(keys: string[]): Promise<Map<string, object>>;
  writeMark(key: string, mark: object): Promise<void>;
  /** Writes a mark that holds until a time (epoch milliseconds). False: there is one that still holds. */
  claim(key: string, times: { now: number; until: number }): Promise<boolean>;
  /** Removes a mark; with `since`, only while that is what it says. */
  removeMark(key: string, since?: string): Promise<void>;
}

export interface Saved {
  won: boolean;
  record: JobRecord | undefined;
}

/** A cursor in the work list: behind this entry. */
export interface Cursor {
  jobKey: string;
  dueAt: number;
}
