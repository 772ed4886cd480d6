/** Time as a value. */

import { setTimeout as sleep } from 'node:timers/promises';

/** Tells the time (epoch milliseconds) and waits. Tests bring one that waits for nobody. */
export interface Clock {
  now(): number;
  wait(ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (ms) => (ms > 0 ? sleep(ms) : Promise.resolve()),
};
