/** Who is left alone for now: environments and channels. Read once, before the first call out of an invocation. */

import type { Cooldown } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../table/store.ts';

/** The cooldown of one environment or channel, as it was read and as this invocation changes it. */
export interface CooldownState {
  current(): Cooldown | undefined;
  /** Whether it is to be left alone now. */
  isCoolingDown(): boolean;
  /**
   * Begins or prolongs a cooldown; without `forMs`, it is only remembered that there is trouble. In one invocation it counts
   * as one failure, however often it is called.
   */
  begin(reason: string, forMs?: (failures: number) => number): Promise<void>;
  /** The trouble is over. */
  end(): Promise<void>;
}

/** The key of a cooldown in the table. */
export const cooldownKey = (kind: 'environment' | 'channel', name: string): string => `cooldown#${kind}#${name}`;

/** The cooldown in which an environment is now; undefined: it may be asked. */
export async function readCooldown(
  { store, clock }: { store: Store; clock: Clock },
  environment: string,
): Promise<Cooldown | undefined> {
  const key = cooldownKey('environment', environment);
  const cooldown = (await store.readMarks([key])).get(key) as Cooldown | undefined;
  return cooldown && cooldown.until > clock.now() ? cooldown : undefined;
}

/**
 * A cooldown over what was read of it. A cooldown that cannot be written is no reason to stop: it only saves the other side
 * some calls.
 */
export function createCooldown(
  deps: { store: Store; clock: Clock; log: Log },
  key: string,
  read: Cooldown | undefined,
): CooldownState {
  const { store, clock, log } = deps;
  let cooldown = read;
  let failuresBefore = read?.failures ?? 0;
  const attempt = (write: Promise<void>): Promise<void> =>
    write.catch((error: unknown) => log.warn('a cooldown could not be written', { cooldown: key, error }));

  return {
    current: () => cooldown,
    isCoolingDown: () => cooldown !== undefined && cooldown.until > clock.now(),
    async begin(reason, forMs = () => 0) {
      const failures = failuresBefore + 1;
      const now = clock.now();
      const until = Math.max(now + forMs(failures), cooldown?.until ?? 0);
      cooldown = { until, failures, reason, since: cooldown?.since ?? new Date(now).toISOString() };
      await attempt(store.writeMark(key, cooldown));
    },
    async end() {
      if (!cooldown) return;
      cooldown = undefined;
      failuresBefore = 0;
      await attempt(store.removeMark(key));
    },
  };
}
