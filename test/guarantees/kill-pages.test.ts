/** What a sweep has begun is finished, whatever becomes of the rest: the end of an invocation is the death of its worker. */

import { expect, test } from 'vitest';
import { turn } from './kill-worker.ts';
import { type Cross, createUniverse } from './universe.ts';

test('a sweep that cannot read the work list on ends when its messages have their receipts, not before', async () => {
  const { clock, setJob, worker } = createUniverse();
  // More than a page.
  const ids = Array.from({ length: 150 }, (_, index) => `job_${index}`);
  for (const id of ids) {
    setJob(id, { status: 'Running' });
    await worker().post(id);
  }
  clock.advance(60_000);
  setJob('job_0', { status: 'Completed' });

  let pages = 0;
  const underWay: string[] = [];
  const cross: Cross = async (name, call) => {
    if (name === 'store.due' && ++pages === 2) throw new Error('throttled');
    underWay.push(name);
    for (let turns = name === 'slack' ? 500 : 1; turns > 0; turns--) await turn();
    return await call().finally(() => underWay.splice(underWay.indexOf(name), 1));
  };
  await worker({ cross })
    .sweep()
    .catch(() => undefined);
  expect(pages).toBe(2);
  expect(underWay).toEqual([]);
});
