/** The compare-and-set loop: read a record, compute the next one, write it if nobody else wrote meanwhile. */

import type { JobName, JobRecord } from '../domain/job.ts';
import type { Store } from './store.ts';

/** What an update found, what it computed from that, and what the table holds now. */
export interface Update<Change> {
  known: JobRecord | undefined;
  change: Change;
  record: JobRecord | undefined;
  isWritten: boolean;
}

/** The maximum number of writes per update. Each failed write means that another worker made progress. */
const attempts = 10;

/**
 * Applies a change to the record of a job in one conditional write. A worker that loses the race computes the change
 * again from the winner's record. A change whose `next` is null writes nothing. Throws after 10 lost races. `read` is the
 * record as the caller read it before; if that is no longer so, the first write loses the race.
 */
export async function update<Change extends { next: JobRecord | null }>(
  store: Pick<Store, 'get' | 'save'>,
  job: JobName,
  changeOf: (known: JobRecord | undefined) => Change,
  read?: { known: JobRecord | undefined },
): Promise<Update<Change>> {
  let { known } = read ?? { known: await store.get(job) };
  for (let attempt = 0; attempt < attempts; attempt++) {
    const change = changeOf(known);
    if (change.next === null) return { known, change, record: known, isWritten: false };
    const { won, record } = await store.save(change.next, known);
    if (won && record) return { known, change, record, isWritten: true };
    known = record;
  }
  throw new Error(`${job.environment}/${job.jobId}: lost ${attempts} races for the record in a row`);
}
