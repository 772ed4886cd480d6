/** Time to notify, and what polls cost, in simulated time over the handlers. */

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
  let polling: Run;
  let sweeping: Run;
  beforeAll(async () => {
    const scene = { jobs: oneAfterAnother(60), minutes: 365 };
    polling = await simulate({ ...scene, lookEverySeconds: every10s });
    sweeping = await simulate({ ...scene, lookEverySeconds: off });
  }, 60_000);

  test.each(channels)('%s is notified of half of the ends within 6 s, and of 95 % within 12 s', (channel) => {
    expect(polling[channel]).toHaveLength(60);
    expect(quantile(polling[channel], 0.5)).toBeLessThanOrEqual(targets.median);
    expect(quantile(polling[channel], 0.95)).toBeLessThanOrEqual(targets.p95);
    expect(quantile(polling[channel], 1)).toBeLessThanOrEqual(11);
  });

  test.each(channels)('without polls, %s is notified of the ends within a minute', (channel) => {
    expect(quantile(sweeping[channel], 0.5)).toBeGreaterThan(20);
    expect(quantile(sweeping[channel], 1)).toBeLessThanOrEqual(61);
  });

  test('each scheduled sweep that sees a running job requests five polls in one call, and no other sweep requests any', () => {
    // Four sweeps of the schedule see a job of four minutes.
    expect(polling.counts).toMatchObject({ scheduledThatWoke: 240, wokenThatWoke: 0, polls: 1_200 });
    expect(polling.counts).toMatchObject({ wokenSweeps: 1_200, queueRequests: 240 + 2 * 1_200 });
    expect(sweeping.counts).toMatchObject({ polls: 0, wokenSweeps: 0, queueRequests: 0 });
  });

  test('a poll costs two reads of the table, no write, and one API call for a running job', () => {
    const more = (count: (run: Run) => number) => count(polling) - count(sweeping);
    expect(more(({ counts }) => counts.scheduledSweeps)).toBe(0);
    expect(more(({ counts }) => counts.tableReads)).toBe(2 * 1_200);
    expect(more(({ counts }) => counts.tableWrites)).toBe(0);
    expect(more(({ counts }) => counts.apiCalls)).toBeLessThanOrEqual(1_200);
  });

  test('all that is counted of the polls costs at most five cents, for five times as many jobs in a month', async () => {
    const rows = await costRows({ ours: polling, baseline: sweeping }, 10);
    const cents = rows.find(({ figure }) => figure === 'all that is counted')?.ours ?? Number.NaN;
    expect(5 * cents).toBeLessThanOrEqual(targets.cents);
  });
});

test('no poll is requested in an hour in which no job runs', async () => {
  const { counts } = await simulate({ jobs: [], lookEverySeconds: every10s, minutes: 60 });
  expect(counts).toMatchObject({ scheduledSweeps: 60, polls: 0, queueRequests: 0, tableWrites: 0, apiCalls: 0 });
});

test.each([
  ['given by their ids', false],
  ['discovered by the list call', true],
])(
  'the ends of 10 jobs %s, spread over an hour, are announced as fast',
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

test('the ends of 1,000 jobs, spread over an hour, reach SNS as fast, and Slack at its own rate', async () => {
  const { slack, sns } = await simulate({ jobs: hourOf(1_000), lookEverySeconds: every10s });
  expect(quantile(sns, 0.5)).toBeLessThanOrEqual(targets.median);
  expect(quantile(sns, 0.95)).toBeLessThanOrEqual(targets.p95);
  // Each poll finds three ends, and Slack gets one message a second: half of them may take longer than 6 s.
  expect(quantile(slack, 0.5)).toBeLessThanOrEqual(targets.median + 0.5);
  expect(quantile(slack, 0.95)).toBeLessThanOrEqual(targets.p95);
}, 60_000);

test('1,000 jobs that end at once reach SNS within seconds, and Slack within twenty minutes', async () => {
  const jobs = hourOf(1_000).map((job) => ({ ...job, endsAt: 4 * minute + 25 * second }));
  const { slack, sns } = await simulate({ jobs, lookEverySeconds: every10s });
  expect(quantile(sns, 1)).toBeLessThanOrEqual(targets.p95);
  expect(quantile(slack, 1)).toBeLessThanOrEqual(20 * 60);
}, 60_000);
