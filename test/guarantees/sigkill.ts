/**
 * A real kill: the built bundles in processes of their own, against servers on this machine, killed at random moments.
 * Then other workers, whose clocks are ahead, come until the work list is empty, and the messages are counted.
 */

import { postEvent, startWorld, type World } from '../support/world.ts';
import { type Count, countMessage, note, nothingCounted, type ShownDelivery } from './kill-count.ts';
import { createRandom, momentIn, type Pace, type Random } from './sigkill-moments.ts';
import { callAndKill, type Fate, type Moment } from './sigkill-process.ts';
import {
  answerSlowly,
  channels,
  configOf,
  endWatched,
  isEmpty,
  missingReceipts,
  progressOf,
  recordOf,
  second,
  sendersTo,
  workerAhead,
} from './sigkill-scene.ts';

export interface SigkillFigures extends Count {
  /** The same seed gives the same moments, as far as the machine is as fast. */
  seed: number;
  runs: number;
  /** How many processes were killed. */
  killed: number;
  /** How far they had come, and how often. */
  moments: Record<string, number>;
}

type Name = 'webhook' | 'sweep';
type Paces = Record<Name, Pace>;

interface Death {
  worker: string;
  /** Whether its caller had an answer; who has none asks again. */
  hasAnswered: boolean;
  /** The channels whose receipt was not in the table afterwards. */
  missing: Set<string>;
  progress: string;
}

const remainingMs = { webhook: 25 * second, sweep: 55 * second };

/** Every other run has a FIFO topic, the others a standard one. */
export async function runSigkills({
  runs,
  seed = Math.floor(Math.random() * 2 ** 32),
}: {
  runs: number;
  seed?: number;
}): Promise<SigkillFigures> {
  const figures = { ...nothingCounted(), seed, runs, killed: 0, moments: {} };
  const random = createRandom(seed);
  const worlds = await Promise.all([startWorld({ topicName: 'events.fifo' }), startWorld()]);
  for (const world of worlds) answerSlowly(world);
  try {
    const pace = { webhook: await paceOf(worlds[0], 'webhook'), sweep: await paceOf(worlds[1], 'sweep') };
    for (let run = 0; run < runs; run++) {
      await killOnce(worlds[run % 2] as World, { run, random, pace }, figures);
    }
  } finally {
    await Promise.all(worlds.map((world) => world.close()));
  }
  return figures;
}

/** One job: one or two processes that are killed while they tend it, then others, then the count. */
async function killOnce(
  world: World,
  { run, random, pace }: { run: number; random: Random; pace: Paces },
  figures: SigkillFigures,
): Promise<void> {
  const jobId = `job_${run}`;
  const name = random(2) < 1 ? 'webhook' : 'sweep';
  const wanted = random(3) < 1 ? 2 : 1;
  const deaths: Death[] = [];
  let aheadMs = 0;
  await prepare(world, jobId, name);
  while (deaths.length < wanted && deaths.at(-1)?.progress !== 'done') {
    const worker = `killed-${deaths.length + 1}`;
    const { answeredMs } = await start(world, { name, jobId, worker, aheadMs }, momentIn(pace[name], random));
    const record = await recordOf(world, jobId);
    const progress = progressOf(world, jobId, record);
    deaths.push({ worker, hasAnswered: answeredMs !== undefined, missing: missingReceipts(record), progress });
    note(figures.moments, progress);
    figures.killed += 1;
    aheadMs += (10 + random(110)) * second;
  }
  const mustAskAgain = name === 'webhook' && !deaths.at(-1)?.hasAnswered;
  const isSettled = await recover(world, jobId, aheadMs, mustAskAgain);

  const complain = (what: string) =>
    figures.broken.push(
      `run ${run} of seed ${figures.seed}, ${name}, ${deaths.map(({ progress }) => progress)}: ${what}`,
    );
  if (!isSettled) complain('the work list does not become empty');
  await judge(world, jobId, deaths, figures, complain);
}

async function judge(
  world: World,
  jobId: string,
  deaths: Death[],
  figures: SigkillFigures,
  complain: (what: string) => void,
): Promise<void> {
  const { body } = await workerAhead(world, 'observer', 0).get(jobId);
  const shown: ShownDelivery[] = body.deliveries ?? [];
  for (const channel of channels) {
    const senders = sendersTo(world, channel, jobId);
    const isFifo = channel === 'events' && world.topic.topicArn.endsWith('.fifo');
    const distinct = new Set(senders);
    // It sent, was killed, and left no receipt: the next one cannot know. Nobody sends twice.
    const inDoubt = deaths.filter(({ worker, missing }) => !isFifo && distinct.has(worker) && missing.has(channel));
    const message = {
      name: `the message to ${channel} by ${senders.join(', ') || 'nobody'}`,
      times: senders.length,
      doubts: Math.min(inDoubt.length, Math.max(distinct.size - 1, 0)),
      shown: shown.find((one) => one.channel === channel),
    };
    countMessage(figures, message, complain);
  }
}

/** A job that ended: a webhook does not know it yet, a sweep does. */
const prepare = async (world: World, jobId: string, name: Name): Promise<void> =>
  name === 'sweep' ? await endWatched(world, jobId) : world.setJob(jobId, { status: 'Completed' });

/** Starts a process for a job, which lives until the moment, or until it has answered. */
const start = (
  world: World,
  { name, jobId, worker, aheadMs }: { name: Name; jobId: string; worker: string; aheadMs: number },
  moment?: Moment,
): Promise<Fate> => {
  const event = name === 'webhook' ? postEvent(jobId) : {};
  return callAndKill(
    { name, event, remainingMs: remainingMs[name], aheadMs },
    world.env(configOf(world, worker)),
    moment,
  );
};

/** Others come and go, until nothing is left to do. False: they do not get there. */
async function recover(world: World, jobId: string, aheadMs: number, mustAskAgain: boolean): Promise<boolean> {
  if (mustAskAgain) await workerAhead(world, 'asked-again', aheadMs).post(jobId);
  for (let minutes = 1; minutes < 10; minutes++) {
    const worker = workerAhead(world, `sweep-${minutes}`, aheadMs + minutes * 60 * second);
    if (await isEmpty(worker)) return true;
    await worker.sweep();
  }
  return false;
}

/** Lets a function do its work unharmed, twice: the first time, the servers are not warm. */
async function paceOf(world: World, name: Name): Promise<Pace> {
  let pace = { readyMs: 0, workMs: 0 };
  for (const jobId of [`job_${name}_cold`, `job_${name}_warm`]) {
    await prepare(world, jobId, name);
    const { readyMs = 0, answeredMs = 0 } = await start(world, { name, jobId, worker: 'unharmed', aheadMs: 0 });
    pace = { readyMs, workMs: answeredMs - readyMs };
  }
  return pace;
}
