/** What people and machines are told, before any channel gives it a shape. Pure. */

import { createHash } from 'node:crypto';
import { decisionOf } from './decisions.ts';
import {
  type Decision,
  deliveryKey,
  type Job,
  type JobName,
  type JobRecord,
  jobKey,
  type Mention,
  type Outcome,
  type Statistics,
} from './job.ts';
import { isFinal } from './transition.ts';

/** A line of the message: a label with a text, or with a moment (ISO 8601, UTC) for the reader's own time zone. */
export type Fact = { label: string; text: string } | { label: string; moment: string };

/** One message about one job, fit for any channel. Its texts may hold anything that somebody typed: escape them. */
export interface Message {
  /** The status word first. */
  title: string;
  /** One or two sentences: what happened, and what that means. */
  summary: string;
  facts: Fact[];
  mention: Mention | null;
  /** A page about the job, if the configuration knows one. */
  url: string | null;
  document: JobDocument;
}

/** The versioned document for machines; its JSON Schema is `docs/message.schema.json`. Members are only ever added. */
export interface JobDocument {
  version: 1;
  jobId: string;
  environment: string;
  outcome: Outcome;
  status: string | null;
  previousStatus: string | null;
  reason: string;
  name: string | null;
  source: string | null;
  startedBy: string | null;
  canceledBy: string | null;
  queuedAt: string | null;
  startedAt: string | null;
  finishedAt: string | null;
  durationSeconds: number | null;
  statistics: Statistics | null;
  url: string | null;
  correction: boolean;
  deduplicationId: string;
}

const words: Record<Outcome, string> = {
  completed: 'Completed',
  completedWithWarnings: 'Completed with warnings',
  publishedNothing: 'Completed, published nothing',
  failed: 'Failed',
  canceled: 'Canceled',
  lostTrack: 'Lost track',
  test: 'TEST',
};

/** The message of one outcome of a job for one channel. `jobUrl` is a template with `{jobId}`. */
export function messageOf(
  record: JobRecord,
  { outcome, channel, jobUrl }: { outcome: Outcome; channel: string; jobUrl: string | undefined },
): Message {
  const { decision, job } = decisionOf(record, outcome);
  const url = jobUrl?.replaceAll('{jobId}', encodeURIComponent(record.jobId)) ?? null;
  // Who was not told before has nothing to be corrected.
  const before = decision?.corrects ?? null;
  const corrects = before && record.deliveries[deliveryKey(before, channel)] ? before : null;
  const word = corrects ? `${words[outcome]} (correction)` : words[outcome];
  const sentences = [
    corrects && `This corrects an earlier message, which said “${words[corrects]}”.`,
    meaning(outcome, job, decision),
  ];
  return {
    title: `${word}: ${job?.name ?? record.jobId}`,
    summary: sentences.filter(Boolean).join(' '),
    facts: [...facts(record, job, decision)],
    mention: decision?.mention ?? null,
    url,
    document: {
      version: 1,
      jobId: record.jobId,
      environment: record.environment,
      outcome,
      status: job?.status ?? null,
      previousStatus: decision?.previousStatus ?? null,
      reason: decision?.reason ?? 'finished',
      name: job?.name ?? null,
      source: job?.source ?? null,
      startedBy: job?.startedBy ?? null,
      canceledBy: job?.canceledBy ?? null,
      queuedAt: job?.queuedAt ?? null,
      startedAt: job?.startedAt ?? null,
      finishedAt: job?.finishedAt ?? null,
      durationSeconds: job ? secondsBetween(job.startedAt, job.finishedAt) : null,
      statistics: job?.statistics ?? null,
      url,
      correction: corrects !== null,
      deduplicationId: deduplicationId(record, outcome, channel),
    },
  };
}

/** The same for every attempt to tell one channel one outcome of one job: SHA-256, 64 hexadecimal characters. */
export const deduplicationId = (job: JobName, outcome: Outcome, channel: string): string =>
  sha256([jobKey(job), outcome, channel].join('\n'));

/** SHA-256 as hexadecimal text. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A moment for a reader whose time zone is not known: `2026-01-01 10:04 UTC`. */
export const inUtc = (moment: string): string => `${moment.slice(0, 16).replace('T', ' ')} UTC`;

function meaning(outcome: Outcome, job: Job | null, decision: Decision | null): string {
  const { failed, skipped } = job?.statistics ?? {};
  switch (outcome) {
    case 'completed':
      return 'The content is published.';
    case 'completedWithWarnings':
      return `The job ended, but ${items(failed)} failed and ${failed === 1 ? 'is' : 'are'} not published; the rest is.`;
    case 'publishedNothing':
      return `The job ended well, but nothing was published: Sitecore skipped ${skipped === 1 ? 'the only item' : `all ${items(skipped)}`}.`;
    case 'failed':
      return 'The whole job failed. The API names no cause: look at the job in Sitecore before publishing again.';
    case 'canceled':
      return 'The job was stopped before its end. What had been published by then stays published.';
    case 'lostTrack':
      return lost(decision);
    case 'test':
      return 'Somebody tries out the notifier: messages reach this channel. Nothing was published.';
  }
}

function lost(decision: Decision | null): string {
  if (decision === null) return 'How the job ended is not known.';
  const { reason, since, at, status } = decision;
  const when = inUtc(since ?? at);
  const what =
    reason === 'lostTrackNotFound'
      ? `Sitecore has denied this job since ${when}.`
      : `The job could not be read since ${when}.`;
  const last = status === null ? 'It was never read.' : `It was last read as ${status}.`;
  return `${what} ${last} How it ended is not known.`;
}

function* facts(record: JobRecord, job: Job | null, decision: Decision | null): Generator<Fact> {
  yield { label: 'Environment', text: record.environment };
  if (job?.source) yield { label: 'Source', text: job.source };
  if (job?.startedBy) yield { label: 'Started by', text: job.startedBy };
  if (job?.canceledBy) yield { label: 'Canceled by', text: job.canceledBy };
  const took = job && duration(job);
  if (took) yield { label: 'Took', text: took };
  if (job?.finishedAt) yield { label: 'Ended', moment: job.finishedAt };
  else if (decision) yield { label: 'Noticed', moment: decision.at };
  if (job?.statistics) yield { label: 'Items', text: counts(job.statistics) };
  if (job?.statistics?.asOf && !isFinal(job)) yield { label: 'Counted as of', moment: job.statistics.asOf };
  if (job?.name) yield { label: 'Job', text: record.jobId };
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

function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const seconds = Math.round((Date.parse(to) - Date.parse(from)) / 1_000);
  return seconds < 0 ? null : seconds;
}

function inWords(seconds: number): string {
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
