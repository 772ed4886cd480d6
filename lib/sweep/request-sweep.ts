/**
 * Requests a sweep of an environment because a caller says that something ended there, without saying what. Sitecore calls
 * before the job reads Completed: the next poll sees that.
 */

import type { Deps } from '../deps.ts';
import { RequestError } from '../platform/errors.ts';

/** Sitecore calls several times for one end: calls within this many milliseconds share one request. */
const sharedForMs = 10_000;

/** The key of the time until which a request serves further calls for the environment. */
const requestKey = (environment: string): string => `sweep-requested#${environment}`;

/** Requests a sweep of an environment at once, unless another call has just done so. Throws a `RequestError` (503) on failure. */
export async function requestSweep({ store, sweepQueue, clock, log }: Deps, environment: string): Promise<void> {
  const key = requestKey(environment);
  try {
    if (!(await store.claim(key, { now: clock.now(), until: clock.now() + sharedForMs }))) return;
    await sweepQueue.send({ environment }, [0]).catch(async (error: unknown) => {
      await store.removeMark(key);
      throw error;
    });
  } catch (error) {
    log.error('sweep request failed', { environment, error });
    throw new RequestError(503, 'The sweep could not be started. Try again later.');
  }
}
