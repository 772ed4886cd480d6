/** Statistics of several runs. */

/** The median. */
export function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** One figure of several variants, by run. The runs of one index are close in time. */
export type Figures = Record<string, number[]>;

/** The ratio of two variants: the median of the ratios of each run, so that a drifting machine matters less. */
export const ratioOf = (figures: Figures, one: string, other: string): number =>
  median((figures[one] ?? []).map((value, run) => value / (figures[other]?.[run] ?? Number.NaN)));
