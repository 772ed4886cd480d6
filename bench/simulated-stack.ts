/** The deployed stack in simulated time: the real handlers, called by the schedule and by the sweep queue. */

import type { Deps } from '../lib/deps.ts';
import './importable.ts';
import { createHandler as createEvent } from '../functions/event.ts';
import { createHandler as createSweep } from '../functions/sweep.ts';
import { keepReads } from '../lib/table/kept-reads.ts';
import { wire } from '../lib/wire.ts';
import { queueEvent } from '../local/embedded-queue.ts';
import type { Cross } from '../test/support/crossing.ts';
import { createSimulatedWorld, type SimulatedWorld, worldConfig } from '../test/support/simulated-world.ts';
import { lambdaContext } from '../test/support/world.ts';
import { assumptions } from './cost.ts';
import { createSimulatedTime, type SimulatedTime } from './simulated-time.ts';

/** A job that runs for some time. Milliseconds since the beginning of the world. */
export interface SimulatedJob {
  id: string;
  beginsAt: number;
  endsAt: number;
}

export interface Scene {
  jobs: SimulatedJob[];
  /** The setting; 60: the minute schedule alone. */
  pollEverySeconds: number;
  /** The jobs are not handed over, so discovery must find them. */
  discovered?: boolean;
  /** The minutes that pass at least. More pass until every job is notified. */
  minutes?: number;
}

/** What was asked of the others, and how long sweeps ran: with their waits, without their computing. */
export interface Counts {
  /** Tokens included. */
  apiCalls: number;
  tableReads: number;
  tableWrites: number;
  /** What the reads cost: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
  readUnits: number;
  scheduledSweeps: number;
  /** Sweeps that a message of the queue requested. */
  queuedSweeps: number;
  /** Sweeps of the schedule that requested polls, and how many; and all else that requested sweeps. */
  scheduledThatPolled: number;
  othersThatPolled: number;
  polls: number;
  /** SendMessageBatch, ReceiveMessage with a result, DeleteMessageBatch. */
  queueRequests: number;
  sweepMs: number;
  logLines: number;
  logBytes: number;
}

export interface Run {
  /** Milliseconds from the end of each job to the accepted message, in the order of the messages. */
  slack: number[];
  sns: number[];
  /** The most messages that Slack received within a second. */
  slackBurst: number;
  counts: Counts;
}

const second = 1_000;
const minute = 60 * second;
const beginning = Date.parse('2026-01-01T10:00:00.000Z');
const { waitMs } = assumptions;
/** From the moment when the schedule or the queue has an event to the first line of the handler. Not measured. */
const invokeMs = 100;
/** The event source of the queue, as serverless.yml configures it. */
const [batchSize, maxConcurrency] = [10, 2];
/** A page of the index holds 1 MB, an entry at most 300 bytes; an eventually consistent read of 4 KB is half a unit. */
const [entryBytes, pageSize] = [300, 3_000];
/** The run fails if it takes longer. */
const maxMinutes = 6 * 60;

/** Lets the jobs of a scene begin and end. Throws what a handler throws, and if a message is repeated or missing. */
export async function simulate({ jobs, pollEverySeconds, discovered = false, minutes = 0 }: Scene): Promise<Run> {
  const time = createSimulatedTime(beginning);
  const world = createSimulatedWorld(time.clock.now, { pageSize });
  const stack = deploy(world, time, { pollEverySeconds, discovered });
  for (const job of jobs) {
    for (const status of ['Running', 'Completed'] as const) {
      const at = status === 'Running' ? job.beginsAt : job.endsAt;
      time.later(at, () => world.setJob(job.id, { status, ...timesOf(job, status) }));
    }
    if (!discovered) time.later(job.beginsAt, () => stack.event(job.id));
  }

  const { accepted } = world;
  const enough = Math.ceil(Math.max(0, ...jobs.map(({ endsAt }) => endsAt)) / minute) + maxMinutes;
  for (let passed = 0; passed < minutes || accepted.length < 2 * jobs.length; passed++) {
    if (passed === enough) throw new Error('A message is missing.');
    stack.schedule();
    await time.pass(minute);
  }
  // Everything in progress finishes.
  await time.pass(minute);
  if (stack.failures.length > 0) throw stack.failures[0];
  if (accepted.length > 2 * jobs.length) throw new Error('A message was repeated.');

  const ends = new Map(jobs.map(({ id, endsAt }) => [id, beginning + endsAt]));
  const of = (its: string) => accepted.filter(({ channel }) => channel === its);
  const delays = (channel: string) => of(channel).map(({ job, at }) => at - (ends.get(job.jobId) ?? Number.NaN));
  const slackTimes = of('slack').map(({ at }) => at);
  return {
    slack: delays('slack'),
    sns: delays('topic'),
    slackBurst: Math.max(0, ...slackTimes.map((from, index) => countUntil(from + second, slackTimes.slice(index)))),
    counts: stack.counts,
  };
}

/** Times have milliseconds. If Sitecore writes whole seconds, that shows in `timeToNotify` and delays nothing. */
function timesOf({ beginsAt, endsAt }: SimulatedJob, status: 'Running' | 'Completed') {
  const [begin, end] = [beginsAt, endsAt].map((at) => new Date(beginning + at).toISOString()) as [string, string];
  const finishTime = status === 'Running' ? null : end;
  return { at: beginning + endsAt, queuedTime: begin, startTime: begin, finishTime };
}

/** How many of these moments, which are in order, are before that one. */
function countUntil(end: number, moments: number[]): number {
  const after = moments.findIndex((moment) => moment >= end);
  return after < 0 ? moments.length : after;
}

type Settings = Required<Pick<Scene, 'pollEverySeconds' | 'discovered'>>;

function deploy(world: SimulatedWorld, time: SimulatedTime, settings: Settings) {
  const counts = nothingCounted();
  const failures: unknown[] = [];
  const { store, ...outside } = world.boundary(createCross(counts, time));
  const write = (line: string): void => {
    counts.logLines += 1;
    counts.logBytes += Buffer.byteLength(line);
  };
  const env = { NOTIFIER_CONFIG: JSON.stringify(configOf(settings)), TABLE_NAME: 'simulated' };
  const made: Deps = {
    ...wire(env, { ...outside, clock: time.clock, write }),
    store: keepReads(store, time.clock.now),
  };
  const enqueue = createQueue(time.later, (bodies, done) => {
    counts.queuedSweeps += 1;
    counts.queueRequests += 2;
    sweep('othersThatPolled', queueEvent(...bodies), done);
  });
  const depsOf = (kind: 'scheduledThatPolled' | 'othersThatPolled'): Deps => ({
    ...made,
    sweepQueue: {
      async send(request, delays) {
        counts[kind] += 1;
        counts.polls += delays.length;
        counts.queueRequests += 1;
        await time.clock.wait(waitMs.sqs);
        for (const delay of delays) enqueue(JSON.stringify(request), delay);
      },
    },
  });
  const event = createEvent(depsOf('othersThatPolled'));
  const handlers = {
    scheduledThatPolled: createSweep(depsOf('scheduledThatPolled')),
    othersThatPolled: createSweep(depsOf('othersThatPolled')),
  };
  const sweep = (kind: keyof typeof handlers, queued: object, done: () => void): void =>
    time.later(invokeMs, async () => {
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
      sweep('scheduledThatPolled', {}, () => undefined);
    },
  };
}

/** Counts each call and lets it take its time. A channel accepts at the end of that time, the others read at its start. */
const createCross =
  (counts: Counts, { clock }: SimulatedTime): Cross =>
  async (name, call, { keys = 0 } = {}) => {
    if (name === 'slack' || name === 'topic') {
      await clock.wait(name === 'slack' ? waitMs.slack : waitMs.sns);
      return await call();
    }
    const result = await call();
    if (name === 'token' || name === 'api') counts.apiCalls += 1;
    else if (name === 'store.due') {
      const { value, done } = result as IteratorResult<unknown[]>;
      // The end of the last page is no call.
      if (done) return result;
      counts.tableReads += 1;
      counts.readUnits += Math.max(1, Math.ceil((value.length * entryBytes) / 4_096)) / 2;
    } else {
      counts[keys > 0 ? 'tableReads' : 'tableWrites'] += 1;
      counts.readUnits += keys;
    }
    await clock.wait(name.startsWith('store.') ? waitMs.table : waitMs.api);
    return result;
  };

function configOf({ pollEverySeconds, discovered }: Settings) {
  const config = worldConfig({ discover: discovered });
  const { slack, topic } = config.channels;
  return { ...config, channels: { slack, topic }, settings: { pollEverySeconds } };
}

/** The queue and its event source: visible messages are handed over in batches. */
function createQueue(
  later: (ms: number, work: () => void) => void,
  handOver: (bodies: string[], done: () => void) => void,
): (body: string, delaySeconds: number) => void {
  const visible: string[] = [];
  let inFlight = 0;
  const take = (): void => {
    if (inFlight === maxConcurrency || visible.length === 0) return;
    inFlight += 1;
    handOver(visible.splice(0, batchSize), () => {
      inFlight -= 1;
      take();
    });
  };
  return (body, delaySeconds) =>
    later(delaySeconds * second, () => {
      visible.push(body);
      take();
    });
}

const nothingCounted = (): Counts => ({
  apiCalls: 0,
  tableReads: 0,
  tableWrites: 0,
  readUnits: 0,
  scheduledSweeps: 0,
  queuedSweeps: 0,
  scheduledThatPolled: 0,
  othersThatPolled: 0,
  polls: 0,
  queueRequests: 0,
  sweepMs: 0,
  logLines: 0,
  logBytes: 0,
});
