/** An event that names a job. */

import { check } from './check.ts';
import { getStatus } from './table.ts';

interface Event {
  detail: { jobId: string; environment?: string };
}

export async function handler({ detail }: Event): Promise<object> {
  const job = { jobId: detail.jobId, environment: detail.environment ?? 'production' };
  const result = await check(job, await getStatus(job));
  console.log(JSON.stringify({ message: 'job checked', ...job, ...result }));
  return { ...job, ...result };
}
