/** When processes are killed: at random, and the same again for the same seed. */

import type { Moment } from './sigkill-process.ts';

/** How long a process takes when nobody kills it, in milliseconds: until its bundle is loaded, and then to answer. */
export interface Pace {
  readyMs: number;
  workMs: number;
}

/** A number from 0 up to, and not including, `below`. */
export type Random = (below: number) => number;

/** Most of a process is its start, and then it mostly reads: later moments are more frequent, to soon after the end. */
export function momentIn({ readyMs, workMs }: Pace, random: Random): Moment {
  if (random(6) < 1) return { after: 'start', ms: random(readyMs) };
  return { after: 'ready', ms: 1.2 * workMs * Math.sqrt(random(1)) };
}

/** Random numbers that a seed repeats (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below;
  };
}
