/** When to try again. All durations are in milliseconds. Pure. */

const minute = 60_000;
/** The waits after the first failures; the last one repeats. */
const backoffStepsMs = [1, 2, 5, 10, 15].map((minutes) => minutes * minute);
/** The longest wait between two attempts. */
export const longestWaitMs = 15 * minute;

/** The wait after so many failures in a row. */
export const backoffMs = (failures: number): number => backoffStepsMs[Math.max(failures, 1) - 1] ?? longestWaitMs;

/** A wait that another service asked for, limited to between one second and 15 minutes. */
export const clampWaitMs = (ms: number): number => Math.min(Math.max(ms, 1_000), longestWaitMs);

/**
 * The wait before the next attempt of a delivery. A failure that needs an operator is retried slowly. An ambiguous
 * attempt is repeated soon while the channel still deduplicates, so that the message cannot arrive twice.
 */
export function deliveryWaitMs(attempt: {
  attempts: number;
  needsOperator: boolean;
  retryAfterMs?: number | undefined;
  isDeduplicated: boolean;
}): number {
  if (attempt.retryAfterMs !== undefined) return clampWaitMs(attempt.retryAfterMs);
  if (attempt.isDeduplicated) return minute;
  return attempt.needsOperator ? longestWaitMs : backoffMs(attempt.attempts);
}
