/** Removes what a stack leaves behind when it is removed. */

import { CloudWatchLogsClient, DeleteLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  DeleteTableCommand,
  DynamoDBClient,
  UpdateTableCommand,
  waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import { DeleteObjectsCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import { DeleteTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { DeleteQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsSettings } from './endpoint.ts';

/** A bucket that holds something is not removed with its stack. */
export async function emptyBucket(aws: AwsSettings, Bucket: string): Promise<void> {
  const client = new S3Client({ ...aws, forcePathStyle: aws.endpoint !== undefined });
  for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket })) {
    const Objects = Contents.map(({ Key }) => ({ Key }));
    if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
  }
}

/** Removes one resource that has `DeletionPolicy: Retain`. Throws for a type that it does not know. */
export async function removeRetained(aws: AwsSettings, type: string, physicalId: string): Promise<void> {
  const removal = removals[type];
  if (!removal) throw new Error(`${type} ${physicalId} is left behind: remove it by hand`);
  await removal(aws, physicalId);
}

const removals: Record<string, (aws: AwsSettings, physicalId: string) => Promise<unknown>> = {
  'AWS::DynamoDB::Table': async (aws, TableName) => {
    const client = new DynamoDBClient(aws);
    await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await client.send(new DeleteTableCommand({ TableName }));
    await waitUntilTableNotExists({ client, maxWaitTime: 300, minDelay: 1 }, { TableName });
  },
  'AWS::SNS::Topic': (aws, TopicArn) => new SNSClient(aws).send(new DeleteTopicCommand({ TopicArn })),
  'AWS::SQS::Queue': (aws, QueueUrl) => new SQSClient(aws).send(new DeleteQueueCommand({ QueueUrl })),
  'AWS::Logs::LogGroup': (aws, logGroupName) =>
    new CloudWatchLogsClient(aws).send(new DeleteLogGroupCommand({ logGroupName })),
};
