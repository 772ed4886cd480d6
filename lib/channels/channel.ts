/** The interface of a channel. A channel type is one file, or one folder, and one line in `index.ts`. */

import type * as v from 'valibot';
import type { Person } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { Redactor } from '../platform/redaction.ts';
import type { Secrets } from '../platform/secrets.ts';

/** A destination of messages. */
export interface Channel {
  /**
   * Sends one message within `timeoutMs`, once and without retries of its own. Throws an `UpstreamError`, whose kind
   * decides when the delivery is tried again. `earlier` are the messages about the same job that the channel has
   * accepted, in their order: a channel may change the earlier one instead.
   */
  send(message: Message, timeoutMs: number, earlier?: SentMessage[]): Promise<Sent>;
  /**
   * Looks for a message whose attempts since a moment (ISO 8601) have an unknown fate. It is called before such a message
   * is sent again, and not before a minute has passed. Throws like `send`. Left out: the channel cannot be asked.
   */
  lookUp?(message: Message, timeoutMs: number, since: string, earlier: SentMessage[]): Promise<LookUp>;
  /** The kind of address, if the channel writes to the person who started the job: the `recipient` of the message. */
  readonly personal?: keyof Person | undefined;
  /** Checks that a message would arrive, without sending one. Throws like `send`. For operators only. */
  verify(timeoutMs: number): Promise<void>;
  /** What `verify` cannot check, in one sentence. Left out: nothing. */
  readonly unverified?: string;
  /** A further check, of what goes wrong without an error. For operators only. */
  readonly inspection?: Inspection;
  /** The payload that `send` would send, and the text that a person would read. */
  render(message: Message): { text: string; payload: object };
  /** The shortest time between two messages that the channel accepts, in milliseconds; 0: any. */
  readonly minIntervalMs: number;
  /** How many messages the channel accepts at once after a pause of as many intervals; left out: one. */
  readonly burst?: number;
}

/** A check of a channel beside `verify`. */
export interface Inspection {
  /** What is checked, before the name of the channel: `subscribers of`. */
  subject: string;
  /** What it means that there are no problems. */
  fine: string;
  /** The problems, with what to do; an empty list if there are none. Throws like `verify`. */
  findProblems(timeoutMs: number): Promise<string[]>;
}

/** What a channel knows of a message that it accepted. */
export interface Sent {
  /** What the service returned: an id, or `ok`. */
  receipt: string;
  /** How long the service drops a repetition of this message, in milliseconds. Left out: it does not. */
  dedupWindowMs?: number;
  /** Whether two equal receipts are of one message. */
  identifiesMessage?: true;
}

/** A message about the same job that the channel has accepted before. */
export interface SentMessage {
  message: Message;
  receipt: string;
}

/** What a channel knows of a message whose fate was unknown. `refused`: it may not be asked, with the reason. */
export type LookUp = { found: Sent } | { found: null } | { refused: string };

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
  /** The `personal` of a channel with this configuration, which may be unchecked. */
  personal?(config: Record<string, unknown>): keyof Person | undefined;
}

/** What a type makes. `defineChannel` adds the rest. */
type OwnChannel = Omit<Channel, 'personal'>;

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
  personal = () => undefined,
  create,
}: {
  config?: Config;
  references?: References;
  generate?: { [Member in keyof References]?: () => string };
  personal?: NonNullable<ChannelType['personal']>;
  create(deps: ChannelDeps, config: v.InferOutput<v.ObjectSchema<Config & References, undefined>>): OwnChannel;
}): ChannelType {
  return {
    config: { ...config, ...references },
    references: Object.keys(references ?? {}),
    generate: generate as Record<string, () => string>,
    create: (deps, config) => ({ ...create(deps, config as never), personal: personal(config) }),
    personal,
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
