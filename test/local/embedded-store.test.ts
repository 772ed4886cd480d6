import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '../../lib/platform/errors.ts';
import { type EmbeddedStore, startEmbeddedStore } from '../../local/embedded-store.ts';

let folder: string;
let store: EmbeddedStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-'));
  store = await startEmbeddedStore({ path: join(folder, 'table') });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const client = () =>
  new DynamoDBClient({
    endpoint: store.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
const put = (jobKey: string, numbers: Record<string, number>) =>
  client().send(
    new PutItemCommand({
      TableName: store.tableName,
      Item: {
        jobKey: { S: jobKey },
        status: { S: 'Running' },
        watch: { S: 'jobs' },
        ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, { N: String(value) }])),
      },
    }),
  );
const get = async (jobKey: string) =>
  (await client().send(new GetItemCommand({ TableName: store.tableName, Key: { jobKey: { S: jobKey } } }))).Item;

test('the index shows due items with only the projected attributes', async () => {
  await put('a#1', { dueAt: 10, other: 1 });
  await put('a#2', { dueAt: 30 });
  const { Items } = await client().send(
    new QueryCommand({
      TableName: store.tableName,
      IndexName: 'due',
      KeyConditionExpression: 'watch = :watch AND dueAt <= :now',
      ExpressionAttributeValues: { ':watch': { S: 'jobs' }, ':now': { N: '20' } },
    }),
  );
  expect(Items).toEqual([{ jobKey: { S: 'a#1' }, watch: { S: 'jobs' }, status: { S: 'Running' }, dueAt: { N: '10' } }]);
});

test('items survive a restart', async () => {
  await put('a#1', { dueAt: 10 });
  await store.close();
  store = await startEmbeddedStore({ path: join(folder, 'table') });
  expect(await get('a#1')).toMatchObject({ dueAt: { N: '10' } });
});

test('a second store on the same folder is refused', async () => {
  const second = startEmbeddedStore({ path: join(folder, 'table') });
  await expect(second).rejects.toThrow(ConfigError);
  await expect(second).rejects.toThrow(/^Another notifier is already running on .+ DATA_DIR/);
});

test('the error for a folder that is not writable names it', async () => {
  await writeFile(join(folder, 'file'), '');
  const second = startEmbeddedStore({ path: join(folder, 'file', 'table') });
  await expect(second).rejects.toThrow(ConfigError);
  await expect(second).rejects.toThrow(/^The store in .+file\/table cannot be opened: /);
});

test('only expired items are removed', async () => {
  await put('a#old', { expiresAt: 999 });
  await put('a#young', { expiresAt: 1001 });
  await put('a#watched', { dueAt: 1 });
  expect(await store.removeExpired(1_000_000)).toBe(1);
  expect(await get('a#old')).toBeUndefined();
  expect(await get('a#young')).toBeDefined();
  expect(await get('a#watched')).toBeDefined();
});

test('a client that disconnects during a request does no harm', async () => {
  const { hostname, port } = new URL(store.endpoint);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{', () => socket.destroy());
    }).on('close', () => resolve());
  });
  expect(await get('a#1')).toBeUndefined();
});
