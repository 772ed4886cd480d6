/** The cooldowns of environments and channels. An invocation reads them once, before its first request. */

import type { Cooldown } from '../domain/job.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Store } from '../table/store.ts';

/** The cooldown of one environment or channel, as it was read and as this invocation changes it. */
export interface CooldownState {
  current(): Cooldown | undefined;
  /** Whether requests are paused now. */
  isCoolingDown(): boolean;
  /**
   * Begins or extends a cooldown. Without `forMs`, only records the failure. All calls in one invocation count as one
   * failure.
   */
  begin(reason: string, forMs?: (failures: number) => number): Promise<void>;
  /** Ends the cooldown after a success, and stores when that was. */
  end(): Promise<void>;
}

/** The key of a cooldown in the table. */
export const cooldownKey = (kind: 'environment' | 'channel', name: string): string => `cooldown#${kind}#${name}`;

/** The current cooldown of an environment; undefined: requests are allowed. */
export async function readCooldown(
  { store, clock }: { store: Store; clock: Clock },
  environment: string,
): Promise<Cooldown | undefined> {
  const key = cooldownKey('environment', environment);
  const cooldown = (await store.readMarks([key])).get(key) as Cooldown | undefined;
  return cooldown && cooldown.until > clock.now() ? cooldown : undefined;
}

/**
 * Makes the state of a cooldown from the stored one. A failed write is logged and ignored: a cooldown only saves
 * requests.
 */
export function createCooldown(
  deps: { store: Store; clock: Clock; log: Log },
  key: string,
  read: Cooldown | undefined,
): CooldownState {
  const { store, clock, log } = deps;
  let cooldown = read?.recoveredAt === undefined ? read : undefined;
  let failuresBefore = cooldown?.failures ?? 0;
  const attempt = (write: Promise<void>): Promise<void> =>
    write.catch((error: unknown) => log.warn('cooldown write failed', { cooldown: key, error }));

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
      const { reason, since } = cooldown;
      cooldown = undefined;
      failuresBefore = 0;
      log.info('cooldown ended', { cooldown: key, since });
      const recoveredAt = new Date(clock.now()).toISOString();
      await attempt(store.writeMark(key, { until: 0, failures: 0, reason, since, recoveredAt } satisfies Cooldown));
    },
  };
}
