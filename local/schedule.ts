/** Runs something repeatedly, one run at a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A running schedule. */
export interface Schedule {
  /** Starts no further run, and waits for the current one. */
  stop: () => Promise<void>;
}

/** Calls `run` now and `pauseMs` after the end of each run. `onError` receives what a run throws. */
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
