/** Which part of the list is asked for, by the time of queueing, and which parts are left of one that was cut. */

/** Epoch milliseconds; both ends belong to it, and null is an open end. */
export interface Window {
  from: number | null;
  to: number | null;
}

export const isInside = (time: number, { from, to }: Window, toleranceMs = 0): boolean =>
  time >= (from ?? time) - toleranceMs && time <= (to ?? time) + toleranceMs;

/** In which order times came; null if in none, or if there are too few different ones to tell. */
function orderOf(times: number[]): 'newestFirst' | 'oldestFirst' | null {
  const steps = times.slice(1).map((time, index) => Math.sign(time - (times[index] ?? time)));
  const rises = steps.includes(1);
  const falls = steps.includes(-1);
  if (rises === falls) return null;
  return falls ? 'newestFirst' : 'oldestFirst';
}

/** Whether these times came in an order in which everything that follows lies beyond the window. */
export function isPassed(times: number[], { from, to }: Window): boolean {
  const last = times.at(-1);
  if (last === undefined) return false;
  const order = orderOf(times);
  return (order === 'newestFirst' && last < (from ?? last)) || (order === 'oldestFirst' && last > (to ?? last));
}

const shortestWindowMs = 60_000;

/**
 * What is left of a window that was cut after these times: what follows the last one if they came in order, else the
 * two halves, for as long as they are longer than a minute. Nothing if it cannot be told apart any further.
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
