/** What is made of several runs. */

/** The middle of the values. */
export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** One figure of several variants, run by run: the runs of one index were neighbours in time. */
export type Figures = Record<string, number[]>;

/** How one variant compares to another: the median over the runs of a pair, so that a machine that drifts matters less. */
export const ratioOf = (figures: Figures, one: string, other: string): number =>
  median((figures[one] ?? []).map((value, run) => value / (figures[other]?.[run] ?? Number.NaN)));
