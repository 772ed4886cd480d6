/**
 * Many workers at once, in all orders, with all that can go wrong: plans made by fast-check, carried out in a world, and
 * judged by a model.
 */

import fc from 'fast-check';
import { type JobRecord, jobKey } from '../../lib/job.ts';
import type { Figures } from './simulation-ledger.ts';
import {
  createWorld,
  type deployments,
  type Look,
  looks,
  type Mishap,
  mishaps,
  type SimulatedJob,
  type Trouble,
  type World,
} from './simulation-world.ts';

const second = 1_000;
const minute = 60 * second;
/** How long the functions may take that are called for one job. */
const [webhookMs, eventMs] = [25 * second, 30 * second];

/** One thing that happens in the world, and how many crossings have their turn after it. */
type Command = { steps?: number } & (
  | { do: 'post' | 'event' | 'burst'; job: number }
  | { do: 'sweep' | 'minute' | 'replay' }
  | { do: 'pass'; ms: number }
  | { do: 'change'; job: number; look: Look }
  | { do: 'deploy'; what: keyof typeof deployments }
  | ({ do: 'trouble'; mishap: Mishap } & Pick<Trouble, 'after' | 'times'>)
);

/** What is still broken when the rest is repaired: it must not stop the others. */
type Thorn = 'none' | 'busyJob' | 'badJob' | 'badEnvironment' | 'badChannel';

interface Plan {
  offsetsMs: number[];
  beginnings: Look[];
  commands: Command[];
  thorn: Thorn;
  endings: Look[];
}

export interface SimulationOptions {
  runs: number;
  seed?: number | undefined;
  /** Replays the run, or the shrunk run, that a failure named. */
  path?: string | undefined;
}

/** Runs so many simulations, and gives what was seen. The first one that breaks the promise throws, with its replay. */
export async function runSimulation({ runs, seed, path }: SimulationOptions): Promise<Figures> {
  const total: Figures = { runs: 0, expected: 0, sent: 0, lost: 0, repeated: 0, repeatedWhereItCannotBeHelped: 0 };
  const property = fc.asyncProperty(fc.scheduler(), plan, async (scheduler, one) => {
    const figures = await simulate(scheduler, one);
    for (const name of Object.keys(figures) as (keyof typeof figures)[]) total[name] += figures[name];
    total.runs += 1;
  });
  const details = await fc.check(property, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path ? { path } : {}),
  });
  if (details.failed) throw new Error(await explain(details), { cause: details.errorInstance });
  return total;
}

async function explain(details: Extract<fc.RunDetails<[fc.Scheduler, Plan]>, { failed: true }>): Promise<string> {
  const { seed, counterexamplePath, errorInstance } = details;
  return [
    `The promise was broken: ${(errorInstance as Error).message}`,
    `Replay it: SIMULATION_SEED=${seed} SIMULATION_PATH=${counterexamplePath} npx vitest run simulation.test.ts`,
    await fc.asyncDefaultReportMessage(details),
  ].join('\n\n');
}

/** One run: the plan, then everything is repaired, and sweeps go on until the work list is empty. */
async function simulate(scheduler: fc.Scheduler, { offsetsMs, beginnings, commands, thorn, endings }: Plan) {
  const world = createWorld((label) => scheduler.schedule(nothing, label), offsetsMs, beginnings);
  for (const command of commands) {
    // A minute is long: who is at work ends meanwhile. Who does not is met when time passes without this.
    if (command.do === 'minute') await takeTurns(scheduler, untilIdle);
    perform(world, command);
    await takeTurns(scheduler, command.steps ?? 0);
  }
  await takeTurns(scheduler, untilIdle);

  world.repair();
  world.deploy('all');
  world.pass(2 * minute);
  for (const [index, job] of world.jobs.entries()) end(world, job, endings[index]);
  await sweepBeside(thorn, world);
  world.repair();
  world.deploy('all');
  for (const [index, job] of world.jobs.entries()) end(world, job, endings[index]);
  await sweepUntil(world, 'the work list is empty', isNothingLeft);

  const figures = await judge(world);
  const [first] = world.ledger.violations;
  if (first) throw new Error(first);
  return figures;
}

function perform(world: World, command: Command): void {
  const job = world.jobs['job' in command ? command.job : 0] as SimulatedJob;
  switch (command.do) {
    case 'post':
      void world.check(job, webhookMs);
      break;
    case 'event':
      void world.check(job, eventMs);
      break;
    case 'burst':
      void world.check(job, webhookMs);
      void world.check(job, eventMs);
      void world.sweep();
      break;
    case 'minute':
      world.pass(minute);
      void world.sweep();
      break;
    case 'sweep':
      void world.sweep();
      break;
    case 'replay':
      void world.replay();
      break;
    case 'pass':
      world.pass(command.ms);
      break;
    case 'change':
      world.change(job, command.look);
      break;
    case 'deploy':
      // The schedule goes on, now with the other configuration; who was called before ends with the one it began with.
      world.deploy(command.what);
      void world.sweep();
      break;
    case 'trouble':
      world.trouble({ ...command.mishap, ...command });
  }
}

const nothing = Promise.resolve();
const untilIdle = 1_000;

/** Lets so many crossings have their turn, each time one that the scheduler picks among those that wait. */
async function takeTurns(scheduler: fc.Scheduler, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    // All that follows from the last turn has happened when the event loop comes round.
    await new Promise(setImmediate);
    if (scheduler.count() === 0) return;
    await scheduler.waitOne();
  }
  if (steps === untilIdle) throw new Error('the workers go on for ever');
}

const slowSweepMs = 17 * second;
const longestMinutes = 90;

/** Sweeps while one thing is still broken, until everything beside it is finished. */
async function sweepBeside(thorn: Thorn, world: World): Promise<void> {
  const always = { after: 0, times: Number.POSITIVE_INFINITY };
  const beside = (isBad: (job: SimulatedJob) => boolean, channels: string[]) => async () => {
    const records = await world.records();
    const jobs = world.jobs.filter((job) => !isBad(job));
    return jobs.every(({ key }) => isFinished(records.get(key), channels));
  };
  const [first] = world.jobs as [SimulatedJob];
  switch (thorn) {
    case 'none':
      return;
    case 'busyJob': {
      // It runs on, at the head of the work list, and a sweep has time for one job only.
      const head = await headOf(world);
      if (!head) return;
      world.change(head, 'running');
      world.deploy('oneAtATime');
      world.trouble({ ...always, where: 'api', what: 'slow' });
      return await sweepUntil(
        world,
        `all but ${head.key} ends`,
        beside((job) => job === head, everyChannel),
        slowSweepMs,
      );
    }
    case 'badJob':
      world.trouble({ ...always, where: 'api', what: 'failed', only: first.key });
      return await sweepUntil(
        world,
        `all but ${first.key} ends`,
        beside((job) => job === first, everyChannel),
      );
    case 'badEnvironment':
      world.trouble({ ...always, where: 'api', what: 'unauthorized', only: 'staging' });
      return await sweepUntil(
        world,
        'all but staging ends',
        beside(({ environment }) => environment === 'staging', everyChannel),
      );
    case 'badChannel':
      world.trouble({ ...always, where: 'slack', what: 'denied' });
      return await sweepUntil(
        world,
        'all but slack ends',
        beside(() => false, ['fifo', 'topic']),
      );
  }
}

const everyChannel = ['slack', 'fifo', 'topic'];

/** The job at the head of the work list, if it has not ended. */
async function headOf(world: World): Promise<SimulatedJob | undefined> {
  const head = await world.head();
  return world.jobs.find(({ key, ended }) => !ended && head && key === jobKey(head));
}

const nextDueAt = async (world: World): Promise<number> => (await world.head())?.dueAt ?? 0;

/** Whether nothing more is to be read of a job, and nothing to be sent to these channels. */
const isFinished = (record: JobRecord | undefined, channels: string[]): boolean =>
  record?.check.nextAt == null &&
  !Object.entries(record?.deliveries ?? {}).some(
    ([key, { state }]) => state === 'pending' && channels.includes(key.split('/')[1] as string),
  );

const isNothingLeft = async (world: World): Promise<boolean> =>
  [...(await world.records()).values()].every(({ watch }) => watch !== 'jobs');

/** A job that still runs ends as it is told to. */
function end(world: World, job: SimulatedJob, look: Look = 'completed'): void {
  if (job.look !== 'unknown' && !job.ended) world.change(job, look);
}

/** Sweeps minute by minute, at least once: what waits for an environment to come back is not in the work list. */
async function sweepUntil(
  world: World,
  what: string,
  isDone: (world: World) => Promise<boolean>,
  remainingMs?: number,
): Promise<void> {
  let idle = 0;
  for (let passed = 0; passed < longestMinutes; passed += 1 + idle) {
    // A minute in which nothing is due changes nothing.
    idle = Math.max(Math.floor(((await nextDueAt(world)) - world.now()) / minute) - 1, 0);
    world.pass((1 + idle) * minute);
    await inTurns(world.sweep(remainingMs));
    if (await isDone(world)) return;
  }
  world.ledger.violated(`${longestMinutes} minutes passed, and not ${what}`);
}

/** Waits for something that takes no time, and not for ever. */
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

/** Compares the table with the API and the model. What is dead is replayed first: then nothing may be missing. */
async function judge(world: World): Promise<Omit<Figures, 'runs'>> {
  const { ledger } = world;
  for (const record of (await world.records()).values()) {
    for (const [key, { state, error }] of Object.entries(record.deliveries)) {
      const isRemoved = error === 'the channel is no longer configured';
      if (state === 'dead' && !isRemoved) ledger.violated(`${key} of ${record.jobId} is dead: ${error}`);
    }
  }
  await inTurns(world.replay());
  await sweepUntil(world, 'the work list is empty again', isNothingLeft);
  const records = await world.records();
  for (const { key, look } of world.jobs) {
    const [record, its] = [records.get(key), looks[look]];
    const isMissed = record && its && record.status !== its.status && !ledger.wasDeniedForLong(key);
    if (isMissed) ledger.violated(`${key} is ${its.status}, and was last read as ${record.status}`);
  }
  return ledger.judge(records);
}

const steps = fc.constantFrom(0, 0, 1, 2, 3, 5, 8, 13, 21, untilIdle, untilIdle, untilIdle);
const job = fc.constantFrom(0, 0, 0, 1, 2, 2);
const look = fc.constantFrom(...(Object.keys(looks) as Look[]));
const terminal = fc.constantFrom<Look>('completed', 'early', 'warnings', 'nothing', 'failed', 'canceled');

const isCloseToSending = ({ where }: Mishap): boolean => ['slack', 'fifo', 'topic', 'save', 'receipt'].includes(where);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('post', 'event', 'burst'), job, steps }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('sweep', 'minute', 'minute'), steps }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('change'),
      job,
      look: fc.oneof(terminal, terminal, look, fc.constantFrom<Look>('unknown', 'running')),
      steps,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('trouble'),
      mishap: fc.oneof(fc.constantFrom(...mishaps), fc.constantFrom(...mishaps.filter(isCloseToSending))),
      after: fc.nat({ max: 3 }),
      times: fc.constantFrom(1, 1, 1, 2, 4),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pass'),
      ms: fc.constantFrom(1, 4, 9, 25, 100, 4 * 60, 11 * 60).map((seconds) => seconds * second),
      steps,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('deploy'),
      what: fc.constantFrom(
        'all',
        'all',
        'withoutStaging',
        'withoutStaging',
        'withoutSlack',
        'withoutFifo',
        'withRules',
      ),
      steps,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replay'), steps }) },
) as fc.Arbitrary<Command>;

const plan: fc.Arbitrary<Plan> = fc.record({
  offsetsMs: fc.array(
    fc.constantFrom(0, 5, 10, 20).map((seconds) => seconds * second),
    { minLength: 1, maxLength: 3 },
  ),
  beginnings: fc.array(
    fc.constantFrom<Look>('queued', 'running', 'running', 'running', 'unknown', 'completed', 'early', 'early', 'old'),
    {
      minLength: 3,
      maxLength: 3,
    },
  ),
  commands: fc.noBias(fc.array(command, { maxLength: 24, size: 'max' })),
  thorn: fc.constantFrom('none', 'none', 'none', 'none', 'busyJob', 'badJob', 'badEnvironment', 'badChannel'),
  endings: fc.array(terminal, { minLength: 3, maxLength: 3 }),
});
