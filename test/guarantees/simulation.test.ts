/** Many workers: what is sent is what the model says, whatever goes wrong. See `simulation.ts`. */

import { expect, test } from 'vitest';
import { runSimulation } from './simulation.ts';
import { planOfSlackApp } from './simulation-plan.ts';

const { SIMULATION_RUNS = '1500', SIMULATION_SEED = '20260101', SIMULATION_PATH } = process.env;

test('many workers with random failures lose nothing, repeat nothing, report nothing false, and block nothing', async () => {
  const runs = Number(SIMULATION_RUNS);
  const figures = await runSimulation({ runs, seed: Number(SIMULATION_SEED), path: SIMULATION_PATH });
  console.log(figures);
  expect(figures).toMatchObject({ lost: 0, repeated: 0 });
  expect(figures.sent).toBe(figures.expected + figures.repeatedUnavoidably);
  expect(figures.sentInRoom).toBe(figures.expectedInRoom);
}, 600_000);

test('with the answers of Slack lost, and workers that die around them, the Slack app has each message once', async () => {
  const figures = await runSimulation({ runs: 300, seed: 20260102, plans: planOfSlackApp });
  expect(figures).toMatchObject({ lost: 0, repeated: 0, sentInRoom: figures.expectedInRoom });
  expect(figures.expectedInRoom).toBeGreaterThan(900);
}, 120_000);

test('the same seed gives the same simulations', async () => {
  const options = { runs: 20, seed: 7 };
  expect(await runSimulation(options)).toEqual(await runSimulation(options));
}, 60_000);
