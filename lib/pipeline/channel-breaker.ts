/** The way to one channel within an invocation: its pace, its cooldown, and one probe while it is in trouble. */

import { clampWaitMs } from '../domain/backoff.ts';
import type { Clock } from '../platform/clock.ts';
import type { UpstreamError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { CooldownState } from './cooldown.ts';

export interface ChannelBreaker {
  /** Whether a message could still be sent in this invocation, as far as is known. */
  isOpen(): boolean;
  /** Waits for a turn. False: not in this invocation. Who was let in says how it went. */
  enter(): Promise<boolean>;
  succeeded(): Promise<void>;
  failed(error: UpstreamError): Promise<void>;
}

/**
 * Turns are `minIntervalMs` apart, and begin no later than `lastTurnAt`. A channel that was in trouble before gets one message
 * first, as a probe, and the others wait for how that goes; one that fails now gets nothing more in this invocation.
 */
export function createChannelBreaker(
  deps: { clock: Clock; log: Log; metrics: Metrics },
  channel: { name: string; minIntervalMs: number },
  cooldown: CooldownState,
  lastTurnAt: number,
): ChannelBreaker {
  const { clock, log, metrics } = deps;
  let isClosed = false;
  let nextTurnAt = Number.NEGATIVE_INFINITY;
  let probe: PromiseWithResolvers<void> | undefined;

  const endProbe = () => {
    probe?.resolve();
    probe = undefined;
  };
  const turn = () => Math.max(clock.now(), nextTurnAt);
  const isOpen = () => !isClosed && !cooldown.isCoolingDown() && turn() <= lastTurnAt;

  return {
    isOpen,
    async enter() {
      while (probe) await probe.promise;
      if (!isOpen()) return false;
      if (cooldown.current()) probe = Promise.withResolvers();
      const at = turn();
      nextTurnAt = at + channel.minIntervalMs;
      await clock.wait(at - clock.now());
      // A process may have been frozen meanwhile.
      const isInTime = !isClosed && clock.now() <= lastTurnAt;
      if (!isInTime) endProbe();
      return isInTime;
    },
    async succeeded() {
      // What was sent before the trouble began says nothing about its end.
      if (!isClosed) await cooldown.end();
      endProbe();
    },
    async failed({ kind, message, retryAfterMs }) {
      // A refused payload says nothing about the channel.
      if (kind !== 'payloadRefused') {
        if (!isClosed) {
          metrics.count('channelFailing', { channel: channel.name });
          log.error('channel failing', { channel: channel.name, reason: message });
        }
        if (!isClosed || retryAfterMs !== undefined) {
          isClosed = true;
          await cooldown.begin(message, retryAfterMs === undefined ? undefined : () => clampWaitMs(retryAfterMs));
        }
      }
      endProbe();
    },
  };
}
