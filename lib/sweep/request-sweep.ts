/** Something ended in an environment, says Sitecore, and does not say what: sweeps begin now and a little later. */

import type { Deps } from '../deps.ts';
import { RequestError } from '../platform/errors.ts';

/** Sitecore calls several times for one end. Who calls within so many milliseconds after another one is served by it. */
const servesForMs = 10_000;
/** In seconds: at once, and again, since Sitecore calls before the job reads Completed. */
const looks = [0, 15, 45];

/** The key of the mark that says until when a wake-up of an environment serves others as well. */
const wokenKey = (environment: string): string => `woken#${environment}`;

/** Starts sweeps of an environment, unless somebody has just done so. Throws a `RequestError` (503) if that cannot be. */
export async function requestSweep({ store, sweepQueue, clock, log }: Deps, environment: string): Promise<void> {
  const key = wokenKey(environment);
  try {
    if (!(await store.claim(key, { now: clock.now(), until: clock.now() + servesForMs }))) return;
    await sweepQueue.send({ environment }, looks).catch(async (error: unknown) => {
      await store.removeMark(key);
      throw error;
    });
  } catch (error) {
    log.error('a wake-up could not be sent', { environment, error });
    throw new RequestError(503, 'No sweep could be started. Ask again later.');
  }
}
