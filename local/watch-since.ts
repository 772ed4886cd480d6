/** Lets the demo begin in the middle: with a job that the notifier has watched for a while. */

import { check } from '../lib/pipeline/check.ts';
import { systemClock } from '../lib/platform/clock.ts';
import { wire } from '../lib/wire.ts';

const withinMs = 25_000;
const attempts = 5;

/**
 * Looks at a job as if it were `at` (epoch milliseconds), by a clock that is that much behind. Counters that stand still
 * count from when they were first seen, and nobody would wait for that. It is looked at until it is seen: a sweep that
 * saw it first would count from now. The environment variables must be those of the functions.
 */
export async function watchSince(environment: string, jobId: string, at: number): Promise<void> {
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
  throw new Error(`The job ${jobId} could not be looked at.`, { cause: problem });
}
