/** Windows of the list, by the time of queueing, and what remains of a window that was cut. */

/** Epoch milliseconds, inclusive at both ends; null is an open end. */
export interface Window {
  from: number | null;
  to: number | null;
}

export const isInside = (time: number, { from, to }: Window, toleranceMs = 0): boolean =>
  time >= (from ?? time) - toleranceMs && time <= (to ?? time) + toleranceMs;

/** The order of the times; null without an order, or with too few distinct times. */
function orderOf(times: number[]): 'newestFirst' | 'oldestFirst' | null {
  const steps = times.slice(1).map((time, index) => Math.sign(time - (times[index] ?? time)));
  const rises = steps.includes(1);
  const falls = steps.includes(-1);
  if (rises === falls) return null;
  return falls ? 'newestFirst' : 'oldestFirst';
}

/** Whether the order of these times implies that everything after them lies outside the window. */
export function isPassed(times: number[], { from, to }: Window): boolean {
  const last = times.at(-1);
  if (last === undefined) return false;
  const order = orderOf(times);
  return (order === 'newestFirst' && last < (from ?? last)) || (order === 'oldestFirst' && last > (to ?? last));
}

const shortestWindowMs = 60_000;

/**
 * What remains of a window that was cut after these times. If the times are in order, it is the part after the last one;
 * otherwise both halves of the window. It is empty if the window cannot be divided further, at one minute or less.
 */
export function remainder(window: Window, times: number[]): Window[] {
  if (times.length === 0) return [];
  const [oldest, newest] = times.reduce(([min, max], time) => [Math.min(min, time), Math.max(max, time)] as const, [
    Infinity,
    -Infinity,
  ] as const);
  const order = orderOf(times);
  if (order === 'newestFirst' && oldest < (window.to ?? Infinity)) return [{ ...window, to: oldest }];
  if (order === 'oldestFirst' && newest > (window.from ?? -Infinity)) return [{ ...window, from: newest }];
  const [from, to] = [window.from ?? oldest, window.to ?? newest];
  if (to - from <= shortestWindowMs) return [];
  const middle = Math.floor((from + to) / 2);
  return [
    { ...window, from: middle },
    { ...window, to: middle },
  ];
}
