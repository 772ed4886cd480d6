/** A clock under the control of a test. */

import type { Clock } from '../../lib/platform/clock.ts';

export interface FakeClock extends Clock {
  /** Advances the time by milliseconds. */
  advance(ms: number): void;
  /** Sets the time (ISO 8601). */
  set(moment: string): void;
}

/** Waiting takes no time: the clock jumps to the end of the wait. */
export function createFakeClock(start = '2026-01-01T10:10:00.000Z'): FakeClock {
  let now = Date.parse(start);
  return {
    now: () => now,
    async wait(ms) {
      const end = now + Math.max(ms, 0);
      await new Promise(setImmediate);
      now = Math.max(now, end);
    },
    advance: (ms) => {
      now += ms;
    },
    set: (moment) => {
      now = Date.parse(moment);
    },
  };
}
