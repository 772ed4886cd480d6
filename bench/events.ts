/** The events of the measured functions. */

import { postEvent } from '../test/support/world.ts';
import type { FunctionName } from './builds.ts';

let count = 0;

/** A real event of a function. Each one names another job. */
export function eventFor(name: FunctionName): object {
  const jobId = `job_new${++count}`;
  if (name === 'event') return { 'detail-type': 'Publishing Job Check', detail: { jobId } };
  if (name === 'sweep') return { 'detail-type': 'Scheduled Event' };
  const event = postEvent(jobId);
  return { ...event, headers: { ...event.headers, authorization: 'Bearer webhook-secret-of-the-benchmark' } };
}
