/** The circuit breaker of one channel within an invocation: rate limit, cooldown and half-open probe. */

import { clampWaitMs } from '../domain/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import type { UpstreamError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { CooldownState } from './cooldown.ts';
import type { Pace } from './pace.ts';

export interface ChannelBreaker {
  /** Whether a message can still be sent in this invocation. */
  acceptsMessages(): boolean;
  /** Waits for a turn. False: no turn in this invocation. After true, the caller must report `succeeded` or `failed`. */
  enter(): Promise<boolean>;
  succeeded(): Promise<void>;
  failed(error: UpstreamError): Promise<void>;
}

/** A turn that comes later than this has expired: others have claimed the turns after it. The process may have been frozen. */
const turnLastsMs = 5_000;

/**
 * Turns follow the pace of the channel. They start no later than `lastTurnAt`, and are claimed at most `mostAheadMs`
 * ahead: later sweeps send what is left. A channel that failed before gets one message as a probe, and the others wait for
 * its result. A channel that fails now gets no more messages in this invocation.
 */
export function createChannelBreaker(
  deps: { clock: Clock; log: Log },
  channel: { name: string; pace: Pace },
  cooldown: CooldownState,
  { lastTurnAt, mostAheadMs }: { lastTurnAt: () => number; mostAheadMs: number },
): ChannelBreaker {
  const { clock, log } = deps;
  let isOpen = false;
  let probe: PromiseWithResolvers<void> | undefined;

  const endProbe = () => {
    probe?.resolve();
    probe = undefined;
  };
  const latest = () => Math.min(lastTurnAt(), clock.now() + mostAheadMs);
  const acceptsMessages = () => !isOpen && !cooldown.isCoolingDown() && channel.pace.next() <= latest();
  const claim = async (): Promise<number> => {
    try {
      return (await channel.pace.claim(latest())) ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      log.warn('turn claim failed', { channel: channel.name, error });
      return Number.POSITIVE_INFINITY;
    }
  };

  return {
    acceptsMessages,
    async enter() {
      while (probe) await probe.promise;
      if (!acceptsMessages()) return false;
      if (cooldown.current()) probe = Promise.withResolvers();
      const at = await claim();
      if (at <= lastTurnAt()) await clock.wait(at - clock.now());
      const isInTime = !isOpen && at <= lastTurnAt() && clock.now() <= Math.min(lastTurnAt(), at + turnLastsMs);
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
