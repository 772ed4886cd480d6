/** The commands on the table of an `npm start` that has kept 10,000 jobs, each in a process of its own as a user starts it. */

import './importable.ts';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type EmbeddedStore, startEmbeddedStore } from '../local/embedded-store.ts';
import { publishingJob } from '../local/publishing-job.ts';
import {
  deadDelivery,
  iso,
  minute,
  sentDelivery,
  someDecision,
  someJob,
  someRecord,
} from '../test/support/builders.ts';
import { startWorld } from '../test/support/world.ts';
import { type Row, rowOf } from './result-row.ts';

const jobs = 10_000;
const watched = 200;
const dead = 50;
const explained = `job_${jobs / 2}`;

const group = `commands on a local table with ${jobs} jobs`;
const commands = [['doctor'], ['explain', explained], ['jobs'], ['jobs', '--recent']];

/** The wall time of each command, from the start of its process to its end. */
export async function commandRows(rounds: number): Promise<Row[]> {
  const path = await mkdtemp(join(tmpdir(), 'publishing-job-notifier-'));
  const [store, world] = await Promise.all([startEmbeddedStore({ path }), startWorld()]);
  await seed(store);
  world.api.setJob(explained, publishingJob({ id: explained, status: 'Completed', at: Date.now() - minute }));
  const env = { ...world.env(), AWS_ENDPOINT_URL_DYNAMODB: store.endpoint };
  const times = commands.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, command] of commands.entries()) times[index]?.push(await timeOf(command, env));
  }
  await Promise.all([store.close(), world.close()]);
  await rm(path, { recursive: true });
  return commands.map((command, index) =>
    rowOf({ group, figure: command.join(' '), unit: 'ms' }, { ours: times[index] ?? [] }, target),
  );
}

const target = { text: '< 1000', isMet: ({ ours }: Row) => ours < 1_000 };

/** Most jobs have ended, some are watched, and some have dead deliveries. */
async function seed({ endpoint, tableName }: EmbeddedStore): Promise<void> {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint }));
  for (let from = 0; from < jobs; from += 25) {
    const requests = Array.from({ length: 25 }, (_, index) => ({ PutRequest: { Item: itemOf(from + index) } }));
    await client.send(new BatchWriteCommand({ RequestItems: { [tableName]: requests } }));
  }
  client.destroy();
}

function itemOf(index: number): Record<string, unknown> {
  const watch = index < watched ? 'jobs' : index < watched + dead ? 'dead' : null;
  const status = watch === 'jobs' ? 'Running' : 'Completed';
  const now = Date.now();
  const record = someRecord({
    jobId: `job_${index}`,
    status,
    job: someJob(status),
    firstSeenAt: iso(now - index * minute),
    watch,
    dueAt: watch && now + index,
    decision: watch === 'jobs' ? null : someDecision(),
    deliveries:
      watch === 'jobs'
        ? {}
        : { 'completed/team': watch ? deadDelivery() : sentDelivery(), 'completed/events': sentDelivery() },
  });
  const isWritten = ([, value]: [string, unknown]) => value !== null;
  return { ...Object.fromEntries(Object.entries(record).filter(isWritten)), jobKey: `production#job_${index}` };
}

/** The milliseconds that a command takes. Throws if it fails. */
async function timeOf(command: string[], env: Record<string, string>): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, ['cli/bin.js', ...command], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}`);
  return performance.now() - began;
}
