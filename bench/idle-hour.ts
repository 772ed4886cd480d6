/** What an hour without jobs asks of the services, counted by running the functions, and what a month of it costs. */

import './importable.ts';
import { deploy } from '../test/support/notifier.ts';
import { startWorld } from '../test/support/world.ts';
import { type Scene, type Step, takeStep, withDiscovery } from './call-counts.ts';
import { assumptions } from './cost.ts';
import { startCountedTable } from './counted-table.ts';
import { prices } from './prices.ts';
import { printed, type Row } from './result-row.ts';

const second = 1_000;
const minute = 60 * second;
const { hours, waitMs } = assumptions;

/** The most that polling around the clock may cost in a month, in USD. */
export const mostUsd = 0.8;

/** 60 sweeps of the schedule and 300 polls of one process, an hour after a job has ended. The list still shows the job. */
export async function countIdleHour(): Promise<Step> {
  const world = await startWorld();
  const table = await startCountedTable(world.store.endpoint);
  const requested = { polls: 0, pollCalls: 0 };
  const send = async (_: unknown, delays: number[]) => {
    requested.polls += delays.length;
    requested.pollCalls += 1;
  };
  const env: typeof world.env = (document) => ({ ...world.env(document), AWS_ENDPOINT_URL_DYNAMODB: table.url });
  const config = withDiscovery(world);
  const notifier = deploy({ ...world, env }, { config, deps: { sweepQueue: { send } } });
  const scene: Scene = { world, notifier, table, requested };

  await notifier.sweep();
  world.setJob('job_41B25', { status: 'Completed', at: notifier.clock.now() });
  await notifier.sweep();
  notifier.clock.advance(60 * minute);
  await notifier.sweep();
  notifier.clock.advance(minute);
  const hour = await takeStep(scene, async () => {
    for (let passed = 0; passed < 60; passed++) {
      await notifier.sweep();
      for (let poll = 0; poll < 5; poll++) {
        notifier.clock.advance(10 * second);
        await notifier.poll();
      }
      notifier.clock.advance(10 * second);
    }
  });
  await Promise.all([table.close(), world.close()]);
  return hour;
}

const sweeps = 360;
/** START, END and REPORT. */
const platformLines = 3;

/** USD a month for as many such hours, with this CPU time of a sweep on a full core: bench/warm.ts measures it. */
export function idleMonth(hour: Step, cpuMs = 10): Record<string, number> {
  const { coreMb, memoryMb, platformLogBytes, lineBytes, pollers } = assumptions;
  const calls = Object.values(hour.table.calls).reduce((sum, count) => sum + count, 0);
  const waits = calls * waitMs.table + hour.apiCalls * waitMs.api + hour.pollCalls * waitMs.sqs;
  const gbSeconds = ((waits + (sweeps * cpuMs * coreMb) / memoryMb) / second) * (memoryMb / 1_024);
  const logBytes = hour.logBytes + sweeps * platformLogBytes + (hour.logLines + platformLines * sweeps) * lineBytes;
  const ofHour = {
    'Lambda, requests': sweeps * prices.lambdaRequest,
    'Lambda, time': gbSeconds * prices.lambdaGbSecond,
    'table, reads': (hour.table.readUnits + hour.table.indexReadUnits) * prices.readUnit,
    'table, writes': (hour.table.writeUnits + hour.table.indexWriteUnits) * prices.writeUnit,
    // One call sends the polls of a minute; each is received and deleted by itself.
    'queue, polls': (hour.pollCalls + 2 * hour.polls) * prices.sqsRequest,
    'queue, empty receives': ((pollers * 3_600) / 20) * prices.sqsRequest,
    logs: (logBytes / 1e9) * (prices.logsGb + 3 * prices.logsKeptGbMonth),
  };
  return Object.fromEntries(Object.entries(ofHour).map(([item, usd]) => [item, hours * usd]));
}

/** The rows of an idle hour and of a month of such hours. */
export async function idleRows({ cpuMs }: { cpuMs?: number } = {}): Promise<Row[]> {
  const hour = await countIdleHour();
  const counts = `An hour without jobs: 60 sweeps of the schedule, ${hour.polls} polls`;
  const month = 'A month without jobs, polled every 10 s, schedule included, no free tier';
  const usd = Object.entries(idleMonth(hour, cpuMs));
  const total = usd.reduce((sum, [, cost]) => sum + cost, 0);
  const { BatchGetItem = 0, Query = 0 } = hour.table.calls;
  return [
    ...Object.entries({
      'API calls': hour.apiCalls,
      'reads of marks and known jobs': BatchGetItem,
      'reads of the work list': Query,
      'read units': hour.table.readUnits + hour.table.indexReadUnits,
      writes: hour.table.writeUnits,
      'calls to the queue that request polls': hour.pollCalls,
      'log lines': hour.logLines,
    }).map(([figure, ours]) => ({ group: counts, figure, unit: '', ours })),
    ...usd.map(([figure, ours]) => ({ group: month, figure, unit: 'USD', ours })),
    { group: month, figure: 'total', unit: 'USD', ours: total, target: `<= ${mostUsd} USD`, met: total <= mostUsd },
  ];
}

if (import.meta.main) console.log(printed(await idleRows()));
