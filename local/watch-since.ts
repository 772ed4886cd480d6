/** Lets the demo begin in the middle: with a job that the notifier has watched for a while. */
import { systemClock } from '../lib/clock.ts';
import { check } from '../lib/observe.ts';
import { createParts } from '../lib/parts.ts';

const withinMs = 25_000;

/**
 * Looks at a job as if it were `at` (epoch milliseconds), by a clock that is that much behind. Counters that stand still
 * count from when they were first seen, and nobody would wait for that. The environment must be that of the functions.
 */
export async function watchSince(environment: string, jobId: string, at: number): Promise<void> {
  const behindMs = Date.now() - at;
  const clock = { ...systemClock, now: () => Date.now() - behindMs };
  const parts = createParts(process.env, { clock });
  await check(parts, { environment, jobId }, clock.now() + withinMs);
}
