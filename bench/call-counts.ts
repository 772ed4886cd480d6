/** The calls to the services for one job of 4 minutes, counted by running the functions. */

import './importable.ts';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { createFakeClock } from '../test/support/clock.ts';
import { deploy, type Notifier } from '../test/support/notifier.ts';
import { type ConfigDocument, startWorld, type World } from '../test/support/world.ts';
import { startCountedTable, type TableCosts } from './counted-table.ts';
import type { Item } from './neighbours/table.ts';

const minute = 60_000;
const jobId = 'job_41B25';

/** The item of a watched running job, as the functions write it to the table. */
export async function sampleItem(): Promise<Item> {
  const world = await startWorld();
  const notifier = deploy(world, { clock: createFakeClock(new Date(Date.now() - 4 * minute).toISOString()) });
  world.setJob(jobId, { status: 'Running', at: notifier.clock.now() });
  await notifier.post(jobId);
  const client = new DynamoDBClient({ endpoint: world.store.endpoint });
  const Key = { jobKey: { S: `production#${jobId}` } };
  const { Item } = await client.send(new GetItemCommand({ TableName: world.store.tableName, Key }));
  client.destroy();
  await world.close();
  return Item as unknown as Item;
}

/** The calls of one step, and the output of the functions. */
export interface Step {
  table: TableCosts;
  apiCalls: number;
  tokens: number;
  slackPosts: number;
  snsPublishes: number;
  /** Messages to the sweep queue, and the calls that send them. */
  polls: number;
  pollCalls: number;
  logLines: number;
  logBytes: number;
  /** The metrics with a value: CloudWatch charges by the hour in which one has a value. */
  metrics: string[];
}

/** The steps of a job: `POST /jobs`, sweeps and polls and, for comparison, those with nothing to do. */
export interface CallCounts {
  idleSweep: Step;
  idlePoll: Step;
  firstSeen: Step;
  unchangedSweep: Step;
  unchangedPoll: Step;
  lastSweep: Step;
  /** The size of the job's item at the end, in bytes. */
  itemBytes: number;
}

/** Runs one job of 4 minutes. */
export async function countCalls(): Promise<CallCounts> {
  const scene = await startScene();
  const { world, notifier } = scene;
  const step = (work: () => Promise<unknown>) => takeStep(scene, work);
  const setJob = (status: string) => world.setJob(jobId, { status, at: notifier.clock.now() });

  // The very first sweep lists a longer period.
  await notifier.sweep();
  notifier.clock.advance(minute);
  const idleSweep = await step(() => notifier.sweep());
  notifier.clock.advance(10_000);
  const idlePoll = await step(() => notifier.poll());
  setJob('Running');
  const firstSeen = await step(() => notifier.post(jobId));
  let unchangedSweep = firstSeen;
  for (let passed = 1; passed < 4; passed++) {
    notifier.clock.advance(minute);
    unchangedSweep = await step(() => notifier.sweep());
  }
  const unchangedPoll = await step(() => notifier.poll());
  notifier.clock.advance(minute);
  setJob('Completed');
  const lastSweep = await step(() => notifier.sweep());
  const itemBytes = Buffer.byteLength(
    JSON.stringify(await notifier.deps.store.get({ environment: 'production', jobId })),
  );

  await scene.close();
  return { idleSweep, idlePoll, firstSeen, unchangedSweep, unchangedPoll, lastSweep, itemBytes };
}

/** An hour without jobs, an hour after one has ended, which the list still shows: 60 sweeps of the schedule, 300 polls. */
export async function countIdleHour(): Promise<Step> {
  const scene = await startScene();
  const { world, notifier } = scene;
  await notifier.sweep();
  world.setJob(jobId, { status: 'Completed', at: notifier.clock.now() });
  await notifier.sweep();
  notifier.clock.advance(60 * minute);
  await notifier.sweep();
  notifier.clock.advance(minute);
  const hour = await takeStep(scene, async () => {
    for (let passed = 0; passed < 60; passed++) {
      await notifier.sweep();
      for (let poll = 0; poll < 5; poll++) {
        notifier.clock.advance(10_000);
        await notifier.poll();
      }
      notifier.clock.advance(10_000);
    }
  });
  await scene.close();
  return hour;
}

/** The default configuration, in which discovery is on. */
function withDiscovery(world: World): ConfigDocument {
  const config = world.config();
  const production = { ...config.environments['production'], discover: true };
  return { ...config, environments: { production } };
}

interface Scene {
  world: World;
  notifier: Notifier;
  table: { take(): TableCosts };
  requested: { polls: number; pollCalls: number };
  close(): Promise<unknown>;
}

/** A notifier in a world whose table and queue are counted. */
async function startScene(): Promise<Scene> {
  const world = await startWorld();
  const table = await startCountedTable(world.store.endpoint);
  const requested = { polls: 0, pollCalls: 0 };
  const counted: World = {
    ...world,
    env: (document) => ({ ...world.env(document), AWS_ENDPOINT_URL_DYNAMODB: table.url }),
  };
  const send = async (_: unknown, delays: number[]) => {
    requested.polls += delays.length;
    requested.pollCalls += 1;
  };
  const notifier = deploy(counted, { config: withDiscovery(world), deps: { sweepQueue: { send } } });
  return { world, notifier, table, requested, close: () => Promise.all([table.close(), world.close()]) };
}

async function takeStep(scene: Scene, work: () => Promise<unknown>): Promise<Step> {
  const { world, notifier, table, requested } = scene;
  const counts = () => ({
    apiCalls: world.api.requests.length + world.api.listRequests.length,
    tokens: world.api.tokenRequests.length,
    slackPosts: world.slack.requestCount(),
    snsPublishes: world.topic.publishCount(),
    ...requested,
  });
  const before = counts();
  const linesBefore = notifier.lines.length;
  table.take();
  await work();
  const after = counts();
  const lines = notifier.lines.slice(linesBefore);
  const since = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - before[name as keyof typeof before]]),
  ) as ReturnType<typeof counts>;
  return {
    table: table.take(),
    ...since,
    logLines: lines.length,
    logBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
    metrics: lines.flatMap(metricsIn),
  };
}

function metricsIn(line: string): string[] {
  const { _aws } = JSON.parse(line) as { _aws?: { CloudWatchMetrics: { Metrics: { Name: string }[] }[] } };
  return (_aws?.CloudWatchMetrics ?? []).flatMap(({ Metrics }) => Metrics.map(({ Name }) => Name));
}
