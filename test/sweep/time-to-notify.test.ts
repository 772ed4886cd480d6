/** Time to notify, and how many calls polling makes, in simulated time over the handlers. */

import { beforeAll, describe, expect, test } from 'vitest';
import { type Run, type SimulatedJob, simulate } from '../../bench/simulated-stack.ts';
import { costRows, hoursOf, oneAfterAnother, quantile, targets } from '../../bench/time-to-notify.ts';

const every10s = 10;
const off = 60;
const second = 1_000;
const minute = 60 * second;

const channels = ['slack', 'sns'] as const;
const hourOf = (jobs: number): SimulatedJob[] => hoursOf(jobs, 1)[0] ?? [];
const sum = (runs: Run[], count: (run: Run) => number) => runs.reduce((total, run) => total + count(run), 0);

describe('60 jobs of 4 minutes, one after another', () => {
  let polling: Run;
  let scheduled: Run;
  beforeAll(async () => {
    const scene = { jobs: oneAfterAnother(60), minutes: 365 };
    polling = await simulate({ ...scene, pollEverySeconds: every10s });
    scheduled = await simulate({ ...scene, pollEverySeconds: off });
  }, 60_000);

  test.each(channels)(
    '%s is notified within 6 s of the end in half of the cases, and within 12 s in 95 %',
    (channel) => {
      expect(polling[channel]).toHaveLength(60);
      expect(quantile(polling[channel], 0.5)).toBeLessThanOrEqual(targets.median);
      expect(quantile(polling[channel], 0.95)).toBeLessThanOrEqual(targets.p95);
      expect(quantile(polling[channel], 1)).toBeLessThanOrEqual(11);
    },
  );

  test.each(channels)('%s is notified within a minute when polling is off', (channel) => {
    expect(quantile(scheduled[channel], 0.5)).toBeGreaterThan(20);
    expect(quantile(scheduled[channel], 1)).toBeLessThanOrEqual(61);
  });

  test('each scheduled sweep with a running job schedules five polls in one request, and no other sweep does', () => {
    // Four sweeps of the schedule see a job of four minutes.
    expect(polling.counts).toMatchObject({ scheduledThatPolled: 240, queuedThatPolled: 0, polls: 1_200 });
    expect(polling.counts).toMatchObject({ queuedSweeps: 1_200, queueRequests: 240 + 2 * 1_200 });
    expect(scheduled.counts).toMatchObject({ polls: 0, queuedSweeps: 0, queueRequests: 0 });
  });

  test('a poll costs two table reads, no write, and one API call for a running job', () => {
    const more = (count: (run: Run) => number) => count(polling) - count(scheduled);
    expect(more(({ counts }) => counts.scheduledSweeps)).toBe(0);
    expect(more(({ counts }) => counts.tableReads)).toBe(2 * 1_200);
    expect(more(({ counts }) => counts.tableWrites)).toBe(0);
    expect(more(({ counts }) => counts.apiCalls)).toBeLessThanOrEqual(1_200);
  });

  test('the counted calls of polling cost at most five cents, for five times as many jobs in a month', async () => {
    const rows = await costRows({ ours: polling, baseline: scheduled }, 10);
    const cents = rows.find(({ figure }) => figure === 'counted calls, total')?.ours ?? Number.NaN;
    expect(5 * cents).toBeLessThanOrEqual(targets.cents);
  });
});

test('no poll is scheduled in an hour without a running job', async () => {
  const { counts } = await simulate({ jobs: [], pollEverySeconds: every10s, minutes: 60 });
  expect(counts).toMatchObject({ scheduledSweeps: 60, polls: 0, queueRequests: 0, tableWrites: 0, apiCalls: 0 });
});

test.each([
  ['handed over by their ids', false],
  ['found by discovery', true],
])(
  'the ends of 10 jobs %s, spread over an hour, are announced within the targets',
  async (_, discovered) => {
    const hours = hoursOf(10, 5, { brief: discovered });
    const runs: Run[] = [];
    for (const jobs of hours) runs.push(await simulate({ jobs, pollEverySeconds: every10s, discovered }));
    for (const channel of channels) {
      const delays = runs.flatMap((run) => run[channel]);
      expect(quantile(delays, 0.5)).toBeLessThanOrEqual(targets.median);
      expect(quantile(delays, 0.95)).toBeLessThanOrEqual(targets.p95);
    }
    expect(sum(runs, ({ counts }) => counts.polls)).toBe(5 * sum(runs, ({ counts }) => counts.scheduledThatPolled));
    expect(sum(runs, ({ counts }) => counts.queuedThatPolled)).toBe(0);
  },
  60_000,
);

test('the ends of 1,000 jobs, spread over an hour, reach SNS within the targets, and Slack at its rate limit', async () => {
  const { slack, sns } = await simulate({ jobs: hourOf(1_000), pollEverySeconds: every10s });
  expect(quantile(sns, 0.5)).toBeLessThanOrEqual(targets.median);
  expect(quantile(sns, 0.95)).toBeLessThanOrEqual(targets.p95);
  // Three ends in each poll, one message a second: the median is not always within 6 s.
  expect(quantile(slack, 0.5)).toBeLessThanOrEqual(targets.median + 0.5);
  expect(quantile(slack, 0.95)).toBeLessThanOrEqual(targets.p95);
}, 60_000);

test('1,000 jobs that end at once reach SNS within seconds, and Slack within twenty minutes', async () => {
  const jobs = hourOf(1_000).map((job) => ({ ...job, endsAt: 4 * minute + 25 * second }));
  const { slack, sns } = await simulate({ jobs, pollEverySeconds: every10s });
  expect(quantile(sns, 1)).toBeLessThanOrEqual(targets.p95);
  expect(quantile(slack, 1)).toBeLessThanOrEqual(20 * 60);
}, 60_000);
