/** The interface of a channel. A channel type is one file, and one line in `index.ts`. */

import type * as v from 'valibot';
import type { Message } from '../domain/message.ts';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { Secrets } from '../platform/secrets.ts';

/** A destination of messages. */
export interface Channel {
  /**
   * Sends one message within `timeoutMs`, once and without retries of its own. Throws an `UpstreamError`, whose kind
   * decides when the delivery is tried again.
   */
  send(message: Message, timeoutMs: number): Promise<Sent>;
  /** Checks that a message would arrive, without sending one. Throws like `send`. For operators only. */
  verify(timeoutMs: number): Promise<void>;
  /** What `verify` cannot check, in one sentence. Left out: nothing. */
  readonly unverified?: string;
  /**
   * Problems that make messages disappear without an error, with what to do; an empty list if there are none. Throws like
   * `verify`. For operators only.
   */
  inspect?(timeoutMs: number): Promise<string[]>;
  /** The payload that `send` would send, and the text that a person would read. */
  render(message: Message): { text: string; payload: object };
  /** The shortest time between two messages that the channel accepts, in milliseconds; 0: any. */
  readonly minIntervalMs: number;
  /** How many messages the channel accepts at once after a pause of as many intervals; left out: one. */
  readonly burst?: number;
}

/** What a channel knows of a message that it accepted. */
export interface Sent {
  /** What the service returned: an id, or `ok`. */
  receipt: string;
  /** How long the service drops a repetition of this message, in milliseconds. Left out: it does not. */
  dedupWindowMs?: number;
}

/** The dependencies of a channel. */
export interface ChannelDeps {
  http: Http;
  clock: Clock;
  secrets: Secrets;
  redact: Redactor;
}

/** The checked configuration of a channel. */
export type ChannelConfig = { type: string; [member: string]: unknown };

/** A type of channel, as the register and the schema of the configuration use it. `defineChannel` makes it. */
export interface ChannelType {
  /** The members of the configuration beside `type`. */
  config: v.ObjectEntries;
  /** The names of those members that hold references: one, or a list of them. */
  references: string[];
  /** Generates a value for a member of `references` whose value the operator may choose freely. */
  generate?: Record<string, () => string>;
  create(deps: ChannelDeps, config: Record<string, unknown>): Channel;
}

/** Members whose values are references (`env:NAME`, `ssm:/name`) or secrets. Make them of `reference`. */
type ReferenceEntries = Record<string, v.GenericSchema<unknown, string | string[] | undefined>>;

/**
 * Defines a type of channel. `create` receives the configuration as the entries of `config` and `references` infer it.
 * References are read together at the cold start, and problems with the configuration never show their values.
 */
export function defineChannel<
  Config extends v.ObjectEntries = Record<never, never>,
  References extends ReferenceEntries = Record<never, never>,
>({
  config,
  references,
  generate = {},
  create,
}: {
  config?: Config;
  references?: References;
  generate?: { [Member in keyof References]?: () => string };
  create(deps: ChannelDeps, config: v.InferOutput<v.ObjectSchema<Config & References, undefined>>): Channel;
}): ChannelType {
  return {
    config: { ...config, ...references },
    references: Object.keys(references ?? {}),
    generate: generate as Record<string, () => string>,
    create,
  };
}

/** Every reference in the configuration of a channel, with its member: `secrets[0]` for the first one of a list. */
export function referencesIn(
  types: Record<string, ChannelType>,
  channel: ChannelConfig,
): { member: string; reference: string; generate: (() => string) | undefined }[] {
  const type = types[channel.type];
  return (type?.references ?? []).flatMap((member) => {
    const value = channel[member];
    const generate = type?.generate?.[member];
    if (typeof value === 'string') return [{ member, reference: value, generate }];
    if (!Array.isArray(value)) return [];
    return value.map((one, index) => ({ member: `${member}[${index}]`, reference: one, generate }));
  });
}
