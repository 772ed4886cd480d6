/** A clock whose waits are the moments in which the world goes on. */

import type { Clock } from '../../lib/platform/clock.ts';
import type { Notifier } from '../support/notifier.ts';

/** Waiting takes no time, and each wait plays the next of these steps; after the last one nothing happens any more. */
export function steppingClock({ clock }: Pick<Notifier, 'clock'>, steps: (() => unknown)[]): Clock {
  const left = [...steps];
  return {
    now: clock.now,
    async wait(ms) {
      clock.advance(ms);
      await left.shift()?.();
    },
  };
}
