/** Checks that the table and its index can be read, and that expired items are deleted. */

import { DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { requestHandler } from '../../lib/platform/aws.ts';
import { createStore } from '../../lib/table/dynamodb.ts';
import type { Target } from '../target.ts';
import { type Finding, failed, isEmulated, messageOf, ok, unknown } from './finding.ts';

/** Runs without a valid configuration. */
export async function checkTable({ kind, env }: Target): Promise<Finding[]> {
  const tableName = env['TABLE_NAME'] ?? '';
  const client = new DynamoDBClient({ maxAttempts: 2, requestHandler });
  const store = createStore({ client: DynamoDBDocumentClient.from(client), tableName });
  const [table, index, expiry] = [`table ${tableName}`, 'table index due', 'table expiry'];
  try {
    await store.get({ environment: 'doctor', jobId: 'none' });
  } catch (error) {
    const message = isMissing(error)
      ? `does not exist in ${process.env['AWS_REGION'] ?? 'this region'}. Deploy the notifier, or correct TABLE_NAME, --stage or AWS_REGION.`
      : messageOf(error);
    return [failed(table, message), unknown(index, 'the table cannot be read')];
  }
  // `npm start` itself deletes expired items from the embedded table.
  const others = [checkIndex(index, store), ...(kind === 'local' ? [] : [checkExpiry(expiry, client, tableName)])];
  return [ok(table, 'readable'), ...(await Promise.all(others))];
}

const isMissing = (error: unknown): boolean => (error as Error).name === 'ResourceNotFoundException';

async function checkIndex(name: string, store: ReturnType<typeof createStore>): Promise<Finding> {
  try {
    for await (const _page of store.due(0)) break;
    return ok(name, 'readable');
  } catch (error) {
    const isAbsent = /index/i.test((error as Error).message);
    return failed(name, isAbsent ? 'the table does not have this index. Deploy the notifier again.' : messageOf(error));
  }
}

async function checkExpiry(name: string, client: DynamoDBClient, TableName: string): Promise<Finding> {
  try {
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    const { TimeToLiveStatus: status = 'DISABLED', AttributeName: attribute } = TimeToLiveDescription ?? {};
    if (status.startsWith('ENABL') && attribute === 'expiresAt') return ok(name, 'enabled on expiresAt');
    if (isEmulated()) return unknown(name, 'AWS_ENDPOINT_URL leads to an emulator');
    return failed(
      name,
      'time to live is not enabled on expiresAt, so finished jobs are never deleted. Deploy the notifier again.',
    );
  } catch (error) {
    // An emulator may lack this call, and a role of a person may lack the permission.
    return unknown(name, `the time to live cannot be read (${(error as Error).name})`);
  }
}
