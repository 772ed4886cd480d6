/** What holds for one invocation: how long it lasts, and who may be called in it. */

import type { Parts } from '../deps.ts';
import type { Terms } from '../domain/advance.ts';
import type { Rest } from '../domain/job.ts';
import { createGate, type Gate } from './api-breaker.ts';
import { createLane, type Lane } from './channel-breaker.ts';
import { createRest, restKey } from './cooldown.ts';

export interface Invocation {
  /** Epoch milliseconds; nothing that leaves the process is to last longer. */
  deadline: number;
  /** Reading the API ends here, so that what it brings can still be recorded and sent. */
  readBefore: number;
  gate(environment: string): Gate;
  /** Undefined: no such channel is configured (any more). */
  lane(channel: string): Lane | undefined;
  /** Other marks that were asked for. */
  marks: Map<string, object>;
  /** The terms under which records change now. */
  terms(options: TermsOptions): Terms;
}

export interface TermsOptions {
  /** Whether this worker may conclude that a job is gone. */
  conclude: boolean;
  /** False: a job that is seen for the first time, and has ended, is no news. */
  isNews?: boolean;
}

/** The time that one message may take. */
export const sendTimeoutMs = 5_000;
/** The time kept for a receipt after the last message. */
const receiptMs = 2_000;
/** Clocks of different machines may differ by as much. */
const clockToleranceMs = 30_000;

/** Reads who rests among the environments concerned and all channels, in one call, and opens the ways to the others. */
export async function beginInvocation(
  parts: Parts,
  { deadline, environments, marks: others = [] }: { deadline: number; environments: string[]; marks?: string[] },
): Promise<Invocation> {
  const { store, clock, config } = parts;
  const names = Object.keys(config.channels);
  const keys = [
    ...environments.map((name) => restKey('environment', name)),
    ...names.map((name) => restKey('channel', name)),
  ];
  const marks = await store.readMarks([...keys, ...others]);
  const rest = (kind: 'environment' | 'channel', name: string) =>
    createRest(parts, restKey(kind, name), marks.get(restKey(kind, name)) as Rest | undefined);

  const lastTurnAt = deadline - receiptMs - sendTimeoutMs;
  const rests = new Map(environments.map((name) => [name, rest('environment', name)]));
  const gates = new Map(
    [...rests].map(([name, its]) => [
      name,
      createGate({ ...parts, api: parts.api(name), jobList: parts.jobList(name) }, name, its),
    ]),
  );
  const lanes = new Map(
    names.map((name) => {
      const channel = { name, paceMs: parts.channel(name).paceMs };
      return [name, createLane(parts, channel, rest('channel', name), lastTurnAt)];
    }),
  );
  const known = <Value>(map: Map<string, Value>, name: string): Value => {
    const value = map.get(name);
    if (value === undefined) throw new Error(`${name} is not part of this invocation`);
    return value;
  };

  return {
    deadline,
    readBefore: lastTurnAt - receiptMs,
    marks,
    gate: (environment) => known(gates, environment),
    lane: (channel) => lanes.get(channel),
    terms: ({ conclude, isNews = true }) => ({
      now: clock.now(),
      writer: parts.newId(),
      leaseUntil: deadline + clockToleranceMs,
      conclude,
      isOpen: (channel) => lanes.get(channel)?.isOpen() ?? true,
      rules: config.rules,
      channels: names,
      people: config.people,
      limitRules: config.limits,
      limits: isNews ? parts.limits : { ...parts.limits, announceWithinMs: Number.NEGATIVE_INFINITY },
    }),
  };
}
