/** Lets the demo start with a job that the notifier has already watched for a while. */

import { check } from '../lib/pipeline/check.ts';
import { systemClock } from '../lib/platform/clock.ts';
import { wire } from '../lib/wire.ts';

const withinMs = 25_000;
const attempts = 5;

/**
 * Checks a job with a clock that is set back to `at` (epoch milliseconds), so that the job counts as unchanged since
 * then. Retries until the job is read: if a sweep read it first, that time would begin now. The environment variables must
 * be those of the functions.
 */
export async function checkBackdated(environment: string, jobId: string, at: number): Promise<void> {
  const behindMs = Date.now() - at;
  const clock = { ...systemClock, now: () => Date.now() - behindMs };
  const deps = wire(process.env, { clock });
  let problem: unknown;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const { reading } = await check(deps, { environment, jobId }, clock.now() + withinMs);
      if (reading.kind === 'job') return;
      problem = reading;
    } catch (error) {
      problem = error;
    }
  }
  throw new Error(`The job ${jobId} could not be checked.`, { cause: problem });
}
