/** When to try again, as pure functions. All durations in milliseconds. */

const minute = 60_000;
const backoffMinutes = [1, 2, 5, 10, 15];
const longestWaitMs = 15 * minute;

/** The wait after so many failures in a row: 1, 2, 5, 10, then every 15 minutes. */
export const backoffMs = (failures: number): number =>
  (backoffMinutes[Math.max(failures, 1) - 1] ?? longestWaitMs / minute) * minute;

/** A wait that somebody asked us for, between a second and 15 minutes. */
export const clampWaitMs = (ms: number): number => Math.min(Math.max(ms, 1_000), longestWaitMs);

/**
 * The wait before the next attempt of a delivery. What needs an operator is tried slowly. While a channel still
 * recognises a repeated message, an attempt of unknown fate is repeated soon, so that it cannot arrive twice.
 */
export function deliveryWaitMs(attempt: {
  attempts: number;
  needsOperator: boolean;
  retryAfterMs?: number | undefined;
  recognisedStill: boolean;
}): number {
  if (attempt.retryAfterMs !== undefined) return clampWaitMs(attempt.retryAfterMs);
  if (attempt.recognisedStill) return minute;
  return attempt.needsOperator ? longestWaitMs : backoffMs(attempt.attempts);
}
