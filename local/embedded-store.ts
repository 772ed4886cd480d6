/** The table without AWS: a DynamoDB-compatible store in this process, on disk or in memory. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { ConfigError } from '../lib/platform/errors.ts';

/** A started store. */
export interface EmbeddedStore {
  endpoint: string;
  tableName: string;
  /** Deletes the items that expired before `now` (epoch milliseconds), as DynamoDB's TTL does. Returns their number. */
  removeExpired: (now?: number) => Promise<number>;
  close: () => Promise<void>;
}

/** The table as in `serverless.yml`, without its TTL and recovery settings, which emulators lack. */
export const tableDefinition = {
  TableName: 'publishing-jobs',
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [
    { AttributeName: 'jobKey', AttributeType: 'S' },
    { AttributeName: 'watch', AttributeType: 'S' },
    { AttributeName: 'dueAt', AttributeType: 'N' },
  ],
  KeySchema: [{ AttributeName: 'jobKey', KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'due',
      KeySchema: [
        { AttributeName: 'watch', KeyType: 'HASH' },
        { AttributeName: 'dueAt', KeyType: 'RANGE' },
      ],
      Projection: {
        ProjectionType: 'INCLUDE',
        NonKeyAttributes: [
          'environment',
          'jobId',
          'status',
          'revision',
          'notFoundSince',
          'check',
          'lease',
          'pendingAt',
        ],
      },
    },
  ],
} satisfies CreateTableCommandInput;

/** Starts the store with its table in the folder `path`, or in memory. Throws a `ConfigError` if it cannot. */
export async function startEmbeddedStore({ path }: { path?: string } = {}): Promise<EmbeddedStore> {
  if (path !== undefined) await assertUsable(path);
  const server = dynalite({ ...(path !== undefined && { path }), createTableMs: 0 });
  // dynalite rethrows the error of a client that disconnects early, which would end the process.
  server.on('request', (request) => request.removeAllListeners('error').on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const credentials = { accessKeyId: 'embedded', secretAccessKey: 'embedded' };
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials });
  await createTable(client);

  return {
    endpoint,
    tableName: tableDefinition.TableName,
    removeExpired: (now = Date.now()) => removeExpired(client, now),
    close: async () => {
      client.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function createTable(client: DynamoDBClient): Promise<void> {
  const { TableName } = tableDefinition;
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  if (!TableNames.includes(TableName)) await client.send(new CreateTableCommand(tableDefinition));
  const status = async () => (await client.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus;
  // The table is active within milliseconds; the SDK's own waiter would wait for seconds first.
  const deadline = Date.now() + 5000;
  while ((await status()) !== 'ACTIVE') {
    if (Date.now() > deadline) throw new ConfigError('The store is incomplete. Remove its folder and start again.');
    await setImmediate();
  }
}

async function removeExpired(client: DynamoDBClient, now: number): Promise<number> {
  const expired = {
    TableName: tableDefinition.TableName,
    ExpressionAttributeValues: { ':now': { N: String(Math.floor(now / 1000)) } },
  };
  const pages = paginateScan(
    { client },
    { ...expired, FilterExpression: 'expiresAt < :now', ProjectionExpression: 'jobKey' },
  );
  let removed = 0;
  for await (const { Items = [] } of pages) {
    for (const { jobKey } of Items) {
      if (jobKey === undefined) continue;
      // The job may have returned to the work list since the page was read.
      const remove = new DeleteItemCommand({ ...expired, Key: { jobKey }, ConditionExpression: 'expiresAt < :now' });
      removed += await client.send(remove).then(() => 1, ignoreFailedCondition);
    }
  }
  return removed;
}

function ignoreFailedCondition(error: unknown): number {
  if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return 0;
  throw error;
}

/** The part of `level` that is needed to check whether a folder can be opened. */
interface LevelDatabase {
  open: () => Promise<void>;
  close: () => Promise<void>;
}

/** Opens the folder before dynalite does, because dynalite crashes if that fails. */
async function assertUsable(path: string): Promise<void> {
  const here = createRequire(import.meta.url);
  const { Level } = createRequire(here.resolve('dynalite'))('level') as { Level: new (path: string) => LevelDatabase };
  const database = new Level(path);
  try {
    await database.open();
    await database.close();
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
    if ('code' in cause && cause.code === 'LEVEL_LOCKED') {
      throw new ConfigError(
        `Another notifier is already running on ${path}: stop it, or set DATA_DIR to another folder.`,
      );
    }
    throw new ConfigError(`The store in ${path} cannot be opened: ${cause.message}. Set DATA_DIR to another folder.`);
  }
}
