/**
 * Many workers at once, in all orders, with all that can go wrong: fast-check makes up what happens and picks who has
 * the next turn, and a model says what must have been sent.
 */

import fc from 'fast-check';
import { finish, judge } from './simulation-end.ts';
import type { SimulatedJob } from './simulation-jobs.ts';
import type { Figures } from './simulation-ledger.ts';
import { type Command, type Plan, plan, untilIdle } from './simulation-plan.ts';
import { createWorld, type World } from './simulation-world.ts';

const second = 1_000;
const minute = 60 * second;
/** How long the functions may take that are called for one job. */
const [webhookMs, eventMs] = [25 * second, 30 * second];

export interface SimulationOptions {
  runs: number;
  /** Another one each time if left out. */
  seed?: number | undefined;
  /** Replays the run, or the shrunk run, that a failure named. */
  path?: string | undefined;
  /** What happens; anything if left out. The scheduler still picks who has the next turn. */
  plans?: fc.Arbitrary<Plan>;
}

/** Runs so many simulations, and gives what was seen. The first one that breaks the promise throws, with its replay. */
export async function runSimulation({ runs, seed, path, plans = plan }: SimulationOptions): Promise<Figures> {
  const total: Figures = { runs: 0, expected: 0, sent: 0, lost: 0, repeated: 0, repeatedWhereItCannotBeHelped: 0 };
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

/** One run: what was made up, and then the end. */
async function simulate(scheduler: fc.Scheduler, one: Plan): Promise<Omit<Figures, 'runs'>> {
  const world = createWorld((label) => scheduler.schedule(nothing, label), one.offsetsMs, one.beginnings);
  for (const command of one.commands) {
    // A minute is long: who is at work ends meanwhile. Who does not is met when time passes without this.
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

/** Lets one thing happen. Whoever is called begins to work, and goes on in the turns that follow. */
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
      world.change(job, command.look);
      break;
    case 'deploy':
      // The schedule goes on with the new configuration; who was called before ends with the old one.
      world.deploy(command.what);
      void world.sweep();
      break;
    case 'trouble':
      world.trouble({ ...command.mishap, after: command.after, times: command.times });
  }
}

const nothing = Promise.resolve();

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
