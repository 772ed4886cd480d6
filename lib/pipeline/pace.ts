/**
 * The pace of one channel. Its turns are claimed in the table, so that all workers together are no faster than the channel
 * allows. Workers that wait for a turn at the same time share one claim. What sends nothing writes nothing.
 */

import type { Clock } from '../platform/clock.ts';
import type { Store } from '../table/store.ts';

export interface Pace {
  /** When the next turn would be, as far as this worker knows (epoch milliseconds). */
  next(): number;
  /**
   * Claims the next turn, and returns when it is (epoch milliseconds). Undefined: it would be after `latest`, and is not
   * claimed. Throws if the table fails.
   */
  claim(latest: number): Promise<number | undefined>;
}

/** A claim that reaches further ahead (in milliseconds) was made by a wrong clock, and counts for nothing. */
const mostAheadMs = 5 * 60_000;

/** The key of the time until which the turns of a channel are claimed. */
export const paceKey = (channel: string): string => `pace#${channel}`;

/**
 * Turns are `minIntervalMs` apart. After a pause, `burst` of them come at once. `mark` is the claim that was read at the
 * beginning; it only saves leases for messages that would have no turn.
 */
export function createPace(
  { store, clock }: { store: Pick<Store, 'claimTime'>; clock: Clock },
  { name, minIntervalMs, burst = 1 }: { name: string; minIntervalMs: number; burst?: number | undefined },
  mark: { until: number } | undefined,
): Pace {
  let claimedUntil = mark && mark.until <= clock.now() + mostAheadMs ? mark.until : Number.NEGATIVE_INFINITY;
  let waiting: (PromiseWithResolvers<number | undefined> & { latest: number })[] = [];
  let underWay = 0;
  const turnAt = (now: number, at: number): number => Math.max(now, at - (burst - 1) * minIntervalMs);

  /** Claims so many turns, or those of them that are not after `latest`. A refused claim shows what others have claimed. */
  const claimTurns = async (wanted: number, latest: number): Promise<number[]> => {
    const latestEnd = latest + burst * minIntervalMs;
    for (;;) {
      const now = clock.now();
      const fitting = now <= latest ? Math.floor((latestEnd - Math.max(claimedUntil, now)) / minIntervalMs) : 0;
      if (fitting < 1) return [];
      const ms = Math.min(wanted, fitting) * minIntervalMs;
      const { isClaimed, begin } = await store.claimTime(paceKey(name), { now, ms, latestEnd, mostAheadMs });
      claimedUntil = isClaimed ? begin + ms : begin;
      if (isClaimed)
        return Array.from({ length: ms / minIntervalMs }, (_, n) => turnAt(now, begin + n * minIntervalMs));
    }
  };
  const claimForAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const all = waiting;
      waiting = [];
      underWay = all.length;
      try {
        const turns = await claimTurns(all.length, Math.min(...all.map(({ latest }) => latest)));
        for (const [index, { resolve }] of all.entries()) resolve(turns[index]);
      } catch (error) {
        for (const { reject } of all) reject(error);
      }
      underWay = 0;
    }
  };

  return {
    next() {
      const now = clock.now();
      return turnAt(now, Math.max(claimedUntil, now) + (waiting.length + underWay) * minIntervalMs);
    },
    async claim(latest) {
      if (minIntervalMs === 0) return clock.now();
      const mine = { ...Promise.withResolvers<number | undefined>(), latest };
      waiting.push(mine);
      if (underWay === 0 && waiting.length === 1) void claimForAll();
      return await mine.promise;
    },
  };
}
