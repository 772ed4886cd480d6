/** The clock, as a dependency that tests can replace. */

import { setTimeout as sleep } from 'node:timers/promises';

/** The current time in epoch milliseconds, and waiting. The clock of the tests does not wait. */
export interface Clock {
  now(): number;
  wait(ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (ms) => (ms > 0 ? sleep(ms) : Promise.resolve()),
};
