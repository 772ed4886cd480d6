/** Looks at one job: fetch, compare, note, tell. */

import { notify } from './notify.ts';
import { getJob } from './publishing-api.ts';
import { type JobName, saveStatus } from './table.ts';

const ends = ['Completed', 'Failed', 'Canceled'];

/** The job's status now, and whether that was news. */
export async function check(name: JobName, known: string | null): Promise<{ status: string; changed: boolean }> {
  const job = await getJob(name.jobId);
  const { status } = job.system;
  if (status === known) return { status, changed: false };
  const isEnd = ends.includes(status);
  const changed = await saveStatus(name, status, isEnd);
  if (changed && isEnd) await notify(name, job);
  return { status, changed };
}
