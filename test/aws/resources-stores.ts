/** The table, the topics and the queues. */

import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { GetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { tableDefinition } from '../../local/embedded-store.ts';
import type { Report } from './report.ts';
import type { Deployment } from './resources.ts';

const noSetting = 'this emulator leaves the setting out of what it makes';
const noPolicy = 'this emulator makes no such policy from a template';

export async function checkStores(report: Report, deployment: Deployment): Promise<void> {
  await checkTable(report, deployment);
  await checkTopics(report, deployment);
  await checkQueues(report, deployment);
}

async function checkTable(report: Report, { aws, stack }: Deployment): Promise<void> {
  const client = new DynamoDBClient(aws);
  const TableName = stack.physicalId('Table');
  const isProtected = stack.made('AWS::DynamoDB::Table')[0]?.properties['DeletionProtectionEnabled'];
  const describe = async () => (await client.send(new DescribeTableCommand({ TableName }))).Table;

  const keys = async () => keysOf((await describe()) ?? {});
  await report.check('the table has its key and the index of the work list', keysOf(tableDefinition), keys);
  const settings = { BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' }, DeletionProtectionEnabled: isProtected };
  const protection = isProtected ? 'protected from deletion' : 'not protected from deletion';
  await report.check(`the table is on demand, and ${protection}`, settings, describe);
  await report.check('the table is encrypted', { SSEDescription: { Status: 'ENABLED' } }, describe, noSetting);
  await report.check(
    'the table removes what has expired',
    { TimeToLiveStatus: 'ENABLED', AttributeName: 'expiresAt' },
    async () => (await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription,
    noSetting,
  );
  await report.check(
    'the table can be restored to any point in time',
    { PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'ENABLED' } },
    async () => (await client.send(new DescribeContinuousBackupsCommand({ TableName }))).ContinuousBackupsDescription,
    noSetting,
  );
}

/** Projected attributes have no order. */
const keysOf = ({ KeySchema, GlobalSecondaryIndexes = [] }: TableDescription) => ({
  KeySchema,
  GlobalSecondaryIndexes: GlobalSecondaryIndexes.map((index) => ({
    IndexName: index.IndexName,
    KeySchema: index.KeySchema,
    ProjectionType: index.Projection?.ProjectionType,
    NonKeyAttributes: index.Projection?.NonKeyAttributes?.toSorted(),
  })),
});

async function checkTopics(report: Report, { aws, stack }: Deployment): Promise<void> {
  const client = new SNSClient(aws);
  for (const { logicalId, physicalId: TopicArn, properties } of stack.made('AWS::SNS::Topic')) {
    const attributes = async () => (await client.send(new GetTopicAttributesCommand({ TopicArn }))).Attributes ?? {};
    if (properties['KmsMasterKeyId'] !== undefined) {
      await report.check(`${logicalId} is encrypted`, true, async () =>
        Boolean((await attributes())['KmsMasterKeyId']),
      );
    }
    const refuses = async () => refusesPlainHttp((await attributes())['Policy']);
    await report.check(`${logicalId} refuses plain HTTP`, true, refuses, noPolicy);
  }
}

async function checkQueues(report: Report, { aws, stack }: Deployment): Promise<void> {
  const client = new SQSClient(aws);
  for (const { logicalId, physicalId: QueueUrl, properties } of stack.made('AWS::SQS::Queue')) {
    const ask = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
    const attributes = async () => (await client.send(ask)).Attributes ?? {};
    const { MessageRetentionPeriod, SqsManagedSseEnabled } = properties;
    await report.check(
      `${logicalId} keeps messages for ${MessageRetentionPeriod / 3600} h, encrypted`,
      { MessageRetentionPeriod: `${MessageRetentionPeriod}`, SqsManagedSseEnabled: `${SqsManagedSseEnabled}` },
      attributes,
    );
    const refuses = async () => refusesPlainHttp((await attributes())['Policy']);
    await report.check(`${logicalId} refuses plain HTTP`, true, refuses, noPolicy);
  }
}

interface Policy {
  Statement: { Effect: string; Condition?: { Bool?: Record<string, unknown> } }[];
}

function refusesPlainHttp(text = '{"Statement": []}'): boolean {
  const { Statement } = JSON.parse(text) as Policy;
  return Statement.some(
    ({ Effect, Condition }) => Effect === 'Deny' && `${Condition?.Bool?.['aws:SecureTransport']}` === 'false',
  );
}
