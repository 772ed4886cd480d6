/** The deployed stack in simulated time: the real handlers, called by the schedule and by the queue of wake-ups. */

import type { Deps } from '../lib/deps.ts';
import './importable.ts';
import { createHandler as createEvent } from '../functions/event.ts';
import { createHandler as createSweep } from '../functions/sweep.ts';
import { channelTypes } from '../lib/channels/index.ts';
import { wire } from '../lib/wire.ts';
import { queueEvent } from '../local/embedded-queue.ts';
import { lambdaContext } from '../test/support/world.ts';
import { assumptions } from './cost.ts';
import {
  type Asked,
  beginning,
  createWorld,
  type SimulatedJob,
  type SimulatedWorld,
  slackUrl,
} from './simulated-world.ts';

export interface Scene {
  jobs: SimulatedJob[];
  /** The setting; 0: the minute schedule alone. */
  lookEverySeconds: number;
  /** Nobody names the jobs: they are found by the list call. */
  discovered?: boolean;
  /** So many minutes pass at least; in any case as many as it takes to tell of every job. */
  minutes?: number;
}

/** What was asked of whom, and how long sweeps ran, waiting included and computing left out. */
export interface Counts extends Asked {
  scheduledSweeps: number;
  wokenSweeps: number;
  /** Sweeps that sent wake-ups. */
  scheduledThatWoke: number;
  wokenThatWoke: number;
  polls: number;
  /** SendMessageBatch, ReceiveMessage that brought something, DeleteMessageBatch. */
  queueRequests: number;
  sweepMs: number;
  logLines: number;
  logBytes: number;
}

export interface Run {
  /** Milliseconds from the end of each job to the accepted message, in the order of the messages. */
  slack: number[];
  sns: number[];
  /** The most messages that Slack had to take within a second. */
  slackBurst: number;
  counts: Counts;
}

const second = 1_000;
const minute = 60 * second;
/** From the moment in which the schedule or the queue has an event to the first line of the handler. Not measured. */
const handOverMs = 100;
/** As serverless.yml has the event source of the queue. */
const [batchSize, wokenAtOnce] = [10, 2];
/** What takes longer is never told. */
const maxMinutes = 6 * 60;

/** Lets the jobs of a scene begin and end. Throws what a handler throws, and if a message comes twice or never. */
export async function simulate({ jobs, lookEverySeconds, discovered = false, minutes = 0 }: Scene): Promise<Run> {
  const world = createWorld(jobs);
  const stack = deploy(world, { lookEverySeconds, discovered });
  if (!discovered) for (const { id, beginsAt } of jobs) world.time.later(beginsAt, () => stack.event(id));

  const enough = Math.ceil(Math.max(0, ...jobs.map(({ endsAt }) => endsAt)) / minute) + maxMinutes;
  for (let passed = 0; passed < minutes || world.told.length < 2 * jobs.length; passed++) {
    if (passed === enough) throw new Error('Not every job was told.');
    stack.schedule();
    await world.time.pass(minute);
  }
  // What is under way comes to its end.
  await world.time.pass(minute);
  if (stack.failures.length > 0) throw stack.failures[0];
  if (world.told.length > 2 * jobs.length) throw new Error('A message came twice.');

  const ends = new Map(jobs.map(({ id, endsAt }) => [id, beginning + endsAt]));
  const delays = (its: string) =>
    world.told.flatMap(({ channel, jobId, at }) => (channel === its ? [at - (ends.get(jobId) ?? Number.NaN)] : []));
  const slackTimes = world.told.flatMap(({ channel, at }) => (channel === 'slack' ? [at] : []));
  return {
    slack: delays('slack'),
    sns: delays('sns'),
    slackBurst: Math.max(0, ...slackTimes.map((from, index) => countUntil(from + second, slackTimes.slice(index)))),
    counts: { ...world.asked, ...stack.counts },
  };
}

/** How many of these moments, which are in order, lie before that one. */
function countUntil(end: number, moments: number[]): number {
  const after = moments.findIndex((moment) => moment >= end);
  return after < 0 ? moments.length : after;
}

type Settings = Required<Pick<Scene, 'lookEverySeconds' | 'discovered'>>;

function deploy(world: SimulatedWorld, settings: Settings) {
  const { time } = world;
  const counts = nothingCounted();
  const failures: unknown[] = [];
  const made = wire(
    { NOTIFIER_CONFIG: JSON.stringify(configOf(settings)), TABLE_NAME: 'simulated' },
    {
      clock: time.clock,
      http: world.http,
      types: { ...channelTypes, topic: world.topic },
      write(line) {
        counts.logLines += 1;
        counts.logBytes += Buffer.byteLength(line);
      },
    },
  );
  const enqueue = createQueue(time.later, (bodies, done) => {
    counts.wokenSweeps += 1;
    counts.queueRequests += 2;
    sweep('wokenThatWoke', queueEvent(...bodies), done);
  });
  const depsOf = (kind: 'scheduledThatWoke' | 'wokenThatWoke'): Deps => ({
    ...made,
    store: world.store,
    sweepQueue: {
      async send(wakeUp, delays) {
        counts[kind] += 1;
        counts.polls += delays.length;
        counts.queueRequests += 1;
        await time.clock.wait(assumptions.waitMs.sqs);
        for (const delay of delays) enqueue(JSON.stringify(wakeUp), delay);
      },
    },
  });
  const event = createEvent(depsOf('wokenThatWoke'));
  const handlers = {
    scheduledThatWoke: createSweep(depsOf('scheduledThatWoke')),
    wokenThatWoke: createSweep(depsOf('wokenThatWoke')),
  };
  const sweep = (kind: keyof typeof handlers, queued: object, done: () => void): void =>
    time.later(handOverMs, async () => {
      const begunAt = time.clock.now();
      await handlers[kind](queued, lambdaContext()).catch((error: unknown) => failures.push(error));
      counts.sweepMs += time.clock.now() - begunAt;
      done();
    });

  return {
    counts,
    failures,
    event(jobId: string): void {
      event({ jobId }, lambdaContext(30 * second)).catch((error: unknown) => failures.push(error));
    },
    schedule(): void {
      counts.scheduledSweeps += 1;
      sweep('scheduledThatWoke', {}, () => undefined);
    },
  };
}

const configOf = ({ lookEverySeconds, discovered: discover }: Settings) => ({
  environments: { production: { clientId: 'id', clientSecret: 'secret', apiUrl: 'https://api.test', discover } },
  channels: {
    slack: { type: 'slack', webhookUrl: `${slackUrl}/services/hook` },
    topic: { type: 'topic', name: 'topic' },
  },
  settings: { lookEverySeconds },
});

/** The queue and its event source: messages that have waited long enough are handed over, some at a time. */
function createQueue(
  later: (ms: number, work: () => void) => void,
  handOver: (bodies: string[], done: () => void) => void,
): (body: string, delaySeconds: number) => void {
  const visible: string[] = [];
  let underWay = 0;
  const take = (): void => {
    if (underWay === wokenAtOnce || visible.length === 0) return;
    underWay += 1;
    handOver(visible.splice(0, batchSize), () => {
      underWay -= 1;
      take();
    });
  };
  return (body, delaySeconds) =>
    later(delaySeconds * second, () => {
      visible.push(body);
      take();
    });
}

const nothingCounted = (): Omit<Counts, keyof Asked> => ({
  scheduledSweeps: 0,
  wokenSweeps: 0,
  scheduledThatWoke: 0,
  wokenThatWoke: 0,
  polls: 0,
  queueRequests: 0,
  sweepMs: 0,
  logLines: 0,
  logBytes: 0,
});
