/** What a decision depends on besides the job: the time, the worker, the configured rules and the waits. Plain data. */

import type { Person, TimeLimit } from './job.ts';

/** Everything besides the job that a decision depends on. Times are epoch milliseconds. */
export interface DecisionContext {
  now: number;
  /** Unique per write. */
  writer: string;
  /** When a lease that is acquired now expires. */
  leaseUntil: number;
  /** Whether this worker may conclude that a job is gone. */
  conclude: boolean;
  /** Whether a channel accepts messages now, as far as this worker knows. */
  acceptsMessages: (channel: string) => boolean;
  /** When a channel that had failed worked again, if that was a short while ago. Left out, or null: nothing of the kind. */
  recoveredAt?: ((channel: string) => number | null) | undefined;
  /** Null: no rules are configured, and every channel is notified of everything but `started`. */
  rules: Rule[] | null;
  /** Names of the configured channels. */
  channels: string[];
  /** Those of them that write to the person who started the job, with the kind of address that they use. */
  personal?: Record<string, keyof Person> | undefined;
  /** Those of them that can be asked for a message whose fate is unknown. Left out: none. */
  lookedUp?: ReadonlySet<string> | undefined;
  /** By the names that start jobs. A text is the ID of a Slack member. */
  people: Record<string, string | Person>;
  timeLimits: TimeLimitRule[];
  timings: Timings;
}

/** The waits that decisions depend on, in milliseconds. */
export interface Timings {
  /** A job that ended longer than this before it was first seen is not announced. */
  announceWithinMs: number;
  /** How long the API may respond "not found" before a job counts as gone: the job may be new, or the response a hiccup. */
  notFoundForMs: number;
  /** How long a job may stay unreadable before people are notified. */
  unreadableForMs: number;
  /** The retry window: a delivery is dead when its attempts have failed for this long. */
  retryForMs: number;
  /** How long the table keeps a job after the last thing was done for it. */
  keepForMs: number;
}

/** One routing rule of the configuration. */
export interface Rule {
  when?: When | undefined;
  /** Names of channels. An empty list notifies nobody, on purpose. */
  notify: string[];
  /** Passed on as it is, except `starter`, which stands for the person who started the job. */
  mention?: string | undefined;
}

/** Conditions of a rule. The members are joined by AND, the values of one member by OR. */
export type When = Partial<
  Record<'outcome' | 'environment' | 'source' | 'name' | 'startedBy' | 'createdByType', string[] | undefined>
>;

/** One entry of `limits` in the configuration, in minutes. The first entry that matches a job counts; a limit left out is off. */
export interface TimeLimitRule extends Partial<Record<TimeLimit, number | undefined>> {
  when?: Pick<When, 'environment' | 'source' | 'name'> | undefined;
}
