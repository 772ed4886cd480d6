/** A sweep finishes what it has begun before it fails: Lambda freezes a worker when its invocation ends. */

import { expect, test } from 'vitest';
import type { Cross } from '../support/crossing.ts';
import { createUniverse } from './kill-scenarios.ts';
import { turn } from './kill-worker.ts';

test('a sweep that fails to read the next page of the work list ends only after its messages have receipts', async () => {
  const { clock, setJob, worker } = createUniverse();
  // More than one page.
  const ids = Array.from({ length: 150 }, (_, index) => `job_${index}`);
  for (const id of ids) {
    setJob(id, { status: 'Running' });
    await worker().post(id);
  }
  clock.advance(60_000);
  setJob('job_0', { status: 'Completed' });

  let pages = 0;
  const inFlight: string[] = [];
  const cross: Cross = async (name, call) => {
    if (name === 'store.due' && ++pages === 2) throw new Error('throttled');
    inFlight.push(name);
    for (let turns = name === 'slack' ? 500 : 1; turns > 0; turns--) await turn();
    return await call().finally(() => inFlight.splice(inFlight.indexOf(name), 1));
  };
  await worker({ cross })
    .sweep()
    .catch(() => undefined);
  expect(pages).toBe(2);
  expect(inFlight).toEqual([]);
});
