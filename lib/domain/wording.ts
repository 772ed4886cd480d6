/** The texts of a message about a job. Pure. */

import {
  type Decision,
  type Exceeded,
  isTerminal,
  type Job,
  type JobRecord,
  type Notice,
  type Outcome,
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

/** How an outcome looks. The icon differs in shape, so that it can be told apart without the color of the tone. */
export interface Look {
  tone: 'good' | 'warning' | 'bad' | 'neutral';
  /** One character that every font and every service has. */
  icon: string;
}

/** The words and the look of an outcome, and one sentence that says more than its title. */
interface Wording extends Look {
  word: string;
  sentence?: (context: NoticeContext) => string | null;
}

const wordings: Record<Outcome, Wording> = {
  completed: { word: 'Completed', tone: 'good', icon: '✓' },
  completedWithWarnings: {
    word: 'Completed with warnings',
    tone: 'warning',
    icon: '⚠',
    sentence: ({ job }) => {
      const failed = job?.statistics?.failed;
      return `${failed == null ? 'Some items' : items(failed)} failed and ${failed === 1 ? 'was' : 'were'} not published; the rest is published.`;
    },
  },
  publishedNothing: {
    word: 'Completed, published nothing',
    tone: 'warning',
    icon: '○',
    sentence: ({ job }) => {
      const skipped = job?.statistics?.skipped ?? null;
      if (skipped === null) return 'Sitecore skipped every item.';
      return `Sitecore skipped ${skipped === 1 ? 'the only item' : `all ${items(skipped)}`}.`;
    },
  },
  failed: {
    word: 'Failed',
    tone: 'bad',
    icon: '✕',
    sentence: () => 'Sitecore gives no reason. Check the job there before you publish again.',
  },
  canceled: {
    word: 'Canceled',
    tone: 'neutral',
    icon: '⊘',
    sentence: () => 'Items that were already published stay published.',
  },
  lostTrack: { word: 'Lost track', tone: 'warning', icon: '?', sentence: lost },
  late: { word: 'Late', tone: 'warning', icon: '◔', sentence: delay },
  stuck: { word: 'Stuck', tone: 'warning', icon: '‖', sentence: delay },
  started: {
    word: 'Started',
    tone: 'neutral',
    icon: '▷',
    sentence: ({ job, record }) =>
      job?.status === 'Queued' && isStill(job.status, record) ? 'It is in the queue.' : null,
  },
  test: {
    word: 'TEST',
    tone: 'neutral',
    icon: '◇',
    sentence: () => 'Messages reach this channel; nothing was published.',
  },
  trouble: { word: 'Not working', tone: 'bad', icon: '✕', sentence: consequence },
  recovered: {
    word: 'Works again',
    tone: 'good',
    icon: '✓',
    sentence: () => 'The notifier catches up by itself; there is nothing to do.',
  },
};

/** How an outcome looks, in every channel. */
export const lookOf = (outcome: Outcome): Look => ({ tone: wordings[outcome].tone, icon: wordings[outcome].icon });

/** How a time limit is described: the suffix of the status word, the words before its start, and the state of the job. */
interface DelayWords {
  suffix: string;
  since: string;
  state: string;
}

/** For each time limit: how it is described while it lasts, when it is over, and in the message about the end. */
const delays: Record<TimeLimit, { present: DelayWords; past: DelayWords; before: string }> = {
  queuedFor: {
    present: { suffix: ', still queued', since: 'queued since', state: 'It has been queued for' },
    past: { suffix: ', was still queued', since: 'was queued since', state: 'It had been queued for' },
    before: 'was late: queued',
  },
  runningFor: {
    present: { suffix: ', still running', since: 'running since', state: 'It has been running for' },
    past: { suffix: ', was still running', since: 'was running since', state: 'It had been running for' },
    before: 'was late: ran',
  },
  noProgressFor: {
    present: { suffix: '', since: 'no progress since', state: 'Its counters have not changed for' },
    past: {
      suffix: ', was without progress',
      since: 'had no progress since',
      state: 'Its counters had not changed for',
    },
    before: 'was stuck',
  },
};

/** The title: the outcome and where, then what. `Failed in production: Whole environment`. */
export function titleOf(context: NoticeContext): string {
  const { record, outcome, decision, job, corrects } = context;
  const { word } = wordings[outcome];
  if (decision?.trouble) return `${word}: ${subjectOf(decision.trouble)}`;
  const suffix = `${delayWords(context)?.suffix ?? ''}${corrects ? ' (correction)' : ''}`;
  return `${word} in ${record.environment}${suffix}: ${job?.name ?? record.jobId}`;
}

/** One sentence that says what the outcome means and what to do. Null if that is no more than the title says. */
export function summaryOf(context: NoticeContext): string | null {
  const sentence = wordings[context.outcome].sentence?.(context) ?? null;
  if (context.corrects === null) return sentence;
  const corrected = `This corrects “${wordings[context.corrects].word}”`;
  return sentence === null ? `${corrected}.` : `${corrected}: ${sentence}`;
}

const subjectOf = ({ kind, name }: Trouble): string =>
  kind === 'discovery' ? `discovery in environment ${name}` : `${kind} ${name}`;

const consequences: Record<Trouble['kind'], string> = {
  environment: 'Nobody is notified of the jobs of this environment until it can be read again',
  discovery: 'New jobs are noticed only if they are handed over by their ids, until the list can be read again',
  channel: 'Messages to this channel wait until it works again',
};

function consequence({ decision }: NoticeContext): string {
  if (!decision?.trouble) return 'A part of the notifier does not work.';
  const { kind, reason } = decision.trouble;
  return `${consequences[kind]}: ${reason}${/[.!?…]$/.test(reason) ? '' : '.'}`;
}

function lost({ record, decision }: NoticeContext): string {
  if (decision === null) return 'How it ended is unknown.';
  const isNotFound = decision.reason === 'lostTrackNotFound';
  if (record.decision?.outcome !== 'lostTrack') {
    const what = isNotFound ? 'Sitecore did not recognize this job' : 'The job was unreadable';
    return `${what}, and it was found again later: its status is ${record.status}.`;
  }
  const what = isNotFound ? 'Sitecore no longer recognizes this job' : 'The job is unreadable';
  const last = decision.status === null ? 'it was never read' : `its last known status is ${decision.status}`;
  return `${what}: ${last}, and how it ended is unknown.`;
}

function delay(context: NoticeContext): string {
  const { record, limit } = context;
  const exceeded: Exceeded | undefined = limit && record.exceeded?.[limit];
  const words = delayWords(context);
  if (!words || !exceeded) return 'It has not ended.';
  const lasted = secondsBetween(exceeded.decision.since, exceeded.decision.at) ?? 0;
  return `${words.state} ${inWords(lasted)}, and the limit is ${inWords(exceeded.minutes * 60)}${whatFollowed(context)}.`;
}

/** A channel may accept the message only when the job has left that status, or is no longer watched. */
const isStill = (status: string | null | undefined, { status: now, check }: JobRecord): boolean =>
  now === status && check.nextAt !== null;

const delayWords = ({ record, limit, decision }: NoticeContext): DelayWords | undefined =>
  limit && delays[limit][isStill(decision?.status, record) ? 'present' : 'past'];

function whatFollowed({ record: { status, check }, decision }: NoticeContext): string {
  if (isTerminal(status)) return `; it has ended since then, and its status is ${status}`;
  if (check.nextAt === null) return '; the notifier no longer watches it';
  return status === decision?.status ? '' : `; its status is ${status} now`;
}

/** The line below: who, from where, what, how long, how many and when, as far as it is known. */
export interface ContextLine {
  /** `Jane Editor`, `Pages`, `4 min`, `812 items`. */
  facts: string[];
  /** A moment (ISO 8601, UTC) to show in the reader's time zone, and the words before it; no words: the end. */
  time: { words: string; at: string };
  /** Null in a notice about no job. */
  jobId: string | null;
}

/** What is known about a job beside its outcome. */
export function contextLineOf(context: NoticeContext): ContextLine {
  const { record, decision, job } = context;
  if (decision?.trouble) return { facts: [], time: { words: 'since', at: decision.trouble.since }, jobId: null };
  const facts = job ? [...who(job), ...what(job), ...howLong(job), ...howMany(job), ...delaysBefore(context)] : [];
  return { facts, time: timeOf(context), jobId: record.jobId };
}

function timeOf(context: NoticeContext): ContextLine['time'] {
  const { record, outcome, decision, job } = context;
  if (decision?.since) {
    const delay = delayWords(context);
    if (delay) return { words: delay.since, at: decision.since };
    const state = decision.reason === 'lostTrackNotFound' ? 'not found since' : 'unreadable since';
    const isFoundAgain = record.decision?.outcome !== 'lostTrack';
    if (outcome === 'lostTrack') return { words: isFoundAgain ? `was ${state}` : state, at: decision.since };
  }
  return { words: '', at: job?.finishedAt ?? decision?.at ?? record.firstSeenAt };
}

const who = ({ startedBy, canceledBy, source }: Job): string[] => [
  ...(startedBy ? [startedBy] : []),
  ...(canceledBy ? [`canceled by ${canceledBy}`] : []),
  ...(source ? [source] : []),
];

function what({ published }: Job): string[] {
  const { type, mode, locales = [] } = published ?? {};
  const shown = locales.slice(0, 3).join(', ');
  const others = locales.length > 3 ? ` and ${locales.length - 3} more` : '';
  return [type ?? '', mode ?? '', `${shown}${others}`].filter((fact) => fact !== '');
}

function howLong({ startedAt, finishedAt }: Job): string[] {
  const took = secondsBetween(startedAt, finishedAt);
  return took === null ? [] : [roughly(took)];
}

// No percentages: the counters are sums over locales, and some items count twice.
function howMany(job: Job): string[] {
  const { sent, processed, failed, skipped, asOf } = job.statistics ?? {};
  const count = processed ?? sent ?? null;
  const hasEnded = isTerminal(job.status);
  const soFar = asOf && !(hasEnded && isFinal(job)) ? ' so far' : '';
  return [
    ...(count !== null && (count > 0 || hasEnded) ? [`${items(count)}${soFar}`] : []),
    ...(failed ? [`${grouped(failed)} failed`] : []),
    ...(skipped ? [`${grouped(skipped)} skipped`] : []),
  ];
}

/** The delays of a job that has ended, so that readers who were notified of them know that they are over. */
function delaysBefore({ record, job }: NoticeContext): string[] {
  if (!isTerminal(job?.status ?? null)) return [];
  return timeLimitNames.flatMap((limit) => {
    const { minutes, decision } = record.exceeded?.[limit] ?? {};
    if (!minutes || !decision) return [];
    return [`${delays[limit].before} over ${inWords(minutes * 60)}`];
  });
}

/** The line below as plain text, for readers whose time zone is unknown. */
export const contextText = ({ facts, time, jobId }: ContextLine): string =>
  [...facts, `${time.words} ${inUtc(time.at)}`.trim(), ...(jobId === null ? [] : [jobId])].join(' · ');

/** A moment for a reader whose time zone is unknown: `2026-01-01 10:04 UTC`. */
export const inUtc = (moment: string): string => `${moment.slice(0, 16).replace('T', ' ')} UTC`;

/** Whole seconds between two moments; null if one of them is unknown or they are out of order. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
  return seconds < 0 ? null : seconds;
}

/** `45 s`, `4 min`, `1 h 31 min`: no more than a reader needs. */
const roughly = (seconds: number): string => inWords(seconds < 60 ? seconds : Math.round(seconds / 60) * 60);

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

const items = (count: number): string => (count === 1 ? '1 item' : `${grouped(count)} items`);

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
