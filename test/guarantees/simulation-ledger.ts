/** What a simulation saw, and the model: what must have been sent, and what must not. */

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
export interface Told extends Notice {
  job: string;
  channel: string;
}

/** The channels that hear of an outcome. */
type Tells = (outcome: Outcome) => string[];

/** A message that a channel accepted. `open`: its receipt is on its way; `lost`: somebody lost it, for a known reason. */
interface Accepted {
  at: number;
  by: object;
  fate: 'open' | 'stored' | 'lost';
}

export interface Figures {
  runs: number;
  expected: number;
  sent: number;
  lost: number;
  repeated: number;
  repeatedWhereItCannotBeHelped: number;
}

export type Ledger = ReturnType<typeof createLedger>;

const minute = 60_000;
/** Clocks are up to so far apart. */
const apartMs = 20_000;
/** A sweep judges a denial when it has read all jobs, and what a list shows when its turn comes: so long later at most. */
const judgedWithinMs = 46_000;
/** A job must have been denied for so long before anybody is told. */
const notFoundForMs = 10 * minute - apartMs - judgedWithinMs;
const fifoRecognisesForMs = 4 * minute;

export function createLedger(now: () => number) {
  const owed = new Map<string, Told>();
  const accepted = new Map<string, Accepted[]>();
  const dead = new Set<string>();
  /** By message: the one that it corrects. */
  const corrects = new Map<string, string>();
  const read = new Set<string>();
  const shown = new Map<string, { body: string; since: number }>();
  /** As `<job>/<limit>`: limits that the API showed to be exceeded, and by which write that was decided. */
  const seenExceeded = new Set<string>();
  const decidedExceeded = new Map<string, string>();
  const denied = new Map<string, { first: number; last: number }>();
  /** Environments that were listed, and jobs that had ended when the first list of theirs was read. */
  const begunAt = new Map<string, number>();
  const noNews = new Set<string>();
  const statuses = new Map<string, string | null>();
  const vouched = new Map<string, JobName>();
  const violations: string[] = [];
  const figures = { sent: 0, repeatedWhereItCannotBeHelped: 0 };
  const violated = (what: string): void => void violations.push(what);

  const wasDeniedForLong = (job: string): boolean => {
    const { first, last } = denied.get(job) ?? { first: 0, last: 0 };
    return last - first >= notFoundForMs;
  };

  const wasSeen = ({ job, outcome, limit }: Told): boolean => {
    if (limit) return seenExceeded.has(`${job}/${limit}`);
    return outcome === 'lostTrack' ? wasDeniedForLong(job) : read.has(`${job}/${outcome}`);
  };

  const isTooEarly = (key: string): boolean => {
    const corrected = corrects.get(key);
    return corrected !== undefined && !accepted.has(corrected) && !dead.has(corrected);
  };

  /** Each of these channels is owed a message, and was chosen. */
  const owe = (notice: Notice & { job: string }, chosen: string[], named: string[]): void => {
    if (`${[...chosen].sort()}` !== `${[...named].sort()}`) {
      violated(`${notice.job}: ${notice.outcome} is told to ${chosen}`);
    }
    for (const channel of named) owed.set(keyOf({ ...notice, channel }), { ...notice, channel });
  };

  return {
    violations,
    violated,

    /** Somebody was promised that this job is watched. */
    vouch: (job: JobName): void => void vouched.set(jobKey(job), job),

    /** The API answered for a job: with an outcome, or that it knows no such job. */
    answered(job: string, outcome: Outcome | 'denied'): void {
      if (outcome !== 'denied') read.add(`${job}/${outcome}`);
      else denied.set(job, { first: denied.get(job)?.first ?? now(), last: now() });
    },

    /** The list was answered, with these that had ended: no news, if it is the first that gets into the table. */
    listed(environment: string, ended: string[]): void {
      if (!begunAt.has(environment)) for (const job of ended) noNews.add(job);
    },

    /** It is in the table that there was a first list. */
    began(environment: string): void {
      if (!begunAt.has(environment)) begunAt.set(environment, now());
    },

    /** The API showed a job as it is. */
    showed(job: string, body: string): void {
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
        const isOver = from !== false && now() - from + apartMs + judgedWithinMs > limits[limit] * minute;
        if (isOver) seenExceeded.add(`${job}/${limit}`);
      }
    },

    /** It is in the table that a job exceeds a limit. */
    exceeded(job: string, limit: TimeLimit, { decision }: Exceeded, its: { tells: Tells; writer: string }): void {
      const key = `${job}/${limit}`;
      const { outcome, channels } = decision;
      if ((decidedExceeded.get(key) ?? its.writer) !== its.writer) violated(`${key} was decided twice`);
      if (!seenExceeded.has(key)) violated(`${key} was decided, and the API never showed that`);
      decidedExceeded.set(key, its.writer);
      if (outcome) owe({ job, outcome, limit }, channels, its.tells(outcome));
    },

    /** A state is in the table. */
    recorded(job: string, status: string | null): void {
      const before = statuses.get(job) ?? null;
      if (isTerminal(before) && !isTerminal(status)) violated(`${job} was ${before}, and is ${status} again`);
      statuses.set(job, status);
    },

    /** A decision is in the table. From then on each channel that the rules name is owed a message. */
    decided(job: string, decision: Decision, its: { tells: Tells; isOld: boolean; endedAt: number | undefined }): void {
      const { outcome, reason, channels, rule } = decision;
      if (reason === 'notFound' && !wasDeniedForLong(job)) violated(`${job} was given up too early`);
      if (!outcome) return;
      const [environment = ''] = job.split('#');
      const endedBefore = (its.endedAt ?? now()) < (begunAt.get(environment) ?? 0);
      const mayBeOld = its.isOld || noNews.has(job) || endedBefore;
      const named = rule === null && mayBeOld ? [] : its.tells(outcome);
      for (const channel of named) {
        const key = keyOf({ job, outcome, channel });
        const corrected = decision.corrects && keyOf({ job, outcome: decision.corrects, channel });
        if (corrected && owed.has(corrected) && !owed.has(key)) corrects.set(key, corrected);
      }
      owe({ job, outcome }, channels, named);
    },

    /** A channel accepted a message. The answer may still be lost. */
    accepted(told: Told, by: object): Accepted {
      const key = keyOf(told);
      const before = accepted.get(key) ?? [];
      if (!wasSeen(told)) violated(`${key} is false: the API never said so`);
      if (!owed.has(key)) violated(`${key} was sent, and nobody decided so`);
      if (isTooEarly(key)) violated(`${key} came before what it corrects`);
      if (before.some(({ fate }) => fate !== 'lost')) violated(`${key} was sent twice`);
      else if (before.length > 0) figures.repeatedWhereItCannotBeHelped += 1;
      const one: Accepted = { at: now(), by, fate: 'open' };
      accepted.set(key, [...before, one]);
      figures.sent += 1;
      return one;
    },

    /** What became of a receipt: it is in the table, or could not be stored. */
    receipt(told: Told, fate: 'stored' | 'lost'): void {
      if (!accepted.has(keyOf(told))) violated(`${keyOf(told)} has a receipt, and was never accepted`);
      for (const one of accepted.get(keyOf(told)) ?? []) if (one.fate === 'open') one.fate = fate;
    },

    /** A message is given up for now. */
    gaveUp: (told: Told): void => void dead.add(keyOf(told)),

    /** A worker died: what it had not stored yet is lost. */
    died(worker: object): void {
      for (const one of [...accepted.values()].flat()) if (one.by === worker && one.fate === 'open') one.fate = 'lost';
    },

    /** Whether the API denied a job for as long as it must, for anybody to say so. */
    wasDeniedForLong,

    /** The model. `records` is the whole table at the end, when all that was broken had been repaired for long. */
    judge(records: Map<string, JobRecord>): Omit<Figures, 'runs'> {
      for (const job of vouched.keys()) if (!records.has(job)) violated(`${job} was promised, and is not in the table`);
      const lost = [...owed].filter(([key, { job, outcome, channel, limit }]) => {
        const delivery = records.get(job)?.deliveries[deliveryKey(outcome, channel, limit)];
        const times = accepted.get(key) ?? [];
        const apart = (times.at(-1)?.at ?? 0) - (times[0]?.at ?? 0);
        const isFlagged = delivery?.ambiguousSince != null;
        if (times.length > 1 && !isFlagged) violated(`${key} was repeated, and is not marked as ambiguous`);
        if (times.length > 1 && channel === 'fifo' && apart < fifoRecognisesForMs) violated(`${key} came twice`);
        if (delivery?.state !== 'sent') violated(`${key} is ${delivery?.state}: ${delivery?.error}`);
        return times.length === 0;
      });
      for (const [key] of lost) violated(`${key} was never sent`);
      // A message that was sent twice without need is a violation.
      return { ...figures, expected: owed.size, lost: lost.length, repeated: 0 };
    },
  };
}

const keyOf = ({ job, outcome, channel, limit }: Told): string => `${job}/${deliveryKey(outcome, channel, limit)}`;
