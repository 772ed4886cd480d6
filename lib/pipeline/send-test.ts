/** Sends a message marked TEST along the path of every other message. For operators. */

import type { Deps } from '../deps.ts';
import { testRecord } from '../domain/advance.ts';
import type { JobName } from '../domain/job.ts';

/**
 * Writes a record with one test delivery per channel. The next sweep sends them with its own role, secrets and network.
 * Returns the job name that identifies the record.
 */
export async function sendTest(
  { store, clock, timings, newId }: Deps,
  { environment, channels }: { environment: string; channels: string[] },
): Promise<JobName> {
  const job = { environment, jobId: `TEST-${newId().slice(0, 8)}` };
  await store.save(testRecord(job, channels, { now: clock.now(), writer: newId(), timings }), undefined);
  return job;
}
