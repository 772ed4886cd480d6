/** What is counted when workers are killed. */

/** Messages, in all worlds together. */
export interface Count {
  expected: number;
  /** How many of those arrived, once or more often. */
  sent: number;
  lost: number;
  /** How many came once more, though that could have been helped. */
  repeated: number;
  /** How many came once more because a channel that knows no repetitions had accepted one, and no receipt was stored. */
  repeatedUnavoidably: number;
  /** What went otherwise than promised, in sentences. */
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
 * Counts one message that was expected and came so many times; up to `doubts` repetitions could not be helped. Says how
 * many of them there were.
 */
export function countMessage(
  count: Count,
  message: { name: string; times: number; doubts: number; shown: ShownDelivery | undefined },
  complain: (what: string) => void,
): number {
  const { name, times, doubts, shown } = message;
  const extra = Math.max(times - 1, 0);
  const unavoidably = Math.min(extra, doubts);
  count.expected += 1;
  count.sent += Math.min(times, 1);
  count.lost += times === 0 ? 1 : 0;
  count.repeated += extra - unavoidably;
  count.repeatedUnavoidably += unavoidably;
  if (times === 0) complain(`${name} never came`);
  if (extra > unavoidably) complain(`${name} came ${times} times`);
  if (shown?.state !== 'sent') complain(`GET shows ${name} as ${shown?.state}`);
  if (unavoidably > 0 && !shown?.ambiguous) complain(`GET does not say that ${name} may have come twice`);
  return unavoidably;
}

/** Counts how often something happened, by its name. */
export const note = (counts: Record<string, number>, name: string): void => {
  counts[name] = (counts[name] ?? 0) + 1;
};
