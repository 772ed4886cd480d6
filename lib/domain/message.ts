/** The content of a message, for people and for machines. Channels format it. Pure. */

import { createHash } from 'node:crypto';
import { decisionOf } from './announce.ts';
import {
  deliveryKey,
  isTerminal,
  type Job,
  type JobName,
  type JobRecord,
  jobKey,
  type Mention,
  type NamedPerson,
  type Notice,
  type Outcome,
  type Published,
  type Statistics,
  type TimeLimit,
  type Trouble,
  timeLimitNames,
} from './job.ts';
import {
  type ContextLine,
  contextLineOf,
  type Look,
  lookOf,
  type NoticeContext,
  secondsBetween,
  summaryOf,
  titleOf,
} from './wording.ts';

/** One message about one job, for any channel. Its texts contain user input: channels must escape them. */
export interface Message {
  /** The outcome and where, then what: `Failed in production: Whole environment`. */
  title: string;
  /** What is seen before it is read. */
  look: Look;
  /** One sentence: what it means and what to do. Null: no more than the title says. */
  summary: string | null;
  context: ContextLine;
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
  /** Where to look at the job; null if no address is known. */
  link: { label: string; url: string } | null;
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
  published: Published | null;
  /** Only in notices about the notifier itself. */
  trouble?: Trouble;
}

/** Makes the message about one outcome of a job for one channel. `jobUrl` is the template of its link. */
export function messageOf(
  record: JobRecord,
  { outcome, limit, channel, jobUrl }: Notice & { channel: string; jobUrl: string | undefined },
): Message {
  const { decision, job } = decisionOf(record, { outcome, limit });
  const trouble = decision?.trouble;
  const link = trouble ? null : linkTo(record.jobId, job, jobUrl);
  // A channel that was not notified of the earlier outcome gets no correction.
  const before = decision?.corrects ?? null;
  const corrects = before && record.deliveries[deliveryKey(before, channel)] ? before : null;
  const exceeded = timeLimitNames.filter((one) => record.exceeded?.[one]);
  const context: NoticeContext = { record, outcome, limit, decision, job, corrects };
  return {
    title: titleOf(context),
    look: lookOf(outcome),
    summary: summaryOf(context),
    context: contextLineOf(context),
    mention: decision?.mention ?? null,
    mentioned: decision?.mentioned ?? null,
    recipient: decision?.recipient ?? null,
    isLatest: !limit && outcome !== 'started' && record.decision?.outcome === outcome,
    decidedAt: decision?.at ?? record.firstSeenAt,
    link,
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
      url: jobUrl === undefined ? null : (link?.url ?? null),
      correction: corrects !== null,
      deduplicationId: deduplicationId(record, outcome, channel, limit),
      limit: limit ?? null,
      limitMinutes: (limit && record.exceeded?.[limit]?.minutes) ?? null,
      since: decision?.since ?? null,
      exceeded: isTerminal(job?.status ?? null) ? exceeded : [],
      published: job?.published ?? null,
      ...(trouble ? { trouble } : {}),
    },
  };
}

/** No address of the page of a job is known, so this is the closest one. */
const cloudPortal = 'https://app.sitecorecloud.io/?organization={organizationId}&tenantId={tenantId}';

/** The link of a message. Null if a value for its template is missing: half an address leads nowhere. */
function linkTo(jobId: string, job: Job | null, jobUrl: string | undefined): Message['link'] {
  const values = new Map(Object.entries({ jobId, organizationId: job?.organizationId, tenantId: job?.tenantId }));
  let isWhole = true;
  const url = (jobUrl ?? cloudPortal).replaceAll(placeholders, (_, name) => {
    const value = values.get(name);
    if (!value) isWhole = false;
    return encodeURIComponent(value ?? '');
  });
  return isWhole ? { label: jobUrl === undefined ? 'Open the Cloud Portal' : 'Open the job', url } : null;
}

const placeholders = /\{(jobId|organizationId|tenantId)\}/g;

/** Identifies one outcome of one job for one channel, the same in every attempt: SHA-256, 64 hexadecimal characters. */
export const deduplicationId = (job: JobName, outcome: Outcome, channel: string, limit?: TimeLimit): string =>
  sha256([jobKey(job), outcome, channel, ...(limit ? [limit] : [])].join('\n'));

/** SHA-256 as hexadecimal text. */
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
