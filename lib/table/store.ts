/** The interface of the table: one item per job, and a few *marks*, small items that are not jobs. */

import type { Delivery, DueEntry, JobName, JobRecord } from '../domain/job.ts';

/** Where records and marks are stored. Errors of the table are thrown as the SDK throws them. */
export interface Store {
  /** Reads a record, consistent with the last write. */
  get(job: JobName): Promise<JobRecord | undefined>;
  /**
   * Writes the state in `next` if the record still is `known` (undefined: if there is none). Adds deliveries that
   * `known` lacks and makes dead ones pending again; of all others it writes only `ambiguousSince`. With `result`, the key
   * of a delivery, also writes that one as a whole, if it is not `sent`. With `settled`, also requires that no other
   * delivery is pending. `record` is what the table holds afterwards, whoever won.
   */
  save(next: JobRecord, known: JobRecord | undefined, options?: SaveOptions): Promise<Saved>;
  /**
   * Writes one delivery, unless it is `sent` already. Needs neither lease nor revision. `known` is the delivery that the
   * writer started from: `ambiguousSince` is written only if it differs from that, since another worker may have set it
   * meanwhile. Returns the stored delivery if `delivery` is a receipt and the table has one already, which may be the same.
   */
  saveDelivery(job: JobName, key: string, delivery: Delivery, known: Delivery): Promise<Delivery | undefined>;
  /** Sets since when a sent delivery is ambiguous; null: it is not. */
  setAmbiguous(job: JobName, key: string, since: string | null): Promise<void>;
  /** The work list up to a time (epoch milliseconds) in pages, the longest due first, starting after a cursor. */
  due(until: number, after?: Cursor): AsyncIterable<DueEntry[]>;
  /** Jobs with dead deliveries and nothing else to do, in pages. */
  dead(): AsyncIterable<DueEntry[]>;
  /** The records of those jobs that have one, by their keys, consistent with the last write. */
  getAll(jobs: JobName[]): Promise<Map<string, JobRecord>>;
  /** What is known of those jobs that have a record, by their keys. */
  known(jobs: JobName[]): Promise<Map<string, KnownJob>>;
  // Marks have keys of their own: none collides with a job, whatever its environment is called.
  /**
   * Reads marks, consistent with the last write. Marks that do not exist are left out. With `maxAgeMs`, a mark that this
   * process has read so short a time ago may be returned as it was.
   */
  readMarks(keys: string[], options?: { maxAgeMs?: MaxAge | undefined }): Promise<Map<string, object>>;
  /** Reads a record and marks in one call, as `get` and `readMarks` do. */
  getWithMarks(job: JobName, keys: string[]): Promise<{ record: JobRecord | undefined; marks: Map<string, object> }>;
  /** Replaces a mark. With `unless`, does nothing if the stored mark has that member. */
  writeMark(key: string, mark: object, options?: { unless?: string }): Promise<void>;
  /** Writes a mark that holds until a time (epoch milliseconds). False: another one still holds. */
  claim(key: string, times: { now: number; until: number }): Promise<boolean>;
  /**
   * Claims the next `ms` milliseconds of a line of time that all workers share. They begin now, or where the last claim
   * ends. An end more than `mostAheadMs` from now counts for nothing. The mark holds the end as `until`. A claim that would
   * follow another one and end after `latestEnd` is refused: `begin` is where the last claim ends.
   */
  claimTime(key: string, time: TimeToClaim): Promise<{ isClaimed: boolean; begin: number }>;
  /** Removes a mark if it exists. */
  removeMark(key: string): Promise<void>;
}

/** The next part of a line of time. `now` and `latestEnd` are epoch milliseconds. */
export interface TimeToClaim {
  now: number;
  ms: number;
  latestEnd: number;
  mostAheadMs: number;
}

/** How old a mark may be, in milliseconds, by its key. */
export type MaxAge = (key: string) => number;

/** The members of a record that show whether the job was given up. */
export type KnownJob = Pick<JobRecord, 'status' | 'check'>;

export interface SaveOptions {
  settled?: boolean;
  result?: string | undefined;
}

/** The result of a write. */
export interface Saved {
  won: boolean;
  record: JobRecord | undefined;
}

/** A cursor in the work list: the position after this entry. */
export interface Cursor {
  jobKey: string;
  dueAt: number;
}
