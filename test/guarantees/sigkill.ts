/**
 * A real kill: the built bundles in processes of their own, against servers on this machine, killed at random moments.
 * Then other workers, whose clocks are ahead, run until the work list is empty, and the messages are counted.
 */

import { isWorkListEmpty } from '../support/crossing.ts';
import { createRandom, type Random } from '../support/random.ts';
import { postEvent, startWorld, type World } from '../support/world.ts';
import { type Count, countMessage, countOne, nothingCounted, type ShownDelivery } from './kill-count.ts';
import { callAndKill, type Fate, type Moment } from './sigkill-process.ts';
import {
  channels,
  configOf,
  endWatched,
  messagesInRoom,
  missingReceipts,
  progressOf,
  recordOf,
  respondSlowly,
  second,
  sendersTo,
  workerAhead,
} from './sigkill-scene.ts';

export interface SigkillFigures extends Count {
  /** Those of the Slack app, which the others do not count. */
  room: Count;
  /** The same seed gives the same moments, if the machine is equally fast. */
  seed: number;
  runs: number;
  /** How many processes were killed. */
  killed: number;
  /** How far they had come, and how often that was so. */
  moments: Record<string, number>;
}

type Name = 'webhook' | 'sweep';
type Paces = Record<Name, Pace>;

interface Death {
  worker: string;
  /** Whether its caller received a response. A caller without one tries again. */
  hasResponded: boolean;
  /** The channels whose receipt was not in the table afterwards. */
  missing: Set<string>;
  progress: string;
}

/** How long a process takes when it is not killed, in milliseconds: to load its bundle, and then to respond. */
interface Pace {
  readyMs: number;
  workMs: number;
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
  const figures = { ...nothingCounted(), room: nothingCounted(), seed, runs, killed: 0, moments: {} };
  const random = createRandom(seed);
  const worlds = await Promise.all([startWorld({ topicName: 'events.fifo' }), startWorld()]);
  for (const world of worlds) respondSlowly(world);
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

/** One job: one or two processes are killed while they handle it, then others recover, then the messages are counted. */
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
    const { respondedMs } = await start(world, { name, jobId, worker, aheadMs }, momentIn(pace[name], random));
    const record = await recordOf(world, jobId);
    const progress = progressOf(world, jobId, record);
    deaths.push({ worker, hasResponded: respondedMs !== undefined, missing: missingReceipts(record), progress });
    countOne(figures.moments, progress);
    figures.killed += 1;
    aheadMs += (10 + random(110)) * second;
  }
  const mustRetry = name === 'webhook' && !deaths.at(-1)?.hasResponded;
  const isSettled = await recover(world, jobId, aheadMs, mustRetry);

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
  const shown: ShownDelivery[] = (body.deliveries ?? []).filter(({ outcome }: ShownDelivery) => outcome === 'failed');
  const inRoom = messagesInRoom(world, jobId);
  if (inRoom !== 1) complain(`the room has ${inRoom} messages about the job`);
  for (const channel of channels) {
    const senders = sendersTo(world, channel, jobId);
    const repeatsNone = channel === 'room' || (channel === 'events' && world.topic.topicArn.endsWith('.fifo'));
    const distinct = new Set(senders);
    // A killed process that sent a message without storing a receipt: its successor cannot know. No worker sends twice.
    const ambiguous = deaths.filter(
      ({ worker, missing }) => !repeatsNone && distinct.has(worker) && missing.has(channel),
    );
    const message = {
      name: `the message to ${channel} by ${senders.join(', ') || 'nobody'}`,
      times: senders.length,
      ambiguous: Math.min(ambiguous.length, Math.max(distinct.size - 1, 0)),
      shown: shown.find((one) => one.channel === channel),
    };
    countMessage(channel === 'room' ? figures.room : figures, message, complain);
  }
}

/** A job that has ended: new to a webhook, and already watched by a sweep. */
const prepare = async (world: World, jobId: string, name: Name): Promise<void> =>
  name === 'sweep' ? await endWatched(world, jobId) : world.setJob(jobId, { status: 'Failed' });

/** Starts a process for a job. It lives until the moment, or until it has responded. */
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

/** Other workers run until nothing is left to do. False: that takes too long. */
async function recover(world: World, jobId: string, aheadMs: number, mustRetry: boolean): Promise<boolean> {
  if (mustRetry) await workerAhead(world, 'retry', aheadMs).post(jobId);
  for (let minutes = 1; minutes < 10; minutes++) {
    const worker = workerAhead(world, `sweep-${minutes}`, aheadMs + minutes * 60 * second);
    if (await isWorkListEmpty(worker.deps.store)) return true;
    await worker.sweep();
  }
  return false;
}

/** Lets a function finish its work, twice: the first time, the servers are not warm. */
async function paceOf(world: World, name: Name): Promise<Pace> {
  let pace = { readyMs: 0, workMs: 0 };
  for (const jobId of [`job_${name}_cold`, `job_${name}_warm`]) {
    await prepare(world, jobId, name);
    const { readyMs = 0, respondedMs = 0 } = await start(world, { name, jobId, worker: 'not-killed', aheadMs: 0 });
    pace = { readyMs, workMs: respondedMs - readyMs };
  }
  return pace;
}

/** Most of a process is its start, and then it mostly reads. Later moments are more frequent, to just after the end. */
function momentIn({ readyMs, workMs }: Pace, random: Random): Moment {
  if (random(6) < 1) return { after: 'start', ms: random(readyMs) };
  return { after: 'ready', ms: 1.2 * workMs * Math.sqrt(random(1)) };
}
