/** Runs something again and again, and never twice at once. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A schedule that is running. */
export interface Schedule {
  /** Starts no run any more, and waits for the one that is under way. */
  stop: () => Promise<void>;
}

/** Runs `run` at once, and `pauseMs` after the end of each run; `onError` gets what a run throws. */
export function startSchedule(run: () => Promise<void>, pauseMs: number, onError: (error: unknown) => void): Schedule {
  const stopping = new AbortController();

  const loop = async () => {
    while (!stopping.signal.aborted) {
      await run().catch(onError);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const ended = loop();

  return {
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}
