/** Time to tell, and what looking more often asks for, in simulated time over the handlers. */

import { beforeAll, describe, expect, test } from 'vitest';
import { type Run, simulate } from '../../bench/simulated-stack.ts';
import type { SimulatedJob } from '../../bench/simulated-world.ts';
import { costRows, hoursOf, oneAfterAnother, quantile, targets } from '../../bench/time-to-tell.ts';

const every10s = 10;
const off = 0;
const second = 1_000;
const minute = 60 * second;

const channels = ['slack', 'sns'] as const;
const hourOf = (jobs: number): SimulatedJob[] => hoursOf(jobs, 1)[0] ?? [];
const sum = (runs: Run[], count: (run: Run) => number) => runs.reduce((total, run) => total + count(run), 0);

describe('60 jobs of 4 minutes, one after another', () => {
  let looking: Run;
  let sweeping: Run;
  beforeAll(async () => {
    const scene = { jobs: oneAfterAnother(60), minutes: 365 };
    looking = await simulate({ ...scene, lookEverySeconds: every10s });
    sweeping = await simulate({ ...scene, lookEverySeconds: off });
  }, 60_000);

  test.each(channels)('%s has half of the ends within 6 s, and 95 of 100 within 12 s', (channel) => {
    expect(looking[channel]).toHaveLength(60);
    expect(quantile(looking[channel], 0.5)).toBeLessThanOrEqual(targets.median);
    expect(quantile(looking[channel], 0.95)).toBeLessThanOrEqual(targets.p95);
    expect(quantile(looking[channel], 1)).toBeLessThanOrEqual(11);
  });

  test.each(channels)('%s has the ends within a minute when nobody looks in between', (channel) => {
    expect(quantile(sweeping[channel], 0.5)).toBeGreaterThan(20);
    expect(quantile(sweeping[channel], 1)).toBeLessThanOrEqual(61);
  });

  test('each scheduled sweep that sees a job run sends five wake-ups in one request, and no other sweep sends any', () => {
    // Four sweeps of the schedule see a job of four minutes.
    expect(looking.counts).toMatchObject({ scheduledThatWoke: 240, wokenThatWoke: 0, polls: 1_200 });
    expect(looking.counts).toMatchObject({ wokenSweeps: 1_200, queueRequests: 240 + 2 * 1_200 });
    expect(sweeping.counts).toMatchObject({ polls: 0, wokenSweeps: 0, queueRequests: 0 });
  });

  test('a look costs two reads of the table and no write, and one call of the API for a job that runs', () => {
    const more = (count: (run: Run) => number) => count(looking) - count(sweeping);
    expect(more(({ counts }) => counts.scheduledSweeps)).toBe(0);
    expect(more(({ counts }) => counts.tableReads)).toBe(2 * 1_200);
    expect(more(({ counts }) => counts.tableWrites)).toBe(0);
    expect(more(({ counts }) => counts.apiCalls)).toBeLessThanOrEqual(1_200);
  });

  test('what is counted of the looks costs five cents at most, for five times as many jobs in a month', async () => {
    const rows = await costRows({ ours: looking, baseline: sweeping }, 10);
    const cents = rows.find(({ figure }) => figure === 'all that is counted')?.ours ?? Number.NaN;
    expect(5 * cents).toBeLessThanOrEqual(targets.cents);
  });
});

test('nobody is woken in an hour in which nothing runs', async () => {
  const { counts } = await simulate({ jobs: [], lookEverySeconds: every10s, minutes: 60 });
  expect(counts).toMatchObject({ scheduledSweeps: 60, polls: 0, queueRequests: 0, tableWrites: 0, apiCalls: 0 });
});

test.each([
  ['given by their ids', false],
  ['found by the list call', true],
])(
  'of 10 jobs %s, ends that are spread over an hour are told as soon',
  async (_, discovered) => {
    const hours = hoursOf(10, 5, { brief: discovered });
    const runs: Run[] = [];
    for (const jobs of hours) runs.push(await simulate({ jobs, lookEverySeconds: every10s, discovered }));
    for (const channel of channels) {
      const delays = runs.flatMap((run) => run[channel]);
      expect(quantile(delays, 0.5)).toBeLessThanOrEqual(targets.median);
      expect(quantile(delays, 0.95)).toBeLessThanOrEqual(targets.p95);
    }
    expect(sum(runs, ({ counts }) => counts.polls)).toBe(5 * sum(runs, ({ counts }) => counts.scheduledThatWoke));
    expect(sum(runs, ({ counts }) => counts.wokenThatWoke)).toBe(0);
  },
  60_000,
);

test('of 1,000 jobs, ends that are spread over an hour reach SNS as soon, and Slack at its pace', async () => {
  const { slack, sns } = await simulate({ jobs: hourOf(1_000), lookEverySeconds: every10s });
  expect(quantile(sns, 0.5)).toBeLessThanOrEqual(targets.median);
  expect(quantile(sns, 0.95)).toBeLessThanOrEqual(targets.p95);
  // Three ends in each look, one message a second: the half is not always told within 6 s.
  expect(quantile(slack, 0.5)).toBeLessThanOrEqual(targets.median + 0.5);
  expect(quantile(slack, 0.95)).toBeLessThanOrEqual(targets.p95);
}, 60_000);

test('1,000 jobs that end at once reach SNS within seconds, and Slack within twenty minutes', async () => {
  const jobs = hourOf(1_000).map((job) => ({ ...job, endsAt: 4 * minute + 25 * second }));
  const { slack, sns } = await simulate({ jobs, lookEverySeconds: every10s });
  expect(quantile(sns, 1)).toBeLessThanOrEqual(targets.p95);
  expect(quantile(slack, 1)).toBeLessThanOrEqual(20 * 60);
}, 60_000);
