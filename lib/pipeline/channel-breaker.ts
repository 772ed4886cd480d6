/** The circuit breaker of one channel within an invocation: rate limit, cooldown and half-open probe. */

import { clampWaitMs } from '../domain/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import type { UpstreamError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { CooldownState } from './cooldown.ts';

export interface ChannelBreaker {
  /** Whether a message can still be sent in this invocation. */
  acceptsMessages(): boolean;
  /** Waits for a turn. False: no turn in this invocation. After true, the caller must report `succeeded` or `failed`. */
  enter(): Promise<boolean>;
  succeeded(): Promise<void>;
  failed(error: UpstreamError): Promise<void>;
}

/**
 * Turns are `minIntervalMs` apart and start no later than `lastTurnAt`. A channel that failed before gets one message as
 * a probe, and the others wait for its result. A channel that fails now gets no more messages in this invocation.
 */
export function createChannelBreaker(
  deps: { clock: Clock; log: Log },
  channel: { name: string; minIntervalMs: number },
  cooldown: CooldownState,
  lastTurnAt: number,
): ChannelBreaker {
  const { clock, log } = deps;
  let isOpen = false;
  let nextTurnAt = Number.NEGATIVE_INFINITY;
  let probe: PromiseWithResolvers<void> | undefined;

  const endProbe = () => {
    probe?.resolve();
    probe = undefined;
  };
  const turn = () => Math.max(clock.now(), nextTurnAt);
  const acceptsMessages = () => !isOpen && !cooldown.isCoolingDown() && turn() <= lastTurnAt;

  return {
    acceptsMessages,
    async enter() {
      while (probe) await probe.promise;
      if (!acceptsMessages()) return false;
      if (cooldown.current()) probe = Promise.withResolvers();
      const at = turn();
      nextTurnAt = at + channel.minIntervalMs;
      await clock.wait(at - clock.now());
      // The process may have been frozen meanwhile.
      const isInTime = !isOpen && clock.now() <= lastTurnAt;
      if (!isInTime) endProbe();
      return isInTime;
    },
    async succeeded() {
      // A message that was sent before the failure does not prove recovery.
      if (!isOpen) await cooldown.end();
      endProbe();
    },
    async failed({ kind, message, retryAfterMs }) {
      // A refused payload says nothing about the channel itself.
      if (kind !== 'payloadRefused') {
        if (!isOpen) log.error('channel paused', { channel: channel.name, reason: message });
        if (!isOpen || retryAfterMs !== undefined) {
          isOpen = true;
          await cooldown.begin(message, retryAfterMs === undefined ? undefined : () => clampWaitMs(retryAfterMs));
        }
      }
      endProbe();
    },
  };
}
