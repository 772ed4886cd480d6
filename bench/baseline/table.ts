/** The last known status of each job. */

import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { tableName } from './settings.ts';

export interface JobName {
  environment: string;
  jobId: string;
}

const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const keyOf = ({ environment, jobId }: JobName) => ({ jobKey: `${environment}#${jobId}` });

export async function getStatus(job: JobName): Promise<string | null> {
  const { Item } = await table.send(new GetCommand({ TableName: tableName, Key: keyOf(job) }));
  return (Item?.['status'] as string | undefined) ?? null;
}

/** Notes a new status. False: somebody else has noted it. */
export async function saveStatus(job: JobName, status: string, isEnd: boolean): Promise<boolean> {
  try {
    await table.send(
      new UpdateCommand({
        TableName: tableName,
        Key: keyOf(job),
        UpdateExpression: isEnd
          ? 'SET environment = :environment, jobId = :jobId, #status = :status, expiresAt = :expiresAt REMOVE watch'
          : 'SET environment = :environment, jobId = :jobId, #status = :status, watch = :jobs, dueAt = :now',
        ConditionExpression: 'attribute_not_exists(#status) OR #status <> :status',
        ExpressionAttributeNames: { '#status': 'status' },
        ExpressionAttributeValues: {
          ':environment': job.environment,
          ':jobId': job.jobId,
          ':status': status,
          ...(isEnd
            ? { ':expiresAt': Math.floor(Date.now() / 1_000) + 30 * 86_400 }
            : { ':jobs': 'jobs', ':now': Date.now() }),
        },
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** The jobs that have not ended, in pages. */
export async function* watchedJobs(): AsyncGenerator<(JobName & { status: string })[]> {
  let place: Record<string, unknown> | undefined;
  do {
    const { Items = [], LastEvaluatedKey } = await table.send(
      new QueryCommand({
        TableName: tableName,
        IndexName: 'due',
        KeyConditionExpression: 'watch = :jobs',
        ExpressionAttributeValues: { ':jobs': 'jobs' },
        ExclusiveStartKey: place,
      }),
    );
    yield Items as (JobName & { status: string })[];
    place = LastEvaluatedKey;
  } while (place);
}
