/** What a simulation observed, and the model: what must have been sent, and what must not. */

import {
  type Decision,
  deliveryKey,
  type Exceeded,
  isTerminal,
  type JobName,
  type JobRecord,
  jobKey,
  type Notice,
  type Outcome,
  type TimeLimit,
} from '../../lib/domain/job.ts';
import type { PublishingJob } from '../../local/publishing-job.ts';
import { limits } from './simulation-deployments.ts';

/** One message to one channel. */
export interface Message extends Notice {
  job: string;
  channel: string;
}

/** The channels that are notified of an outcome. */
type ChannelsFor = (outcome: Outcome) => string[];

/**
 * What becomes of a receipt. `open`: it is on its way; `lost`: it was lost for a known reason; `late`: it comes from a
 * process that was frozen, so that another worker may have sent the message as well.
 */
type Fate = 'open' | 'stored' | 'lost' | 'late';

interface Accepted {
  at: number;
  by: object;
  fate: Fate;
}

export interface Figures {
  runs: number;
  expected: number;
  sent: number;
  lost: number;
  repeated: number;
  repeatedUnavoidably: number;
  /** Those of the Slack app. None of them is ever repeated. */
  expectedInRoom: number;
  sentInRoom: number;
}

export type Ledger = ReturnType<typeof createLedger>;

const minute = 60_000;
/** The largest difference between two clocks. */
const apartMs = 20_000;
/** The longest time from a response (a 404, or a page of the list) to the moment when the sweep evaluates it. */
const evaluatedWithinMs = 46_000;
/** How long the API must respond 404 before the notifier reports a job as lost. */
const notFoundForMs = 10 * minute - apartMs - evaluatedWithinMs;
const fifoDedupWindowMs = 4 * minute;

export function createLedger(now: () => number) {
  const owed = new Map<string, Message>();
  const accepted = new Map<string, Accepted[]>();
  const dead = new Set<string>();
  /** By message: the message that it corrects. */
  const corrects = new Map<string, string>();
  const read = new Set<string>();
  const shown = new Map<string, { body: string; since: number }>();
  /** As `<job>/<limit>`: limits that the API showed to be exceeded, and the write that decided so. */
  const seenExceeded = new Set<string>();
  const decidedExceeded = new Map<string, string>();
  /** As `<job>/<limit>`: from when the limit counts, as the API showed it last; and when a worker was frozen last. */
  const counting = new Map<string, { from: number; shownAt: number }>();
  let frozenAt = Number.NEGATIVE_INFINITY;
  const notFound = new Map<string, { first: number; last: number }>();
  /** Environments that were listed, and jobs that had ended before the first list of their environment. */
  const begunAt = new Map<string, number>();
  const endedAtFirst = new Set<string>();
  let listedLast = new Set<string>();
  const statuses = new Map<string, string | null>();
  const promised = new Map<string, JobName>();
  const violations: string[] = [];
  const figures = { sent: 0, repeatedUnavoidably: 0, sentInRoom: 0 };
  const violated = (what: string): void => void violations.push(what);

  const wasNotFoundForLong = (job: string): boolean => {
    const { first, last } = notFound.get(job) ?? { first: 0, last: 0 };
    return last - first >= notFoundForMs;
  };

  const wasSeen = ({ job, outcome, limit }: Message): boolean => {
    if (limit) return seenExceeded.has(`${job}/${limit}`);
    return outcome === 'lostTrack' ? wasNotFoundForLong(job) : read.has(`${job}/${outcome}`);
  };

  const isTooEarly = (key: string): boolean => {
    const corrected = corrects.get(key);
    return corrected !== undefined && !accepted.has(corrected) && !dead.has(corrected);
  };

  /** Each of the channels that the rules name is owed a message, and must be the ones that were chosen. */
  const owe = (notice: Notice & { job: string }, chosen: string[], named: string[]): void => {
    if (`${[...chosen].sort()}` !== `${[...named].sort()}`) {
      violated(`${notice.job}: ${notice.outcome} goes to ${chosen}`);
    }
    for (const channel of named) owed.set(keyOf({ ...notice, channel }), { ...notice, channel });
  };

  return {
    violations,
    violated,

    /** A caller was promised that this job is watched. */
    promise: (job: JobName): void => void promised.set(jobKey(job), job),

    /** The API responded 404 for a job. */
    notFound: (job: string): void => void notFound.set(job, { first: notFound.get(job)?.first ?? now(), last: now() }),

    /** The list shows these ended jobs. They are not announced if the list is the first that the table records. */
    listed(environment: string, ended: string[]): void {
      if (!begunAt.has(environment)) for (const job of ended) endedAtFirst.add(job);
    },

    /** A worker has read a page of the list, with these jobs. */
    heardOf(jobs: string[]): void {
      listedLast = new Set([...listedLast, ...jobs]);
    },

    /** From now on, nothing goes wrong any more. */
    repaired(): void {
      listedLast = new Set();
    },

    /** Whether the list showed a job to a worker after the last repair. */
    wasListedLast: (job: string): boolean => listedLast.has(job),

    /** The table records that there was a first list. */
    began(environment: string): void {
      if (!begunAt.has(environment)) begunAt.set(environment, now());
    },

    /** The API showed a job. */
    showed(job: string, body: string, outcome: Outcome | undefined): void {
      if (outcome) read.add(`${job}/${outcome}`);
      if (/"status":"(Queued|Running)"/.test(body)) read.add(`${job}/started`);
      const before = shown.get(job);
      const standsSince = before?.body === body ? before.since : now();
      shown.set(job, { body, since: standsSince });
      const { status, queuedTime, startTime } = (JSON.parse(body) as PublishingJob).system;
      const since = {
        queuedFor: status === 'Queued' && Date.parse(queuedTime ?? ''),
        runningFor: status === 'Running' && Date.parse(startTime ?? ''),
        noProgressFor: status === 'Running' && standsSince,
      };
      for (const [limit, from] of Object.entries(since) as [TimeLimit, number | false][]) {
        const isOver = from !== false && now() - from + apartMs + evaluatedWithinMs > limits[limit] * minute;
        if (isOver) seenExceeded.add(`${job}/${limit}`);
        if (from !== false) counting.set(`${job}/${limit}`, { from, shownAt: now() });
      }
    },

    /** The table records that a job exceeds a limit. */
    exceeded(
      job: string,
      limit: TimeLimit,
      { decision }: Exceeded,
      its: { channelsFor: ChannelsFor; writer: string },
    ): void {
      const key = `${job}/${limit}`;
      const { outcome, channels } = decision;
      if ((decidedExceeded.get(key) ?? its.writer) !== its.writer) violated(`${key} was decided twice`);
      // A worker that was frozen evaluates what it read before.
      const { from, shownAt } = counting.get(key) ?? { from: now(), shownAt: now() };
      if (shownAt <= frozenAt && now() - from + apartMs > limits[limit] * minute) seenExceeded.add(key);
      if (!seenExceeded.has(key)) violated(`${key} was decided, and the API never showed that`);
      decidedExceeded.set(key, its.writer);
      if (outcome) owe({ job, outcome, limit }, channels, its.channelsFor(outcome));
    },

    /** The table records a status. */
    recorded(job: string, status: string | null): void {
      const before = statuses.get(job) ?? null;
      if (isTerminal(before) && !isTerminal(status)) violated(`${job} was ${before}, and is ${status} again`);
      statuses.set(job, status);
    },

    /** The table records a decision. From then on each channel that the rules name is owed a message. */
    decided(
      job: string,
      decision: Decision,
      its: { channelsFor: ChannelsFor; isOld: boolean; endedAt: number | undefined },
    ): void {
      const { outcome, reason, channels, rule } = decision;
      if (reason === 'notFound' && !wasNotFoundForLong(job)) violated(`${job} was given up too early`);
      if (!outcome) return;
      const [environment = ''] = job.split('#');
      const endedBefore = (its.endedAt ?? now()) < (begunAt.get(environment) ?? 0);
      const mayBeOld = its.isOld || endedAtFirst.has(job) || endedBefore;
      const named = rule === null && mayBeOld ? [] : its.channelsFor(outcome);
      for (const channel of named) {
        const key = keyOf({ job, outcome, channel });
        const corrected = decision.corrects && keyOf({ job, outcome: decision.corrects, channel });
        if (corrected && owed.has(corrected) && !owed.has(key)) corrects.set(key, corrected);
      }
      owe({ job, outcome }, channels, named);
    },

    /** A channel accepted a message of a worker. */
    accepted(message: Message, by: object, fate: Fate): void {
      const key = keyOf(message);
      const before = accepted.get(key) ?? [];
      if (!wasSeen(message)) violated(`${key} is false: the API never showed it`);
      if (!owed.has(key)) violated(`${key} was sent, and nobody decided so`);
      if (isTooEarly(key)) violated(`${key} came before the message that it corrects`);
      // A Slack app is asked before a message is repeated, whatever became of its worker.
      const isExcused = (one: Fate) => message.channel !== 'room' && (one === 'lost' || one === 'late');
      if (!isExcused(fate) && before.some((one) => !isExcused(one.fate))) violated(`${key} was sent twice`);
      else if (before.length > 0) figures.repeatedUnavoidably += 1;
      accepted.set(key, [...before, { at: now(), by, fate }]);
      figures.sent += 1;
      if (message.channel === 'room') figures.sentInRoom += 1;
    },

    /** A receipt is in the table, or could not be stored. */
    receipt(message: Message, fate: 'stored' | 'lost'): void {
      if (!accepted.has(keyOf(message))) violated(`${keyOf(message)} has a receipt, and was never accepted`);
      for (const one of accepted.get(keyOf(message)) ?? []) if (one.fate === 'open') one.fate = fate;
    },

    /** A delivery is dead. */
    gaveUp: (message: Message): void => void dead.add(keyOf(message)),

    /** A worker died, or is frozen. The receipts that it has not stored are lost, or come late. */
    stopped(worker: object, fate: 'lost' | 'late'): void {
      if (fate === 'late') frozenAt = now();
      for (const one of [...accepted.values()].flat()) if (one.by === worker && one.fate === 'open') one.fate = fate;
    },

    /** Whether the API responded 404 for long enough to report the job as lost. */
    wasNotFoundForLong,

    /** Evaluates the model. `records` is the whole table at the end, long after everything was repaired. */
    judge(records: Map<string, JobRecord>): Omit<Figures, 'runs'> {
      for (const job of promised.keys())
        if (!records.has(job)) violated(`${job} was promised, and is not in the table`);
      const lost = [...owed].filter(([key, { job, outcome, channel, limit }]) => {
        const delivery = records.get(job)?.deliveries[deliveryKey(outcome, channel, limit)];
        const times = accepted.get(key) ?? [];
        const apart = (times.at(-1)?.at ?? 0) - (times[0]?.at ?? 0);
        const isFlagged = delivery?.ambiguousSince != null;
        if (times.length > 1 && !isFlagged) violated(`${key} was repeated, and is not marked as ambiguous`);
        if (times.length > 1 && channel === 'fifo' && apart < fifoDedupWindowMs) violated(`${key} was accepted twice`);
        if (delivery?.state !== 'sent') violated(`${key} is ${delivery?.state}: ${delivery?.error}`);
        return times.length === 0;
      });
      for (const [key] of lost) violated(`${key} was never sent`);
      // An avoidable repetition is a violation.
      const expectedInRoom = [...owed.values()].filter(({ channel }) => channel === 'room').length;
      return { ...figures, expected: owed.size, lost: lost.length, repeated: 0, expectedInRoom };
    },
  };
}

const keyOf = ({ job, outcome, channel, limit }: Message): string => `${job}/${deliveryKey(outcome, channel, limit)}`;
