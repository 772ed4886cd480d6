/**
 * Kill at every call: a worker does a whole job and dies before and after each call that leaves it, in a new universe
 * each time. Then other workers run until the work list is empty, and the messages are counted.
 */

import { isWorkListEmpty } from '../support/crossing.ts';
import { judge, type KillFigures, type Life, noFigures, sentWithoutReceipt } from './kill-figures.ts';
import { createUniverse, type KillScenario, killScenarios, minute, triggers, type Universe } from './kill-scenarios.ts';
import { createMortalWorker, type MortalWorker, type Point, turn } from './kill-worker.ts';

/**
 * Kills the worker at every point of these scenarios. With two deaths, the worker that takes over after each of those
 * points dies as well, at every point of its own.
 */
export async function runKills({
  scenarios = killScenarios,
  deaths = 1,
}: {
  scenarios?: KillScenario[];
  deaths?: number;
} = {}): Promise<KillFigures> {
  const figures = noFigures();
  for (const scenario of scenarios) await killAfter([], scenario, deaths, figures);
  return figures;
}

/** Kills the worker that follows these deaths at every point. A worker that lives shows which points there are. */
async function killAfter(dead: Point[], scenario: KillScenario, deaths: number, figures: KillFigures): Promise<void> {
  const { crossings } = await play(scenario, dead, undefined, figures);
  for (const [crossing, name] of crossings.entries()) {
    figures.crossings.add(name);
    for (const moment of ['before', 'after'] as const) {
      // The number of calls in flight at a point is known after a first worker has died there.
      for (let arrived = 0, fates = 1; arrived < fates; arrived++) {
        const point = { crossing, moment, arrived };
        const killed = await play(scenario, dead, point, figures);
        if (killed.crossings[crossing] !== name) throw new Error(`${scenario.name}: not the same twice`);
        fates = 2 ** killed.inFlight.length;
        figures.points += 1;
        if (deaths > 1) await killAfter([...dead, point], scenario, deaths - 1, figures);
      }
    }
  }
}

/** One universe: the job, the workers that died before, one more worker, the recovery, and the count. */
async function play(
  scenario: KillScenario,
  dead: Point[],
  point: Point | undefined,
  figures: KillFigures,
): Promise<MortalWorker> {
  const universe = createUniverse(scenario);
  await scenario.prepare(universe);
  const lives: Life[] = [];
  for (const [index, each] of [...dead, point].entries()) {
    // By then the lease of the worker that died before has expired.
    if (index > 0) universe.clock.advance(2 * minute);
    lives.push(await live(universe, scenario, each, index === 0 ? scenario.rival : undefined));
  }
  await scenario.afterwards?.(universe);
  const isSettled = await recover(universe, scenario, point !== undefined);
  await judge(universe, scenario, lives, isSettled, figures);
  for (const { mortal } of lives) mortal.bury();
  return (lives.at(-1) as Life).mortal;
}

/** One worker does the job, until its death or its end. */
async function live(
  universe: Universe,
  scenario: KillScenario,
  point: Point | undefined,
  rival: KillScenario['rival'],
): Promise<Life> {
  const mortal = createMortalWorker(universe, point);
  const act = triggers[scenario.trigger];
  const compete = () => act(universe.worker({ cross: (_, call) => turn().then(call) }));
  const before = rival === 'before' ? compete() : undefined;
  const life = mortal.live(act);
  const after = rival === 'after' ? compete() : undefined;
  const [end] = await Promise.all([life, before, after]);
  if (end !== (point ? 'dead' : 'done')) throw new Error(`${scenario.name}: ${end}`);
  return { mortal, point, ambiguous: await sentWithoutReceipt(universe, scenario, mortal) };
}

/** Other workers run until nothing is left to do. False: that takes too long. */
async function recover(universe: Universe, { trigger, discover }: KillScenario, wasKilled: boolean): Promise<boolean> {
  const { clock, store, worker } = universe;
  if (wasKilled && (trigger === 'webhook' || trigger === 'event')) {
    clock.advance(minute / 6);
    await triggers[trigger](worker());
  }
  for (let sweeps = 0; sweeps < 10; sweeps++) {
    // A job that is still to be discovered is not in the work list.
    const isOver = !discover || sweeps > 1;
    if (isOver && (await isWorkListEmpty(store))) return true;
    clock.advance(minute);
    await worker().sweep();
  }
  return false;
}
