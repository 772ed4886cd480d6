/** Whether the table can be read, its index too, and whether what expired is removed from it. */

import { DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { requestHandler } from '../../lib/platform/aws.ts';
import { createStore } from '../../lib/table/dynamodb.ts';
import type { Target } from '../target.ts';
import { type Finding, isEmulated, no, sayWhy, unknown, yes } from './finding.ts';

/** Needs no valid configuration. */
export async function checkTable({ kind, env }: Target): Promise<Finding[]> {
  const tableName = env['TABLE_NAME'] ?? '';
  const client = new DynamoDBClient({ maxAttempts: 2, requestHandler });
  const store = createStore({ client: DynamoDBDocumentClient.from(client), tableName });
  const [table, index, expiry] = [`table ${tableName}`, 'its index due', 'its expiry'];
  try {
    await store.get({ environment: 'doctor', jobId: 'none' });
  } catch (error) {
    const why = isMissing(error)
      ? `there is no such table in ${process.env['AWS_REGION'] ?? 'this region'}. Deploy the notifier, or correct TABLE_NAME, --stage or AWS_REGION.`
      : sayWhy(error);
    return [no(table, why), unknown(index, 'the table cannot be read')];
  }
  // The embedded table is tidied up by `npm start` itself.
  const others = [checkIndex(index, store), ...(kind === 'local' ? [] : [checkExpiry(expiry, client, tableName)])];
  return [yes(table, 'readable'), ...(await Promise.all(others))];
}

const isMissing = (error: unknown): boolean => (error as Error).name === 'ResourceNotFoundException';

async function checkIndex(what: string, store: ReturnType<typeof createStore>): Promise<Finding> {
  try {
    for await (const _page of store.due(0)) break;
    return yes(what, 'readable');
  } catch (error) {
    const isAbsent = /index/i.test((error as Error).message);
    return no(what, isAbsent ? 'the table has no such index. Deploy the notifier again.' : sayWhy(error));
  }
}

async function checkExpiry(what: string, client: DynamoDBClient, TableName: string): Promise<Finding> {
  try {
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    const { TimeToLiveStatus: status = 'DISABLED', AttributeName: attribute } = TimeToLiveDescription ?? {};
    if (status.startsWith('ENABL') && attribute === 'expiresAt') return yes(what, 'by expiresAt');
    if (isEmulated()) return unknown(what, 'AWS_ENDPOINT_URL leads to an emulator');
    return no(what, 'time to live is not set to expiresAt, so finished jobs stay for ever. Deploy the notifier again.');
  } catch (error) {
    // Emulators have no such call, and a person's role need not have it.
    return unknown(what, `the table does not tell (${(error as Error).name})`);
  }
}
