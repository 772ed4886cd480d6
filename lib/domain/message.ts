/** The content of a message, for people and for machines. Channels format it. Pure. */

import { createHash } from 'node:crypto';
import { decisionOf } from './announce.ts';
import {
  deliveryKey,
  isTerminal,
  type JobName,
  type JobRecord,
  jobKey,
  type Mention,
  type NamedPerson,
  type Notice,
  type Outcome,
  type Statistics,
  type TimeLimit,
  type Trouble,
  timeLimitNames,
} from './job.ts';
import { type Fact, factsOf, type NoticeContext, secondsBetween, summaryOf, titleOf } from './wording.ts';

/** One message about one job, for any channel. Its texts contain user input: channels must escape them. */
export interface Message {
  /** Starts with the status word. */
  title: string;
  /** One or two sentences: what happened and what it means. */
  summary: string;
  facts: Fact[];
  /** For Slack: `here`, `channel`, or the ID of a member or user group. */
  mention: Mention | null;
  /** The person to mention, for channels with addresses of their own. Null: nobody, or `people` lists none. */
  mentioned: NamedPerson | null;
  /** To whom a personal channel writes. Null: to nobody. */
  recipient: NamedPerson | null;
  /** Whether this is how the job ended, or what became of the trouble, as far as it is known now. */
  isLatest: boolean;
  /** When the outcome was decided (ISO 8601): the same in every attempt. */
  decidedAt: string;
  /** A page about the job; null if none is configured. */
  url: string | null;
  document: JobDocument;
}

/** The versioned document for machines. Its JSON Schema is `docs/message.schema.json`; a version only gains members. */
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
  limit: TimeLimit | null;
  limitMinutes: number | null;
  since: string | null;
  exceeded: TimeLimit[];
  /** Only in notices about the notifier itself. */
  trouble?: Trouble;
}

/** Makes the message about one outcome of a job for one channel. `jobUrl` is a template with `{jobId}`. */
export function messageOf(
  record: JobRecord,
  { outcome, limit, channel, jobUrl }: Notice & { channel: string; jobUrl: string | undefined },
): Message {
  const { decision, job } = decisionOf(record, { outcome, limit });
  const trouble = decision?.trouble;
  const url = (trouble ? undefined : jobUrl)?.replaceAll('{jobId}', encodeURIComponent(record.jobId)) ?? null;
  // A channel that was not notified of the earlier outcome gets no correction.
  const before = decision?.corrects ?? null;
  const corrects = before && record.deliveries[deliveryKey(before, channel)] ? before : null;
  const exceeded = timeLimitNames.filter((one) => record.exceeded?.[one]);
  const context: NoticeContext = { record, outcome, limit, decision, job, corrects };
  return {
    title: titleOf(context),
    summary: summaryOf(context),
    facts: [...factsOf(context)],
    mention: decision?.mention ?? null,
    mentioned: decision?.mentioned ?? null,
    recipient: decision?.recipient ?? null,
    isLatest: !limit && outcome !== 'started' && record.decision?.outcome === outcome,
    decidedAt: decision?.at ?? record.firstSeenAt,
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
      deduplicationId: deduplicationId(record, outcome, channel, limit),
      limit: limit ?? null,
      limitMinutes: (limit && record.exceeded?.[limit]?.minutes) ?? null,
      since: decision?.since ?? null,
      exceeded: isTerminal(job?.status ?? null) ? exceeded : [],
      ...(trouble ? { trouble } : {}),
    },
  };
}

/** Identifies one outcome of one job for one channel, the same in every attempt: SHA-256, 64 hexadecimal characters. */
export const deduplicationId = (job: JobName, outcome: Outcome, channel: string, limit?: TimeLimit): string =>
  sha256([jobKey(job), outcome, channel, ...(limit ? [limit] : [])].join('\n'));

/** SHA-256 as hexadecimal text. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
