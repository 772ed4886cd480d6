/** The jobs that the page shows: what the table says of each, and in the demo what the simulation says right now. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Job, JobRecord } from '../lib/job.ts';

/** A row of the page's table. */
export interface JobRow {
  environment: string;
  jobId: string;
  status: string | null;
  job: Job | null;
  /** Why there is no status, or no newer one. */
  error: string | null;
  deliveries: { outcome: string; channel: string; state: string; error: string | null }[];
  firstSeenAt: string;
}

const shown = 100;

/** Makes the function that lists the latest jobs, newest first; `liveJob` knows more of some than the table does. */
export function createJobList(
  { endpoint, tableName }: { endpoint: string; tableName: string },
  liveJob: (jobId: string) => Job | undefined,
): () => Promise<JobRow[]> {
  const credentials = { accessKeyId: 'embedded', secretAccessKey: 'embedded' };
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }));
  return async () => {
    const records: JobRecord[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName })) {
      // The table holds other items than jobs too.
      records.push(...(Items as JobRecord[]).filter(({ jobId, deliveries }) => jobId && deliveries));
    }
    return records
      .map((record) => rowOf(record, liveJob(record.jobId)))
      .sort((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt))
      .slice(0, shown);
  };
}

function rowOf({ environment, jobId, status, job, check, deliveries, firstSeenAt }: JobRecord, live?: Job): JobRow {
  return {
    environment,
    jobId,
    status: live?.status ?? status ?? null,
    job: live ?? job ?? null,
    error: check?.error ?? null,
    deliveries: Object.entries(deliveries).map(([key, { state, error }]) => {
      const [outcome = '', channel = ''] = key.split('/');
      return { outcome, channel, state, error };
    }),
    firstSeenAt,
  };
}
