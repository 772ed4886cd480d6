/** The way to one channel within an invocation: its pace, its rest, and one probe while it is in trouble. */

import type { Clock } from './clock.ts';
import type { UpstreamError } from './errors.ts';
import type { Log, Metrics } from './observability.ts';
import type { RestOf } from './rests.ts';
import { clampWaitMs } from './retry.ts';

export interface Lane {
  /** Whether a message could still be sent in this invocation, as far as is known. */
  isOpen(): boolean;
  /** Waits for a turn. False: not in this invocation. Who was let in says how it went. */
  enter(): Promise<boolean>;
  succeeded(): Promise<void>;
  failed(error: UpstreamError): Promise<void>;
}

/**
 * Turns are `paceMs` apart, and begin no later than `lastTurnAt`. A channel that was in trouble before gets one message
 * first, as a probe, and the others wait for how that goes; one that fails now gets nothing more in this invocation.
 */
export function createLane(
  deps: { clock: Clock; log: Log; metrics: Metrics },
  channel: { name: string; paceMs: number },
  rest: RestOf,
  lastTurnAt: number,
): Lane {
  const { clock, log, metrics } = deps;
  let isClosed = false;
  let nextTurnAt = Number.NEGATIVE_INFINITY;
  let probe: { done: Promise<void>; finish: () => void } | undefined;

  const turn = () => Math.max(clock.now(), nextTurnAt);
  const isOpen = () => !isClosed && !rest.isResting() && turn() <= lastTurnAt;

  return {
    isOpen,
    async enter() {
      if (probe) await probe.done;
      if (!isOpen()) return false;
      if (rest.current()) probe ??= createProbe();
      const at = turn();
      nextTurnAt = at + channel.paceMs;
      await clock.wait(at - clock.now());
      return !isClosed;
    },
    async succeeded() {
      await rest.end();
      probe?.finish();
    },
    async failed({ kind, message, retryAfterMs }) {
      // A refused payload says nothing about the channel.
      if (!isClosed && kind !== 'payloadRefused') {
        isClosed = true;
        metrics.count('channelFailing', { channel: channel.name });
        log.error('channel failing', { channel: channel.name, reason: message });
        await rest.begin(message, retryAfterMs === undefined ? undefined : () => clampWaitMs(retryAfterMs));
      }
      probe?.finish();
    },
  };
}

function createProbe() {
  const { promise: done, resolve: finish } = Promise.withResolvers<void>();
  return { done, finish };
}
