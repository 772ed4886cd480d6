/** What is counted when workers are killed. */

/** Messages, in all worlds together. */
export interface Count {
  expected: number;
  /** How many of the expected messages arrived at least once. */
  sent: number;
  lost: number;
  /** How many messages arrived again although this was avoidable. */
  repeated: number;
  /** How many arrived again because a channel without deduplication had accepted one and no receipt was stored. */
  repeatedUnavoidably: number;
  /** Every broken promise, as a sentence. */
  broken: string[];
}

export const nothingCounted = (): Count => ({
  expected: 0,
  sent: 0,
  lost: 0,
  repeated: 0,
  repeatedUnavoidably: 0,
  broken: [],
});

/** A delivery as `GET /jobs/{jobId}` shows it. */
export interface ShownDelivery {
  channel: string;
  outcome: string;
  limit?: string;
  state: string;
  ambiguous: boolean;
}

/**
 * Counts one expected message that arrived `times` times. Up to `ambiguous` repetitions were unavoidable. Returns how
 * many of the repetitions that is.
 */
export function countMessage(
  count: Count,
  message: { name: string; times: number; ambiguous: number; shown: ShownDelivery | undefined },
  complain: (what: string) => void,
): number {
  const { name, times, ambiguous, shown } = message;
  const extra = Math.max(times - 1, 0);
  const unavoidable = Math.min(extra, ambiguous);
  count.expected += 1;
  count.sent += Math.min(times, 1);
  count.lost += times === 0 ? 1 : 0;
  count.repeated += extra - unavoidable;
  count.repeatedUnavoidably += unavoidable;
  if (times === 0) complain(`${name} never arrived`);
  if (extra > unavoidable) complain(`${name} arrived ${times} times`);
  if (shown?.state !== 'sent') complain(`GET shows ${name} as ${shown?.state}`);
  if (unavoidable > 0 && !shown?.ambiguous) complain(`GET does not show ${name} as ambiguous`);
  return unavoidable;
}

/** Counts one more occurrence of a name. */
export const countOne = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};
