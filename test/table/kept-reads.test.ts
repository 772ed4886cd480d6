/** What a warm process keeps of the table, and when it reads again. */

import { beforeEach, expect, test } from 'vitest';
import type { JobName } from '../../lib/domain/job.ts';
import { keepReads } from '../../lib/table/kept-reads.ts';
import type { MaxAge, Store } from '../../lib/table/store.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { tableRecord } from './store.contract.ts';

const minute = 60_000;
const key = 'cooldown#channel#team';
const [job, other] = ['job_1', 'job_2'].map((jobId) => ({ environment: 'production', jobId })) as [JobName, JobName];

let table: Store;
let store: Store;
let now: number;
/** The number of items that each read of the table asked for. */
let reads: number[];
beforeEach(() => {
  now = 0;
  reads = [];
  table = createMemoryStore();
  const counted: Store = {
    ...table,
    readMarks: (keys) => {
      reads.push(keys.length);
      return table.readMarks(keys);
    },
    known: (jobs) => {
      reads.push(jobs.length);
      return table.known(jobs);
    },
  };
  store = keepReads(counted, () => now);
});
const read = async (...rest: [{ maxAgeMs: MaxAge }?]) => (await store.readMarks([key, 'absent'], ...rest)).get(key);
const kept = { maxAgeMs: () => minute };

test('marks are read again, unless the caller accepts older ones', async () => {
  await table.writeMark(key, { failures: 1 });
  expect([await read(kept), await read(kept), reads.length]).toEqual([{ failures: 1 }, { failures: 1 }, 1]);
  await table.writeMark(key, { failures: 2 });
  expect([await read(kept), await read(), await read(kept), reads.length]).toEqual([
    { failures: 1 },
    { failures: 2 },
    { failures: 2 },
    2,
  ]);
  now += minute;
  await read(kept);
  expect(reads.length).toBe(3);
});

test('only the marks that are too old are read again', async () => {
  await table.writeMark(key, { failures: 1 });
  await table.writeMark('sweep', { from: 1 });
  await store.readMarks([key, 'sweep', 'absent']);
  await table.writeMark(key, { failures: 2 });
  await table.writeMark('sweep', { from: 2 });
  const maxAgeMs: MaxAge = (one) => (one === key ? 0 : minute);
  expect(await store.readMarks([key, 'sweep', 'absent'], { maxAgeMs })).toEqual(
    new Map<string, object>([
      [key, { failures: 2 }],
      ['sweep', { from: 1 }],
    ]),
  );
  expect(reads).toEqual([3, 1]);
});

test('a clock that is set back makes no mark young', async () => {
  await read();
  now -= 4 * minute;
  await read();
  await read(kept);
  expect(reads.length).toBe(2);
  now -= 4 * minute;
  await read(kept);
  expect(reads.length).toBe(3);
});

test.each<[string, () => Promise<unknown>, object | undefined]>([
  ['replaced', () => store.writeMark(key, { failures: 3 }), { failures: 3 }],
  ['removed', () => store.removeMark(key), undefined],
  ['claimed', () => store.claim(key, { now: 5, until: 6 }), { until: 6 }],
  ['part of a line of time', () => store.claimTime(key, { now: 5, ms: 2, latestEnd: 9, mostAheadMs: 9 }), { until: 7 }],
])('a mark that this process has %s is read again', async (_, write, expected) => {
  await read(kept);
  await write();
  expect(await read(kept)).toEqual(expected);
});

test('a read that was under way during a write is not kept', async () => {
  const reading = read(kept);
  await store.writeMark(key, { failures: 4 });
  await reading;
  expect(await read(kept)).toEqual({ failures: 4 });
});

test('jobs that have ended are read once an hour, and all others each time', async () => {
  await table.save(tableRecord({ ...job, status: 'Completed' }), undefined);
  await table.save(tableRecord({ ...other, status: 'Running' }), undefined);
  for (let times = 0; times < 3; times++)
    expect([...(await store.known([job, other])).values()].map(({ status }) => status)).toEqual([
      'Completed',
      'Running',
    ]);
  now += 60 * minute;
  await store.known([job]);
  await store.known([job]);
  expect(reads).toEqual([2, 1, 1, 1]);
});
