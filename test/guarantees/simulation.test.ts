/** Many workers: what is sent is what the model says, whatever goes wrong. See `simulation.ts`. */

import { expect, test } from 'vitest';
import { runSimulation } from './simulation.ts';

const { SIMULATION_RUNS = '1500', SIMULATION_SEED = '20260101', SIMULATION_PATH } = process.env;

test('whatever many workers go through, nothing is lost, nothing comes twice, nothing is false', async () => {
  const runs = Number(SIMULATION_RUNS);
  const startedAt = Date.now();
  const figures = await runSimulation({ runs, seed: Number(SIMULATION_SEED), path: SIMULATION_PATH });
  process.stderr.write(JSON.stringify(figures) + (Date.now() - startedAt) + '\n');
  expect(figures).toMatchObject({ lost: 0, repeated: 0 });
  if (!SIMULATION_PATH) expect(figures.runs).toBe(runs);
}, 600_000);
