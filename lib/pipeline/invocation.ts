/** What one invocation shares: its deadline, its circuit breakers, and the context of its decisions. */

import type { Deps } from '../deps.ts';
import type { DecisionContext } from '../domain/decision-context.ts';
import type { Cooldown, JobName, JobRecord, Person } from '../domain/job.ts';
import { following } from '../platform/clock.ts';
import type { MaxAge } from '../table/store.ts';
import { type ApiBreaker, createApiBreaker } from './api-breaker.ts';
import { type ChannelBreaker, createChannelBreaker } from './channel-breaker.ts';
import { cooldownKey, createCooldown } from './cooldown.ts';
import { createPace, paceKey } from './pace.ts';

export interface Invocation {
  /** Epoch milliseconds. No request may take longer. */
  deadline: number;
  /** Reading the API ends at this time (epoch milliseconds), so that the results can still be recorded and sent. */
  readBefore: number;
  apiBreaker(environment: string): ApiBreaker;
  /** Undefined: the channel is not, or no longer, configured. */
  channelBreaker(channel: string): ChannelBreaker | undefined;
  /** When a channel worked again, if that was a short while before this invocation (epoch milliseconds). */
  recoveredAt(channel: string): number | null;
  /** The items that were read at the beginning: the cooldowns, and what the caller asked for. */
  marks: Map<string, object>;
  /** The record of `job`, read at the beginning too. */
  known: JobRecord | undefined;
  /** What decisions depend on now. */
  decisionContext(options: ContextOptions): DecisionContext;
}

export interface ContextOptions extends Pick<DecisionContext, 'conclude'> {
  /** False: a job that has ended when it is first seen is not announced. */
  isNews?: boolean;
}

/** What the caller of `decisionContext` knows; everything else is configured. */
type Worker = Omit<
  DecisionContext,
  'rules' | 'channels' | 'personal' | 'lookedUp' | 'people' | 'timeLimits' | 'timings'
>;

/** What decisions of this worker depend on. The only place that reads it from the configuration. */
export const decisionContext = (
  { config, timings, channel }: Pick<Deps, 'config' | 'timings' | 'channel'>,
  worker: Worker,
): DecisionContext => {
  const channels = Object.keys(config.channels);
  return {
    ...worker,
    rules: config.rules,
    channels,
    personal: personalChannels(channels, channel),
    lookedUp: new Set(channels.filter((name) => channel(name).lookUp)),
    people: config.people,
    timeLimits: config.timeLimits,
    timings,
  };
};

/** The channels that write to the person who started a job, with the kind of address that they use. */
export const personalChannels = (names: string[], channel: Deps['channel']): Record<string, keyof Person> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const { personal } = channel(name);
      return personal ? [[name, personal]] : [];
    }),
  );

/** The time limit of one message, in milliseconds. */
export const sendTimeoutMs = 5_000;
/** The time reserved for storing a receipt after the last message. */
const receiptMs = 2_000;
/** A sweep claims turns until the next poll can claim more, and for so many seconds longer. */
const overlapSeconds = 5;
/** The assumed maximum clock skew between machines. */
const clockToleranceMs = 30_000;
/** Who takes over looks for messages at once. By then the last attempt must be a minute ago. */
const lookMarginMs = 30_000;

/**
 * Reads the cooldowns of these environments and all channels, with the record of `job` if there is one job, in one call,
 * and makes the circuit breakers. With `maxAgeMs`, marks may be that old: enough to see that there is nothing to do, not
 * to call an environment or to send.
 */
export async function beginInvocation(
  deps: Deps,
  options: { deadline: number; environments: string[]; marks?: string[]; job?: JobName; maxAgeMs?: MaxAge },
): Promise<Invocation> {
  const { store, clock, config } = deps;
  const { environments, marks: others = [], job } = options;
  const names = Object.keys(config.channels);
  const keys = [
    ...others,
    ...environments.map((name) => cooldownKey('environment', name)),
    ...names.map((name) => cooldownKey('channel', name)),
    ...names.filter((name) => deps.channel(name).minIntervalMs > 0).map(paceKey),
  ];
  const deadlineNow = following(clock, options.deadline);
  const { record: known, marks } = job
    ? await store.getWithMarks(job, keys)
    : { record: undefined, marks: await store.readMarks(keys, { maxAgeMs: options.maxAgeMs }) };
  const deadline = deadlineNow();
  const cooldown = (kind: 'environment' | 'channel', name: string) =>
    createCooldown(deps, cooldownKey(kind, name), marks.get(cooldownKey(kind, name)) as Cooldown | undefined);

  const recoveredAt = (channel: string): number | null => {
    const { recoveredAt: at } = (marks.get(cooldownKey('channel', channel)) ?? {}) as Partial<Cooldown>;
    return at === undefined ? null : Date.parse(at);
  };

  const isLookedUp = names.some((name) => deps.channel(name).lookUp);
  const leaseUntil = deadline + clockToleranceMs + (isLookedUp ? lookMarginMs : 0);
  const lastTurnAt = deadline - receiptMs - sendTimeoutMs;
  const cooldowns = new Map(environments.map((name) => [name, cooldown('environment', name)]));
  const apiBreakers = new Map(
    [...cooldowns].map(([name, its]) => [
      name,
      createApiBreaker({ ...deps, api: deps.api(name), jobList: deps.jobList(name) }, name, its),
    ]),
  );
  const channelBreakers = new Map(
    names.map((name) => {
      const { minIntervalMs, burst } = deps.channel(name);
      const claimed = marks.get(paceKey(name)) as { until: number } | undefined;
      const pace = createPace(deps, { name, minIntervalMs, burst }, claimed);
      // The clock may still be corrected.
      const turns = {
        lastTurnAt: () => lastTurnAt + deadlineNow() - deadline,
        mostAheadMs: (config.settings.pollEverySeconds + overlapSeconds) * 1_000,
      };
      return [name, createChannelBreaker(deps, { name, pace }, cooldown('channel', name), turns)];
    }),
  );
  const required = <Value>(map: Map<string, Value>, name: string): Value => {
    const value = map.get(name);
    if (value === undefined) throw new Error(`${name} is not part of this invocation`);
    return value;
  };

  return {
    deadline,
    readBefore: lastTurnAt - receiptMs,
    marks,
    known,
    recoveredAt,
    apiBreaker: (environment) => required(apiBreakers, environment),
    channelBreaker: (channel) => channelBreakers.get(channel),
    decisionContext: ({ conclude, isNews = true }) => {
      const { config, timings, channel, newId } = deps;
      const announceWithinMs = isNews ? timings.announceWithinMs : Number.NEGATIVE_INFINITY;
      return decisionContext(
        { config, channel, timings: { ...timings, announceWithinMs } },
        {
          // A process that was frozen decides as of its deadline: what it has read may be old.
          now: Math.min(clock.now(), deadline),
          writer: newId(),
          leaseUntil,
          conclude,
          acceptsMessages: (channel) => channelBreakers.get(channel)?.acceptsMessages() ?? true,
          recoveredAt,
        },
      );
    },
  };
}
