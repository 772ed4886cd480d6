/**
 * Requests a sweep of an environment because a caller says that something ended there, without saying what. Sitecore calls
 * before the job reads Completed, so a second sweep follows, unless the next poll comes as soon.
 */

import type { Deps } from '../deps.ts';
import { RequestError } from '../platform/errors.ts';

/** Sitecore calls several times for one end: calls within this many milliseconds share one request. */
const sharedForMs = 10_000;

/** When the second sweep begins, in seconds. */
const secondSweepAfter = 10;

/** The key of the time until which a request serves further calls for the environment. */
const requestKey = (environment: string): string => `sweep-requested#${environment}`;

/**
 * Requests a sweep of an environment at once and a little later, unless another call has just done so. Throws a
 * `RequestError` (503) on failure.
 */
export async function requestSweep(deps: Deps, environment: string): Promise<void> {
  const { store, sweepQueue, clock, log, config } = deps;
  const key = requestKey(environment);
  const delays = config.settings.pollEverySeconds > secondSweepAfter ? [0, secondSweepAfter] : [0];
  try {
    if (!(await store.claim(key, { now: clock.now(), until: clock.now() + sharedForMs }))) return;
    await sweepQueue.send({ environment }, delays).catch(async (error: unknown) => {
      await store.removeMark(key);
      throw error;
    });
  } catch (error) {
    log.error('sweep request failed', { environment, error });
    throw new RequestError(503, 'The sweep could not be started. Try again later.');
  }
}
