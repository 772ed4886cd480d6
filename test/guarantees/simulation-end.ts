/** The end of a simulation: everything is repaired, sweeps continue until nothing is left, and the model is evaluated. */

import { type JobRecord, jobKey } from '../../lib/domain/job.ts';
import { deduplicationId } from '../../lib/domain/message.ts';
import { splitKey } from '../../lib/domain/outbox.ts';
import { everyChannel } from './simulation-deployments.ts';
import { type SimulatedJob, type State, states } from './simulation-jobs.ts';
import type { Figures } from './simulation-ledger.ts';
import { type Leftover, type Plan, untilIdle } from './simulation-plan.ts';
import type { World } from './simulation-world.ts';

const second = 1_000;
const minute = 60 * second;
/** How long recovery may take after a repair: cooldowns and waits of 15 minutes, one after another. */
const longestMinutes = 90;
/** Longer than any cooldown of an environment. */
const longestCooldownMs = 16 * minute;
/** Time for one slow response. */
const shortSweepMs = 17 * second;

export async function finish(world: World, { endings, leftover }: Plan): Promise<void> {
  world.repair();
  world.deploy('all');
  // Every worker is done, or Lambda has ended it.
  world.pass(2 * minute);
  const busy = leftover === 'busyJob' ? await headOf(world) : undefined;
  for (const [index, job] of world.jobs.entries()) if (job !== busy) end(world, job, endings[index]);
  await sweepBeside(leftover, world, busy);

  world.repair();
  world.deploy('all');
  for (const [index, job] of world.jobs.entries()) end(world, job, endings[index]);
  await sweepUntil(world, 'the work list is empty', () => isNothingLeft(world));
  // An environment that was paused until now is listed as well.
  world.pass(longestCooldownMs);
  await sweepUntil(world, 'the work list is empty', () => isNothingLeft(world));
}

/** Replays dead deliveries, then compares the table with the API, and what was sent with the model. */
export async function judge(world: World): Promise<Omit<Figures, 'runs'>> {
  const { ledger, table, jobs } = world;
  for (const [key, { deliveries }] of await table.records()) {
    for (const [name, { state, error }] of Object.entries(deliveries)) {
      const isRemoved = error === 'the channel is no longer configured';
      if (state === 'dead' && !isRemoved) ledger.violated(`${name} of ${key} is dead: ${error}`);
    }
  }
  await inTurns(world.replay());
  await sweepUntil(world, 'the work list is empty again', () => isNothingLeft(world));
  const records = await table.records();
  for (const [key, record] of records) {
    const posts = postsAbout(record, world);
    if (posts > 1) ledger.violated(`${key} has ${posts} messages in the room`);
  }
  for (const { key, state, ended } of jobs) {
    if (states[state] && ended && !ended.isOld && !records.has(key)) ledger.violated(`${key} was never discovered`);
    const [record, its] = [records.get(key), states[state]];
    // A job that was given up is found again if the list shows it.
    const isExcused = ledger.wasNotFoundForLong(key) && !ledger.wasListedLast(key);
    const isMissed = record && its && record.status !== its.status && !isExcused;
    if (isMissed) ledger.violated(`${key} is ${its.status}, and was last read as ${record.status}`);
  }
  return ledger.judge(records);
}

/** How many messages the Slack app has posted about a job, besides replies. */
function postsAbout(record: JobRecord, { workspace }: World): number {
  const ids = Object.keys(record.deliveries).map((key) => {
    const { outcome, channel, limit } = splitKey(key);
    return deduplicationId(record, outcome, channel, limit);
  });
  return workspace.messages.filter(
    ({ thread_ts, metadata }) => !thread_ts && ids.includes(String(metadata?.event_payload['delivery_id'])),
  ).length;
}

/** Sweeps while one thing is still broken, until everything else is finished. */
async function sweepBeside(leftover: Leftover, world: World, busy: SimulatedJob | undefined): Promise<void> {
  const [first] = world.jobs as [SimulatedJob];
  const always = { after: 0, times: Number.POSITIVE_INFINITY };
  const untilAllBut = (what: string, isBad: (job: SimulatedJob) => boolean, channels = everyChannel, ms?: number) =>
    sweepUntil(world, `all but ${what} is finished`, () => areFinished(world, isBad, channels), ms);
  switch (leftover) {
    case 'none':
      return;
    case 'busyJob':
      if (!busy) return;
      // The job keeps running at the head of the work list, and a sweep has time for one job only.
      world.change(busy, 'running');
      world.deploy('oneAtATime');
      world.trouble({ ...always, where: 'api', what: 'slow' });
      return await untilAllBut(busy.key, (job) => job === busy, everyChannel, shortSweepMs);
    case 'badJob':
      world.trouble({ ...always, where: 'api', what: 'failed', only: first.key });
      return await untilAllBut(first.key, (job) => job === first);
    case 'badEnvironment':
      world.trouble({ ...always, where: 'api', what: 'unauthorized', only: 'staging' });
      return await untilAllBut('staging', ({ environment }) => environment === 'staging');
    case 'badChannel':
      world.trouble({ ...always, where: 'slack', what: 'notFound' });
      return await untilAllBut(
        'slack',
        () => false,
        everyChannel.filter((channel) => channel !== 'slack'),
      );
  }
}

/** Ends a job that is still running. */
function end(world: World, job: SimulatedJob, state: State = 'completed'): void {
  if (job.state !== 'unknown' && !job.ended) world.change(job, state);
}

/** The job at the head of the work list, if it is running. */
async function headOf({ table, jobs }: World): Promise<SimulatedJob | undefined> {
  const head = await table.head();
  return jobs.find(({ key, ended }) => !ended && head && key === jobKey(head));
}

async function areFinished(world: World, isBad: (job: SimulatedJob) => boolean, channels: string[]): Promise<boolean> {
  const records = await world.table.records();
  return world.jobs.every((job) => isBad(job) || isFinished(records.get(job.key), channels));
}

/** Whether a job needs no further check, and no delivery to these channels is pending. */
const isFinished = (record: JobRecord | undefined, channels: string[]): boolean =>
  record?.check.nextAt == null &&
  !Object.entries(record?.deliveries ?? {}).some(
    ([key, { state }]) => state === 'pending' && channels.includes(splitKey(key).channel),
  );

const isNothingLeft = async ({ table }: World): Promise<boolean> => (await table.head()) === undefined;

/** Sweeps minute by minute, at least once: jobs of a removed environment are not in the work list. */
async function sweepUntil(world: World, what: string, isDone: () => Promise<boolean>, remainingMs?: number) {
  for (let passed = 0; passed < longestMinutes; ) {
    // Skip the minutes in which nothing is due.
    const dueInMs = ((await world.table.head())?.dueAt ?? 0) - world.now();
    const minutes = Math.max(Math.floor(dueInMs / minute), 1);
    passed += minutes;
    world.pass(minutes * minute);
    await inTurns(world.sweep(remainingMs));
    for (const [key, { lease }] of await world.table.records()) {
      if (lease && lease.until > world.now()) world.ledger.violated(`${key} has a lease, and no worker is busy`);
    }
    if (await isDone()) return;
  }
  world.ledger.violated(`${longestMinutes} minutes passed, and not ${what}`);
}

/** Waits for work that takes no simulated time, but not for ever. */
async function inTurns(work: Promise<void>): Promise<void> {
  let isDone = false;
  void work.then(() => {
    isDone = true;
  });
  for (let turn = 0; !isDone; turn++) {
    if (turn > untilIdle) throw new Error('a worker waits for ever');
    await new Promise(setImmediate);
  }
}
