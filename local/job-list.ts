/** The jobs that the page shows, from the table and, in the demo, from the simulation. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { type Job, type JobRecord, timeLimitNames } from '../lib/domain/job.ts';
import { namedDeliveries } from '../lib/domain/outbox.ts';

/** A row of the page's table. */
export interface JobRow {
  environment: string;
  jobId: string;
  status: string | null;
  job: Job | null;
  /** Why there is no status, or no newer one. */
  error: string | null;
  /** Whether it is known that discovery found the job. */
  isDiscovered: boolean;
  /** Whether it was `late` or `stuck` before its end. */
  delays: string[];
  deliveries: { outcome: string; channel: string; state: string; error: string | null }[];
  firstSeenAt: string;
}

/** What the simulation knows about a job. */
export interface LiveJob {
  job: Job;
  isDiscovered: boolean;
}

const shown = 100;

/** Makes the function that lists the latest jobs, newest first. `liveJob` overrides what the table holds. */
export function createJobList(
  { endpoint, tableName }: { endpoint: string; tableName: string },
  liveJob: (jobId: string) => LiveJob | undefined,
): () => Promise<JobRow[]> {
  const credentials = { accessKeyId: 'embedded', secretAccessKey: 'embedded' };
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }));
  return async () => {
    const records: JobRecord[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName })) {
      // The table also holds items that are not jobs.
      records.push(...(Items as JobRecord[]).filter(({ jobId, deliveries }) => jobId && deliveries));
    }
    return records
      .map((record) => rowOf(record, liveJob(record.jobId)))
      .sort((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt))
      .slice(0, shown);
  };
}

function rowOf(record: JobRecord, live?: LiveJob): JobRow {
  const { environment, jobId, status, job, check, exceeded, firstSeenAt } = record;
  const delays = timeLimitNames.flatMap((limit) => exceeded?.[limit]?.decision.outcome ?? []);
  return {
    environment,
    jobId,
    status: live?.job.status ?? status ?? null,
    job: live?.job ?? job ?? null,
    error: check?.error ?? null,
    isDiscovered: live?.isDiscovered ?? false,
    delays: [...new Set(delays)],
    deliveries: namedDeliveries(record).map(({ outcome, channel, delivery: { state, error } }) => ({
      outcome,
      channel,
      state,
      error,
    })),
    firstSeenAt,
  };
}
