/** Who is left alone for now: environments and channels. Read once, before the first call out of an invocation. */

import type { Rest } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../table/store.ts';

/** The rest of one environment or channel, as it was read and as this invocation changes it. */
export interface RestOf {
  current(): Rest | undefined;
  /** Whether it is to be left alone now. */
  isResting(): boolean;
  /**
   * Begins or prolongs a rest; without `forMs`, it is only remembered that there is trouble. In one invocation it counts
   * as one failure, however often it is called.
   */
  begin(reason: string, forMs?: (failures: number) => number): Promise<void>;
  /** The trouble is over. */
  end(): Promise<void>;
}

/** The key of a rest in the table. */
export const restKey = (kind: 'environment' | 'channel', name: string): string => `rest#${kind}#${name}`;

/** The rest in which an environment is now; undefined: it may be asked. */
export async function readRest(
  { store, clock }: { store: Store; clock: Clock },
  environment: string,
): Promise<Rest | undefined> {
  const key = restKey('environment', environment);
  const rest = (await store.readMarks([key])).get(key) as Rest | undefined;
  return rest && rest.until > clock.now() ? rest : undefined;
}

/**
 * A rest over what was read of it. A rest that cannot be written is no reason to stop: it only saves the other side
 * some calls.
 */
export function createRest(
  deps: { store: Store; clock: Clock; log: Log },
  key: string,
  read: Rest | undefined,
): RestOf {
  const { store, clock, log } = deps;
  let rest = read;
  let failuresBefore = read?.failures ?? 0;
  const attempt = (write: Promise<void>): Promise<void> =>
    write.catch((error: unknown) => log.warn('a rest could not be written', { rest: key, error }));

  return {
    current: () => rest,
    isResting: () => rest !== undefined && rest.until > clock.now(),
    async begin(reason, forMs = () => 0) {
      const failures = failuresBefore + 1;
      const now = clock.now();
      const until = Math.max(now + forMs(failures), rest?.until ?? 0);
      rest = { until, failures, reason, since: rest?.since ?? new Date(now).toISOString() };
      await attempt(store.writeMark(key, rest));
    },
    async end() {
      if (!rest) return;
      rest = undefined;
      failuresBefore = 0;
      await attempt(store.removeMark(key));
    },
  };
}
