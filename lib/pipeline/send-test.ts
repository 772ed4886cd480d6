/** A message marked TEST, on the way that every message takes: an operator's verb. */

import type { Deps } from '../deps.ts';
import { testRecord } from '../domain/advance.ts';
import type { JobName } from '../domain/job.ts';

/**
 * Writes a record with nothing but a test message for each channel; the next sweep sends them, with its own role,
 * secrets and network. Gives the name under which they can be followed.
 */
export async function sendTest(
  { store, clock, timings, newId }: Deps,
  { environment, channels }: { environment: string; channels: string[] },
): Promise<JobName> {
  const job = { environment, jobId: `TEST-${newId().slice(0, 8)}` };
  await store.save(testRecord(job, channels, { now: clock.now(), writer: newId(), timings }), undefined);
  return job;
}
