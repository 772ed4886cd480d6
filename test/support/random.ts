/** Random numbers that a seed repeats: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */

/** A number from 0 up to, but not including, `below` (1 by default). */
export type Random = (below?: number) => number;

/** Makes a generator (mulberry32). The same seed gives the same numbers. */
export function createRandom(seed: number): Random {
  let state = seed;
  return (below = 1) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below;
  };
}
