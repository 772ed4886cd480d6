/** What goes wrong in a simulation, and where. */

/** What can go wrong, by where it does. */
const possible = {
  token: ['lost', 'slow', 'failed', 'busy', 'unauthorized', 'dies', 'died'],
  api: ['lost', 'slow', 'failed', 'busy', 'busyForLong', 'denied', 'unauthorized', 'forbidden', 'garbled', 'dies'],
  slack: ['lost', 'slow', 'failed', 'busy', 'busyForLong', 'unreached', 'denied', 'garbled', 'dies', 'died'],
  fifo: ['lost', 'slow', 'failed', 'busy', 'unreached', 'denied', 'dies', 'died'],
  topic: ['lost', 'slow', 'failed', 'busy', 'unreached', 'denied', 'dies', 'died'],
  get: ['failed', 'slow', 'dies'],
  list: ['failed', 'stale', 'slow', 'dies'],
  save: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  receipt: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  mark: ['failed', 'lost', 'slow', 'dies', 'died'],
  any: ['slow', 'dies', 'died'],
} as const;
export type Place = keyof typeof possible;

/**
 * `lost`: done, but the answer is lost. `again`: that, and asked once more, as the AWS SDK does. `slow`: done, but the
 * answer takes seconds. `stale`: the index shows what it showed before, for it is only eventually consistent. `dies`,
 * `died`: the worker dies before it is done, or after. The others are refusals.
 */
export type What = (typeof possible)[Place][number];

export interface Mishap {
  where: Place;
  what: What;
}

export const mishaps: Mishap[] = Object.entries(possible).flatMap(([where, list]) =>
  list.map((what) => ({ where: where as Place, what })),
);

/** The next crossings of a place that go wrong, after so many that do not. */
export interface Trouble extends Mishap {
  after: number;
  times: number;
  /** Only for this environment, or this job (its key). */
  only?: string;
}

/** A failure that the simulation made up, in contrast to one that it found. */
export class MadeUp extends Error {}

/** The troubles that are still to come. */
export function createTroubles() {
  let troubles: Trouble[] = [];
  return {
    add: (trouble: Trouble): void => void troubles.push({ ...trouble }),
    end(): void {
      troubles = [];
    },
    /** What goes wrong at a place now; `about` is the job that is asked for, if any. */
    next(place: Place, about: string): What | undefined {
      const trouble = troubles.find(
        ({ where, times, only }) =>
          times > 0 && (where === place || where === 'any') && (!only || about.startsWith(only)),
      );
      if (!trouble) return undefined;
      if (trouble.after-- > 0) return undefined;
      trouble.after = 0;
      trouble.times -= 1;
      return trouble.what;
    },
  };
}
