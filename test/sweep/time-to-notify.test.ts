/** Time to notify, and how many calls polling makes, in simulated time over the handlers. */

import { describe, expect, test } from 'vitest';
import { countIdleHour } from '../../bench/call-counts.ts';
import { simulate } from '../../bench/simulated-stack.ts';
import {
  durations,
  endingAtOnce,
  hourOf,
  oneAfterAnother,
  quantile,
  targets,
  ways,
} from '../../bench/time-to-notify.ts';

const [every10s, scheduleAlone] = [10, 60];
const second = 1_000;
const channels = ['slack', 'sns'] as const;
const found = Object.entries(ways);

describe.each(found)('jobs %s', (_, discovered) => {
  test.each(durations)(
    'of %i s are announced within 6 s of the end in half of the cases, and within 11 s in all',
    async (lasts) => {
      const jobs = oneAfterAnother(120, lasts);
      const { counts, ...run } = await simulate({ jobs, pollEverySeconds: every10s, discovered });
      for (const channel of channels) {
        expect(run[channel]).toHaveLength(120);
        expect(quantile(run[channel], 0.5)).toBeLessThanOrEqual(targets.median);
        expect(quantile(run[channel], 1)).toBeLessThanOrEqual(targets.p95);
      }
      // Only the schedule requests polls: five a minute, in one request, however many jobs there are.
      expect(counts.othersThatPolled).toBe(0);
      expect(counts.scheduledThatPolled).toBe(counts.scheduledSweeps);
      expect(counts.polls).toBe(5 * counts.scheduledSweeps);
    },
    60_000,
  );

  test('of which 1,000 end in an hour reach SNS within the same targets, and Slack within 12 s in 95 %', async () => {
    const { sns, slack, slackBurst } = await simulate({
      jobs: hourOf(1_000, 20),
      pollEverySeconds: every10s,
      discovered,
    });
    expect(quantile(sns, 0.5)).toBeLessThanOrEqual(targets.median);
    expect(quantile(sns, 0.95)).toBeLessThanOrEqual(targets.p95);
    expect(quantile(slack, 0.95)).toBeLessThanOrEqual(targets.slackP95AtThousand);
    expect(slackBurst).toBeLessThanOrEqual(4);
  }, 60_000);

  test('are announced within a minute by the schedule alone', async () => {
    const scene = { jobs: oneAfterAnother(20, 20), pollEverySeconds: scheduleAlone, discovered };
    const { counts, ...run } = await simulate(scene);
    for (const channel of channels) expect(quantile(run[channel], 1)).toBeLessThanOrEqual(61);
    expect(counts).toMatchObject({ polls: 0, queuedSweeps: 0, queueRequests: 0 });
  });
});

test('1,000 jobs that end at once reach SNS within seconds, and Slack at its rate, whatever sweeps overlap', async () => {
  const { slack, sns, slackBurst } = await simulate({ jobs: endingAtOnce(1_000), pollEverySeconds: every10s });
  expect(quantile(sns, 1)).toBeLessThanOrEqual(targets.p95);
  expect(quantile(slack, 1)).toBeLessThanOrEqual(18 * 60);
  expect(slackBurst).toBeLessThanOrEqual(4);
}, 60_000);

test('400 triggers at once for jobs that have ended: Slack gets a message every second, without a pause', async () => {
  const jobs = Array.from({ length: 400 }, (_, index) => ({ id: `job_${index}`, beginsAt: second, endsAt: second }));
  const { slack, slackBurst } = await simulate({ jobs, pollEverySeconds: every10s });
  const pauses = slack.slice(1).map((at, index) => at - (slack[index] ?? 0));
  expect(Math.max(...pauses)).toBeLessThanOrEqual(2 * second);
  expect(quantile(slack, 1)).toBeLessThanOrEqual(410);
  expect(slackBurst).toBeLessThanOrEqual(4);
}, 60_000);

describe('an idle hour of 60 sweeps of the schedule and 300 polls', () => {
  test('lists the jobs 360 times and reads the work list as often; each poll reads two marks, and all others are read once a minute', async () => {
    const { table, apiCalls, polls, pollCalls, logLines, metrics, ...others } = await countIdleHour();
    // One more read shows that the listed job is known.
    expect(table.calls).toEqual({ Query: 360, BatchGetItem: 361 });
    expect([table.readUnits, table.indexReadUnits]).toEqual([60 * 6 + 300 * 2 + 1, 360 / 2]);
    expect([table.writeUnits, table.indexWriteUnits]).toEqual([0, 0]);
    expect({ apiCalls, polls, pollCalls, logLines, metrics }).toEqual({
      apiCalls: 360,
      polls: 300,
      pollCalls: 60,
      logLines: 60,
      metrics: [],
    });
    expect(others).toMatchObject({ tokens: 0, slackPosts: 0, snsPublishes: 0 });
  }, 30_000);

  test('asks Sitecore nothing without discovery', async () => {
    const { counts } = await simulate({ jobs: [], pollEverySeconds: every10s, minutes: 60 });
    expect(counts).toMatchObject({ scheduledSweeps: 60, polls: 300, apiCalls: 0, tableWrites: 0 });
  });
});
