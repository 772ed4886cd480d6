/** The texts of a message about a job. Pure. */

import {
  type Decision,
  type Exceeded,
  isTerminal,
  type Job,
  type JobRecord,
  type Notice,
  type Outcome,
  type Statistics,
  type TimeLimit,
  type Trouble,
  timeLimitNames,
} from './job.ts';
import { isFinal } from './transition.ts';

/** What a message is made from: an outcome of a job, as it was decided. */
export interface NoticeContext extends Notice {
  record: JobRecord;
  decision: Decision | null;
  /** The job at the time of the decision. */
  job: Job | null;
  /** The wrong outcome that this channel was notified of before; null: none. */
  corrects: Outcome | null;
}

/** A line of a message: a label with a text, or with a moment (ISO 8601, UTC) to show in the reader's time zone. */
export type Fact = { label: string; text: string } | { label: string; moment: string };

const words: Record<Outcome, string> = {
  completed: 'Completed',
  completedWithWarnings: 'Completed with warnings',
  publishedNothing: 'Completed, published nothing',
  failed: 'Failed',
  canceled: 'Canceled',
  lostTrack: 'Lost track',
  late: 'Late',
  stuck: 'Stuck',
  started: 'Started',
  test: 'TEST',
  trouble: 'Not working',
  recovered: 'Works again',
};

/** How a time limit is described: the suffix of the status word, the label of its start, and the state of the job. */
interface DelayWords {
  suffix: string;
  since: string;
  state: string;
}

/** For each time limit: how it is described while it lasts, when it is over, and in the message about the end. */
const delays: Record<TimeLimit, { present: DelayWords; past: DelayWords; before: string }> = {
  queuedFor: {
    present: {
      suffix: ', still queued',
      since: 'Queued since',
      state: 'The job has not started: it has been queued for',
    },
    past: {
      suffix: ', was still queued',
      since: 'Was queued since',
      state: 'The job had not started: it had been queued for',
    },
    before: 'in the queue',
  },
  runningFor: {
    present: {
      suffix: ', still running',
      since: 'Running since',
      state: 'The job has not ended: it has been running for',
    },
    past: {
      suffix: ', was still running',
      since: 'Was running since',
      state: 'The job had not ended: it had been running for',
    },
    before: 'running',
  },
  noProgressFor: {
    present: {
      suffix: '',
      since: 'No progress since',
      state: 'The job is running, but its counters and their report time have not changed for',
    },
    past: {
      suffix: ', was without progress',
      since: 'Had no progress since',
      state: 'The job was running, but its counters and their report time had not changed for',
    },
    before: 'without progress',
  },
};

/** The title: the status word, then the name or ID of the job. */
export function titleOf(context: NoticeContext): string {
  const { record, outcome, decision, job, corrects } = context;
  const word = `${words[outcome]}${delayWords(context)?.suffix ?? ''}${corrects ? ' (correction)' : ''}`;
  return `${word}: ${decision?.trouble ? subjectOf(decision.trouble) : (job?.name ?? record.jobId)}`;
}

/** What happened and what it means, in a few sentences. */
export function summaryOf(context: NoticeContext): string {
  const { corrects } = context;
  const correction = corrects ? [`This corrects an earlier message, which said “${words[corrects]}”.`] : [];
  return [...correction, meaning(context), ...delaysBefore(context)].join(' ');
}

/** A moment for a reader whose time zone is unknown: `2026-01-01 10:04 UTC`. */
export const inUtc = (moment: string): string => `${moment.slice(0, 16).replace('T', ' ')} UTC`;

/** The known facts about a job: who, where, when, how long, how many. */
export function* factsOf(context: NoticeContext): Generator<Fact> {
  const { record, limit, decision, job } = context;
  if (decision?.trouble) return yield* factsOfTrouble(decision.trouble, decision);
  yield { label: 'Environment', text: record.environment };
  if (job?.source) yield { label: 'Source', text: job.source };
  if (job?.startedBy) yield { label: 'Started by', text: job.startedBy };
  if (job?.canceledBy) yield { label: 'Canceled by', text: job.canceledBy };
  const took = job && duration(job);
  if (took) yield { label: 'Took', text: took };
  const delay = delayWords(context);
  if (delay && decision?.since) yield { label: delay.since, moment: decision.since };
  if (job?.finishedAt) yield { label: 'Ended', moment: job.finishedAt };
  else if (decision) yield { label: 'Noticed', moment: decision.at };
  if (job?.statistics) yield { label: 'Items', text: counts(job.statistics) };
  const asOf = job?.statistics?.asOf;
  if (asOf && (limit || !isFinal(job))) yield { label: 'Counters as of', moment: asOf };
  if (job?.name) yield { label: 'Job', text: record.jobId };
}

function* factsOfTrouble({ kind, name, since, reason }: Trouble, { at }: Decision): Generator<Fact> {
  yield { label: kind === 'channel' ? 'Channel' : 'Environment', text: name };
  yield { label: 'Not working since', moment: since };
  yield { label: 'Noticed', moment: at };
  yield { label: 'Cause', text: reason };
}

function meaning(context: NoticeContext): string {
  const { record, outcome, limit, decision, job } = context;
  const { failed, skipped } = job?.statistics ?? {};
  switch (outcome) {
    case 'completed':
      return 'The content is published.';
    case 'completedWithWarnings':
      return `The job completed, but ${items(failed)} failed and ${failed === 1 ? 'was' : 'were'} not published. The rest is published.`;
    case 'publishedNothing':
      return `The job completed but published nothing: Sitecore skipped ${skipped === 1 ? 'the only item' : `all ${items(skipped)}`}.`;
    case 'failed':
      return 'The whole job failed. The API gives no cause: check the job in Sitecore before you publish again.';
    case 'canceled':
      return 'The job was canceled before it finished. Items that were already published stay published.';
    case 'lostTrack':
      return lost(record, decision);
    case 'late':
    case 'stuck':
      return delay(context, limit && record.exceeded?.[limit]);
    case 'started':
      return job?.status === 'Queued' ? 'The job is in the queue.' : 'The job is running.';
    case 'test':
      return 'This is a test of the notifier: messages reach this channel. Nothing was published.';
    case 'trouble':
      return decision?.trouble ? consequences[decision.trouble.kind] : 'A part of the notifier does not work.';
    case 'recovered':
      return 'The notifier has caught up or does so now. Nothing is to be done.';
  }
}

const consequences: Record<Trouble['kind'], string> = {
  environment:
    'The notifier cannot read the jobs of this environment, so nobody is notified of them. It keeps trying, and reports what ended meanwhile.',
  discovery:
    'The notifier cannot read the list of jobs, so it does not notice new ones. Jobs that are handed over by their ids are watched as usual.',
  channel:
    'Messages to this channel are not accepted. The notifier keeps them, and sends them once the channel works again.',
};

const subjectOf = ({ kind, name }: Trouble): string =>
  kind === 'discovery' ? `discovery in environment ${name}` : `${kind} ${name}`;

function lost(record: JobRecord, decision: Decision | null): string {
  if (decision === null) return 'How the job ended is unknown.';
  const { reason, since, at, status } = decision;
  const when = inUtc(since ?? at);
  const isNotFound = reason === 'lostTrackNotFound';
  if (record.decision?.outcome !== 'lostTrack') {
    const what = isNotFound ? 'Sitecore did not recognize this job' : 'The job was unreadable';
    return `${what} from ${when} on. It was found again later: its status is ${record.status}.`;
  }
  const what = isNotFound
    ? `Sitecore has not recognized this job since ${when}.`
    : `The job has been unreadable since ${when}.`;
  const last = status === null ? 'It was never read.' : `Its last known status is ${status}.`;
  return `${what} ${last} How it ended is unknown.`;
}

function delay(context: NoticeContext, exceeded: Exceeded | undefined): string {
  const words = delayWords(context);
  if (!words || !exceeded) return 'The job has not ended.';
  const lasted = secondsBetween(exceeded.decision.since, exceeded.decision.at) ?? 0;
  const limit = `The limit is ${inWords(exceeded.minutes * 60)}.`;
  return `${words.state} ${inWords(lasted)}. ${limit} ${whatFollowed(context)}`;
}

/** A channel may accept the message only when the job has left that status, or is no longer watched. */
const delayWords = ({ record, limit, decision }: NoticeContext): DelayWords | undefined =>
  limit && delays[limit][record.status === decision?.status && record.check.nextAt !== null ? 'present' : 'past'];

function whatFollowed({ record: { status, check }, decision }: NoticeContext): string {
  if (isTerminal(status)) return `It has ended since then: its status is ${status}.`;
  if (check.nextAt === null) return 'The notifier no longer watches it.';
  const change = status === decision?.status ? '' : `Its status is ${status} now. `;
  return `${change}The notifier keeps watching it.`;
}

/** The delays of a job that has ended, so that readers who were notified of them know that they are over. */
function delaysBefore({ record, job }: NoticeContext): string[] {
  if (!isTerminal(job?.status ?? null)) return [];
  return (['late', 'stuck'] as const).flatMap((outcome) => {
    const how = timeLimitNames.flatMap((limit) => {
      const { minutes, decision } = record.exceeded?.[limit] ?? {};
      return minutes && decision?.outcome === outcome
        ? [`${delays[limit].before} for more than ${inWords(minutes * 60)}`]
        : [];
    });
    return how.length > 0 ? [`Earlier, it was ${outcome}: ${how.join(', ')}.`] : [];
  });
}

// No percentages: the counters are sums over locales, and processed can exceed sent.
function counts({ sent, processed, failed, skipped, deleted, additional }: Statistics): string {
  const shown = { sent, processed, failed, skipped };
  const others = Object.entries({ deleted, additional }).filter(([, count]) => count);
  return [...Object.entries(shown), ...others]
    .map(([label, count]) => `${count === null ? '–' : grouped(count)} ${label}`)
    .join(' · ');
}

function duration({ queuedAt, startedAt, finishedAt }: Job): string | null {
  const took = secondsBetween(startedAt, finishedAt);
  const waited = secondsBetween(queuedAt, startedAt);
  if (took === null) return null;
  return waited ? `${inWords(took)}, after ${inWords(waited)} in the queue` : inWords(took);
}

/** Whole seconds between two moments; null if one of them is unknown or they are out of order. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
  return seconds < 0 ? null : seconds;
}

function inWords(duration: number): string {
  const seconds = Math.round(duration);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor((seconds % 3_600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ') || '0 s';
}

const items = (count: number | null | undefined): string =>
  count == null ? 'some items' : count === 1 ? '1 item' : `${grouped(count)} items`;

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
