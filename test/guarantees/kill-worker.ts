/** A worker that dies as a process does: after one moment it receives nothing, does nothing and cleans nothing up. */

import type { FakeClock } from '../support/clock.ts';
import type { Cross } from '../support/crossing.ts';
import type { Accepted, Worker } from '../support/simulated-world.ts';
import type { Universe } from './kill-scenarios.ts';

/** When a worker dies. */
export interface Point {
  /** The index of the call, in the order in which calls begin. */
  crossing: number;
  /** Before the call leaves the worker, or after the call took effect and before its response arrives. */
  moment: 'before' | 'after';
  /** Which of the other calls in flight still took effect. One bit each; the lowest bit is the oldest call. */
  arrived: number;
}

export interface MortalWorker {
  /** The name of every call that began. */
  crossings: string[];
  /** What the channels accepted from this worker. */
  sent: Accepted[];
  /** The names of the other calls in flight when the worker died, the oldest first. */
  inFlight: string[];
  /** Lets the worker work until it is done or dead. */
  live(work: (worker: Worker) => Promise<unknown>): Promise<'done' | 'dead'>;
  /** Ends everything that the dead worker waits for, so that its timers end. Call it last. */
  bury(): void;
}

/** A turn of the event loop. Every call takes one turn to arrive. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes a worker that dies at a point. Without a point it lives. */
export function createMortalWorker(universe: Universe, point?: Point): MortalWorker {
  const { clock, accepted } = universe;
  const crossings: string[] = [];
  const sent: Accepted[] = [];
  const inFlight: string[] = [];
  const open = new Map<() => unknown, string>();
  const death = Promise.withResolvers<'dead'>();
  const burial = Promise.withResolvers<never>();
  burial.promise.catch(() => undefined);
  let isDead = false;

  const die = (): void => {
    isDead = true;
    inFlight.push(...open.values());
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
      const response = call();
      sent.push(...accepted.slice(before));
      return response;
    };
    open.set(arrive, name);
    await turn();
    if (isDead) return burial.promise;
    open.delete(arrive);
    const response = arrive();
    if (isPoint(crossing, 'after')) die();
    await response.catch(() => undefined);
    return isDead ? burial.promise : response;
  };

  const worker = universe.worker({ cross, clock: mortalClock(clock, () => isDead, burial.promise) });
  return {
    crossings,
    sent,
    inFlight,
    live: (work) => Promise.race([work(worker).then(() => 'done' as const), death.promise]),
    bury: () => burial.reject(new Error('buried')),
  };
}

/** Whether a call that was in flight at a point still took effect. */
export const hasArrived = (point: Point | undefined, index: number): boolean =>
  (((point?.arrived ?? 0) >> index) & 1) === 1;

/** A dead worker does not move the clock. */
const mortalClock = (clock: FakeClock, isDead: () => boolean, burial: Promise<never>): FakeClock => ({
  ...clock,
  async wait(ms) {
    const end = clock.now() + Math.max(ms, 0);
    await turn();
    if (isDead()) return burial;
    clock.advance(Math.max(end - clock.now(), 0));
  },
});
