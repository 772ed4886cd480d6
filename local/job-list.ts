/** The jobs that the page shows, from the table and, in the demo, from the simulation. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Rule } from '../lib/domain/decision-context.ts';
import { isTerminal, type Job, type JobRecord, type Outcome, timeLimitNames } from '../lib/domain/job.ts';
import { namedDeliveries } from '../lib/domain/outbox.ts';
import { outcomeOf } from '../lib/domain/transition.ts';
import { type Look, lookOf } from '../lib/domain/wording.ts';
import { decisionWords, ruleIndex } from './rule-words.ts';

/** A job of the page's list. */
export interface JobRow {
  environment: string;
  jobId: string;
  status: string | null;
  job: Job | null;
  /** Its state in words, the tone that the page shows it in, and the icon of its outcome. */
  state: { label: string; tone: Look['tone'] | 'waiting' | 'running'; icon?: string };
  /** Why there is no status, or no newer one. */
  error: string | null;
  /** Whether it is known that discovery found the job. */
  isDiscovered: boolean;
  /** Whether it was `late` or `stuck` before its end. */
  delays: string[];
  /** Why somebody is notified, or is not. `rule` is the index of the rule that decided. */
  why: { text: string; rule: number | null };
  deliveries: { outcome: string; channel: string; state: string; attempts: number; error: string | null }[];
  firstSeenAt: string;
}

/** What the simulation knows about a job. */
export interface LiveJob {
  job: Job;
  isDiscovered: boolean;
}

/** Makes the function that reads every job of the table. */
export function createRecordReader({ endpoint, tableName }: { endpoint: string; tableName: string }) {
  const credentials = { accessKeyId: 'embedded', secretAccessKey: 'embedded' };
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }));
  return async (): Promise<JobRecord[]> => {
    const records: JobRecord[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName })) {
      // The table also holds items that are not jobs.
      const jobs = (Items as JobRecord[]).filter(({ jobId, deliveries }) => jobId && deliveries);
      // A write removes what is null.
      records.push(...jobs.map((record) => ({ ...absent, ...record })));
    }
    return records;
  };
}

const absent = { status: null, job: null, decision: null, exceeded: null, lease: null, watch: null } as const;

/** The latest jobs, newest first. `liveJob` overrides what the table holds. */
export const jobRows = (
  records: JobRecord[],
  rules: Rule[] | null,
  liveJob: (jobId: string) => LiveJob | undefined,
  count = 200,
): JobRow[] =>
  records
    .sort((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt))
    .slice(0, count)
    .map((record) => rowOf(record, rules, liveJob(record.jobId)));

function rowOf(record: JobRecord, rules: Rule[] | null, live?: LiveJob): JobRow {
  const { environment, jobId, check, firstSeenAt } = record;
  const job = live?.job ?? record.job;
  const status = live?.job.status ?? record.status;
  const delays = delaysOf(record);
  return {
    environment,
    jobId,
    status,
    job,
    state: stateOf(status, job, delays),
    error: check.error,
    isDiscovered: live?.isDiscovered ?? false,
    delays,
    why: isTerminal(status) && !isTerminal(record.status) && record.watch === 'jobs' ? unread : whyOf(record, rules),
    deliveries: namedDeliveries(record).map(({ outcome, channel, delivery: { state, attempts, error } }) => ({
      outcome,
      channel,
      state,
      attempts,
      error,
    })),
    firstSeenAt,
  };
}

const delaysOf = ({ exceeded }: JobRecord): Outcome[] => [
  ...new Set(timeLimitNames.flatMap((limit) => exceeded?.[limit]?.decision.outcome ?? [])),
];

function stateOf(status: string | null, job: Job | null, delays: Outcome[]): JobRow['state'] {
  if (status === null) return { label: 'Not read yet', tone: 'waiting' };
  const outcome = isTerminal(status) ? outcomeOf(job) : delays.at(-1);
  if (!outcome) return { label: status, tone: status === 'Queued' ? 'waiting' : 'running' };
  const label = isTerminal(status) ? status : `${status}, ${delays.join(', ')}`;
  return { label: labels[outcome] ?? label, ...lookOf(outcome) };
}

const labels: Partial<Record<Outcome, string>> = {
  completedWithWarnings: 'With warnings',
  publishedNothing: 'Published nothing',
};

const unread: JobRow['why'] = { text: 'The next sweep reads it', rule: null };

function whyOf(record: JobRecord, rules: Rule[] | null): JobRow['why'] {
  const { decision, exceeded, superseded, check, watch } = record;
  const earlier = [...Object.values(superseded), ...Object.values(exceeded ?? {})].map((one) => one.decision);
  const last = [decision, ...earlier]
    .filter((one) => one?.outcome)
    .sort((a, b) => (a?.at ?? '').localeCompare(b?.at ?? ''))
    .at(-1);
  if (last) return { text: decisionWords(last, rules), rule: ruleIndex(last.rule) };
  if (check.error && watch === 'jobs') return { text: `Waiting: ${check.error}`, rule: null };
  if (watch === 'jobs') return { text: 'It has not ended yet', rule: null };
  return { text: decision ? decisionWords(decision, rules) : 'Nothing to announce', rule: null };
}
