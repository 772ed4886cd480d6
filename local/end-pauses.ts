/** At a start, environments and channels that are paused are tried at once: somebody may just have mended them. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { cooldownKey } from '../lib/pipeline/cooldown.ts';
import { createStore } from '../lib/table/dynamodb.ts';

/** Ends every pause in this table. The trouble stays on record until a request succeeds. */
export async function endPauses(
  { endpoint, tableName }: { endpoint: string; tableName: string },
  { environments, channels }: { environments: object; channels: object },
): Promise<void> {
  const credentials = { accessKeyId: 'embedded', secretAccessKey: 'embedded' };
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint, region: 'us-east-1', credentials }));
  const store = createStore({ client, tableName });
  const keys = [
    ...Object.keys(environments).map((name) => cooldownKey('environment', name)),
    ...Object.keys(channels).map((name) => cooldownKey('channel', name)),
  ];
  for (const [key, mark] of await store.readMarks(keys)) await store.writeMark(key, { ...mark, until: 0 });
}
