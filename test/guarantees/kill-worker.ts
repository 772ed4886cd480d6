/** A worker that dies as a process does: from one moment on it hears nothing, does nothing and cleans nothing up. */

import type { FakeClock } from '../support/clock.ts';
import type { Accepted, Cross, Universe, Worker } from './universe.ts';

/** When a worker dies. */
export interface Point {
  /** Which of its crossings, in the order in which they begin. */
  crossing: number;
  /** Before the call leaves it, or after the call took effect and before the answer came. */
  moment: 'before' | 'after';
  /** Which of the other calls that were under way then still took effect: one bit each, the oldest call's the lowest. */
  arrived: number;
}

export interface MortalWorker {
  /** The name of every crossing that began. */
  crossings: string[];
  /** What the channels accepted from this worker. */
  sent: Accepted[];
  /** The names of the other calls that were under way when it died, the oldest one first. */
  underWay: string[];
  /** Lets it work until it is done, or dead. */
  live(work: (worker: Worker) => Promise<unknown>): Promise<'done' | 'dead'>;
  /** To be called when nobody looks any more: ends what the dead worker waits for, so that its timers end as well. */
  bury(): void;
}

/** A turn of the event loop: every call that leaves a worker takes one to arrive. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes a worker that dies at a point; without one it lives. */
export function createMortalWorker(universe: Universe, point?: Point): MortalWorker {
  const { clock, accepted } = universe;
  const crossings: string[] = [];
  const sent: Accepted[] = [];
  const underWay: string[] = [];
  const open = new Map<() => unknown, string>();
  const death = Promise.withResolvers<'dead'>();
  const burial = Promise.withResolvers<never>();
  burial.promise.catch(() => undefined);
  let isDead = false;

  const die = (): void => {
    isDead = true;
    underWay.push(...open.values());
    for (const [index, arrive] of [...open.keys()].entries()) if (hasArrived(point, index)) arrive();
    death.resolve('dead');
  };
  const isPoint = (crossing: number, moment: Point['moment']): boolean =>
    point?.crossing === crossing && point.moment === moment;

  const cross: Cross = async (name, call) => {
    if (isDead) return burial.promise;
    const crossing = crossings.push(name) - 1;
    if (isPoint(crossing, 'before')) die();
    if (isDead) return burial.promise;
    const arrive = () => {
      const before = accepted.length;
      const answer = call();
      sent.push(...accepted.slice(before));
      return answer;
    };
    open.set(arrive, name);
    await turn();
    if (isDead) return burial.promise;
    open.delete(arrive);
    const answer = arrive();
    if (isPoint(crossing, 'after')) die();
    await answer.catch(() => undefined);
    return isDead ? burial.promise : answer;
  };

  const worker = universe.worker({ cross, clock: mortalClock(clock, () => isDead, burial.promise) });
  return {
    crossings,
    sent,
    underWay,
    live: (work) => Promise.race([work(worker).then(() => 'done' as const), death.promise]),
    bury: () => burial.reject(new Error('buried')),
  };
}

/** Whether a call that was under way at a point still took effect. */
export const hasArrived = (point: Point | undefined, index: number): boolean =>
  (((point?.arrived ?? 0) >> index) & 1) === 1;

/** Who is dead moves no time. */
const mortalClock = (clock: FakeClock, isDead: () => boolean, burial: Promise<never>): FakeClock => ({
  ...clock,
  async wait(ms) {
    const end = clock.now() + Math.max(ms, 0);
    await turn();
    if (isDead()) return burial;
    clock.advance(Math.max(end - clock.now(), 0));
  },
});
