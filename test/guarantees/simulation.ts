/**
 * Many workers at once, in every order, with everything that can go wrong. fast-check generates what happens and picks
 * the call that gets the next turn; a model says what must have been sent.
 */

import fc from 'fast-check';
import { finish, judge } from './simulation-end.ts';
import type { SimulatedJob } from './simulation-jobs.ts';
import type { Figures } from './simulation-ledger.ts';
import { type Command, type Plan, plan, untilIdle } from './simulation-plan.ts';
import { createWorld, type World } from './simulation-world.ts';

const second = 1_000;
const minute = 60 * second;
/** The time-outs of the functions that handle one job. */
const [webhookMs, eventMs] = [25 * second, 30 * second];

export interface SimulationOptions {
  runs: number;
  /** Random if left out. */
  seed?: number | undefined;
  /** Replays the run, or the shrunk run, that a failure names. */
  path?: string | undefined;
  /** What happens; anything if left out. The scheduler still picks the next turn. */
  plans?: fc.Arbitrary<Plan>;
}

/** Runs the simulations and returns the totals. Throws if one breaks the promise, with the way to replay it. */
export async function runSimulation({ runs, seed, path, plans = plan }: SimulationOptions): Promise<Figures> {
  const total: Figures = {
    ...{ runs: 0, expected: 0, sent: 0, lost: 0, repeated: 0, repeatedUnavoidably: 0 },
    ...{ expectedInRoom: 0, sentInRoom: 0 },
  };
  const property = fc.asyncProperty(fc.scheduler(), plans, async (scheduler, one) => {
    const figures = await simulate(scheduler, one);
    for (const name of Object.keys(figures) as (keyof typeof figures)[]) total[name] += figures[name];
    total.runs += 1;
  });
  const details = await fc.check(property, {
    numRuns: runs,
    ...(seed === undefined ? {} : { seed }),
    ...(path ? { path } : {}),
  });
  if (details.failed) {
    const how = plans === plan ? 'npx vitest run simulation.test.ts' : 'as seed and path of this simulation';
    throw new Error(await explain(details, how), { cause: details.errorInstance });
  }
  return total;
}

async function explain(
  details: Extract<fc.RunDetails<[fc.Scheduler, Plan]>, { failed: true }>,
  how: string,
): Promise<string> {
  const { seed, counterexamplePath, errorInstance } = details;
  return [
    `The promise was broken: ${(errorInstance as Error).message}`,
    `To replay it: SIMULATION_SEED=${seed} SIMULATION_PATH=${counterexamplePath} ${how}`,
    await fc.asyncDefaultReportMessage(details),
  ].join('\n\n');
}

/** One run: the generated commands, then the end. */
async function simulate(scheduler: fc.Scheduler, one: Plan): Promise<Omit<Figures, 'runs'>> {
  const world = createWorld((label) => scheduler.schedule(nothing, label), one.offsetsMs, one.beginnings);
  for (const command of one.commands) {
    // Workers finish within a minute. The command `pass` covers those that do not.
    if (command.do === 'minute') await takeTurns(scheduler, untilIdle);
    perform(world, command);
    await takeTurns(scheduler, command.steps ?? 0);
  }
  await takeTurns(scheduler, untilIdle);
  await finish(world, one);
  const figures = await judge(world);
  const [first] = world.ledger.violations;
  if (first) throw new Error(first);
  return figures;
}

/** Performs one command. A worker that is called continues in the turns that follow. */
function perform(world: World, command: Command): void {
  const job = world.jobs['job' in command ? command.job : 0] as SimulatedJob;
  switch (command.do) {
    case 'webhook':
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
    case 'sweep':
      void world.sweep();
      break;
    case 'poll':
      world.pass(10 * second);
      void world.poll();
      break;
    case 'minute':
      world.pass(minute);
      void world.sweep();
      break;
    case 'replay':
      void world.replay();
      break;
    case 'pass':
      world.pass(command.ms);
      break;
    case 'change':
      world.change(job, command.state);
      break;
    case 'deploy':
      // New invocations use the new configuration; those in progress keep the old one.
      world.deploy(command.what);
      void world.sweep();
      break;
    case 'trouble':
      world.trouble({ ...command.mishap, after: command.after, times: command.times });
  }
}

const nothing = Promise.resolve();

/** Gives turns to waiting calls, each picked by the scheduler. */
async function takeTurns(scheduler: fc.Scheduler, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    // Everything that follows from the last turn happens within one turn of the event loop.
    await new Promise(setImmediate);
    if (scheduler.count() === 0) return;
    await scheduler.waitOne();
  }
  if (steps === untilIdle) throw new Error('the workers never finish');
}
