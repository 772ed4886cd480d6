/** What a channel is. One file per channel type, and one line in `index.ts`. */

import type * as v from 'valibot';
import type { Message } from '../domain/message.ts';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { Secrets } from '../platform/secrets.ts';

/** A place where messages go. */
export interface Channel {
  /**
   * Sends one message within `timeoutMs`, once and without retries of its own. Throws an `UpstreamError`, whose kind
   * decides when the delivery is tried again.
   */
  send(message: Message, timeoutMs: number): Promise<Sent>;
  /** Makes sure that a message would arrive, without sending one. Throws like `send`. For operators only. */
  verify(timeoutMs: number): Promise<void>;
  /** What `send` would send, and how a person reads it. */
  render(message: Message): { text: string; payload: object };
  /** The shortest time between two messages that the place bears, in milliseconds; 0: any. */
  readonly minIntervalMs: number;
}

/** What a channel knows of a message that it accepted. */
export interface Sent {
  /** What the service returned: an id, or `ok`. */
  receipt: string;
  /** How long the service drops a repetition of this message, in milliseconds. Left out: it does not. */
  dedupWindowMs?: number;
}

/** What a channel may use. */
export interface ChannelDeps {
  http: Http;
  clock: Clock;
  secrets: Secrets;
  redact: Redactor;
}

/** The members of a channel's configuration, beside `type`. */
export type ChannelConfig = { type: string } & Record<string, string>;

/** A type of channel: its part of the configuration, which of its members may be references, and how to make one. */
export interface ChannelType {
  config: v.ObjectEntries;
  /** The members that may be `env:NAME` or `ssm:/name`. */
  references: string[];
  create(deps: ChannelDeps, config: ChannelConfig): Channel;
}
