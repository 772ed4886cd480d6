/** Every minute: looks at all jobs that have not ended. */

import { check } from './check.ts';
import { concurrency } from './settings.ts';
import { watchedJobs } from './table.ts';

export async function handler(): Promise<object> {
  const result = { checked: 0, changed: 0, failed: 0 };
  for await (const jobs of watchedJobs()) {
    for (let from = 0; from < jobs.length; from += concurrency) {
      const some = jobs.slice(from, from + concurrency);
      const checks = await Promise.allSettled(some.map((job) => check(job, job.status)));
      for (const one of checks) {
        result.checked += 1;
        if (one.status === 'rejected') {
          result.failed += 1;
          console.error(one.reason);
        } else if (one.value.changed) result.changed += 1;
      }
    }
  }
  console.log(JSON.stringify({ message: 'swept', ...result }));
  return result;
}
