/** The clock, as a dependency that tests can replace. */

import { setTimeout as sleep } from 'node:timers/promises';

/** The current time in epoch milliseconds, and waiting. The clock of the tests does not wait. */
export interface Clock {
  now(): number;
  wait(ms: number): Promise<void>;
  /** How far `now` has been corrected, in milliseconds. Left out: it never is. */
  offsetMs?(): number;
}

/** A clock that follows the clock of a service, because workers with different clocks would break each other's leases. */
export interface CorrectedClock extends Clock {
  offsetMs(): number;
  /**
   * Begins a request to that service. The result takes the `Date` header of its response, and returns the new offset if
   * it changes.
   */
  beginRequest(): (date: string | undefined) => number | undefined;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (ms) => (ms > 0 ? sleep(ms) : Promise.resolve()),
};

/** A smaller deviation is not corrected, in milliseconds. Leases tolerate it. */
const toleratedMs = 10_000;
/** A `Date` header has no fractions of a second. */
const halfSecondMs = 500;

/** Makes a clock that starts as the clock of the machine, whose time is `machineNow`. */
export function createClock(machineNow: () => number = Date.now): CorrectedClock {
  let offsetMs = 0;
  return {
    now: () => machineNow() + offsetMs,
    wait: systemClock.wait,
    offsetMs: () => offsetMs,
    beginRequest() {
      const sentAt = machineNow();
      return (date) => {
        const receivedAt = machineNow();
        // The service wrote the header at some time between these two.
        const deviationMs = Date.parse(date ?? '') + halfSecondMs - (sentAt + receivedAt) / 2;
        const uncertainMs = toleratedMs + (receivedAt - sentAt) / 2;
        if (!(Math.abs(deviationMs - offsetMs) > uncertainMs)) return undefined;
        offsetMs = Math.abs(deviationMs) > uncertainMs ? Math.round(deviationMs) : 0;
        return offsetMs;
      };
    },
  };
}

/** A deadline that was computed by this clock, and follows its corrections: requests to the table may correct it. */
export function following(clock: Clock, deadline: number): () => number {
  const offsetMs = () => clock.offsetMs?.() ?? 0;
  const before = offsetMs();
  return () => deadline + offsetMs() - before;
}

/** Whether a clock can be corrected. */
export const isCorrected = (clock: Clock): clock is CorrectedClock => 'beginRequest' in clock;
