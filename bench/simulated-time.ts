/** Time as a value, in which many things go on at once. */

import type { Clock } from '../lib/platform/clock.ts';

export interface SimulatedTime {
  clock: Clock;
  /** Does something after a delay in milliseconds. */
  later(ms: number, work: () => void): void;
  /** Lets milliseconds pass. Work in progress may wait for the clock, and for nothing else. */
  pass(ms: number): Promise<void>;
}

/** Makes a time that begins at `begin` (epoch milliseconds). When nothing is left to do, it moves on to what comes next. */
export function createSimulatedTime(begin: number): SimulatedTime {
  let now = begin;
  /** The earliest entry is the last. */
  const schedule: { at: number; work: () => void }[] = [];

  const later = (ms: number, work: () => void): void => {
    const at = now + Math.max(ms, 0);
    const index = schedule.findLastIndex((one) => one.at > at) + 1;
    schedule.splice(index, 0, { at, work });
  };

  return {
    clock: { now: () => now, wait: (ms) => new Promise((resolve) => later(ms, resolve)) },
    later,
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        // Everything that follows from the last event happens within one turn of the event loop.
        await new Promise(setImmediate);
        const next = schedule.at(-1);
        if (!next || next.at > end) break;
        schedule.pop();
        now = next.at;
        next.work();
      }
      now = end;
    },
  };
}
