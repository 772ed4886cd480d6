import { expect, test } from 'vitest';
import { planDemoJobs, stuckAfterMinutes } from '../../local/demo-jobs.ts';
import { type PlannedOutcome, planJob, simulatedJob } from '../../local/simulation.ts';

const start = Date.parse('2026-01-01T10:00:00Z');
const statusesOf = (outcome: PlannedOutcome) => {
  const plan = planJob({ outcome, seconds: 10 }, start);
  const statuses = Array.from({ length: 12 }, (_, second) => simulatedJob(plan, start + second * 1000).system.status);
  return statuses.filter((status, index) => status !== statuses[index - 1]);
};
const ended = (outcome: PlannedOutcome) => simulatedJob(planJob({ outcome, seconds: 10 }, start), start + 60_000);

test('a job is queued, runs and ends; a canceled job is canceling before its end', () => {
  expect(statusesOf('completed')).toEqual(['Queued', 'Running', 'Completed']);
  expect(statusesOf('failed')).toEqual(['Queued', 'Running', 'Failed']);
  expect(statusesOf('canceled')).toEqual(['Queued', 'Running', 'Canceling', 'Canceled']);
});

test('counters never decrease', () => {
  const plan = planJob({ outcome: 'failed', seconds: 10 }, start);
  let before = 0;
  for (let at = start; at < start + 12_000; at += 250) {
    const { itemsProcessed } = simulatedJob(plan, at).statistics;
    expect(itemsProcessed).toBeGreaterThanOrEqual(before);
    before = itemsProcessed;
  }
  expect(before).toBeGreaterThan(0);
});

test('the counters distinguish the outcomes of a completed job', () => {
  expect(ended('completed').statistics).toMatchObject({ itemsFailed: 0 });
  expect(ended('completedWithWarnings').statistics.itemsFailed).toBeGreaterThan(0);
  const nothing = ended('publishedNothing').statistics;
  expect(nothing.itemsProcessed).toBe(0);
  expect(nothing.xmc.itemsSkipped).toBeGreaterThan(0);
});

test('the last report of an ended job is as recent as its end', () => {
  const { statistics, system } = ended('completed');
  expect(system.finishTime).toBe('2026-01-01T10:00:10Z');
  expect(statistics.lastReportTime).toBe(system.finishTime);
});

test('a job that hangs is running without progress, and then continues where it was', () => {
  const hangs = { from: start + 6_000, until: start + 60_000 };
  const plan = planJob({ seconds: 10, hangs }, start);
  const at = (second: number) => simulatedJob(plan, start + second * 1000);
  expect([at(6), at(30), at(59)].map(({ system }) => system.status)).toEqual(['Running', 'Running', 'Running']);
  expect([at(30).statistics, at(59).statistics]).toEqual([at(6).statistics, at(6).statistics]);
  expect(at(59).statistics.lastReportTime).toBe('2026-01-01T10:00:06Z');
  expect(at(60).statistics.itemsProcessed).toBe(at(6).statistics.itemsProcessed);
  expect(at(62).statistics.itemsProcessed).toBeGreaterThan(at(60).statistics.itemsProcessed);
  expect(at(64).system).toMatchObject({ status: 'Completed', finishTime: '2026-01-01T10:01:04Z' });
  expect(at(64).statistics).toEqual({
    ...simulatedJob({ ...plan, hangs: null }, start + 10_000).statistics,
    lastReportTime: '2026-01-01T10:01:04Z',
  });
});

test.each([1, 10])('at speed %i the first minute shows every outcome of a job', (speed) => {
  const plans = planDemoJobs(start, speed);
  const at = (second: number) => plans.map((plan) => simulatedJob(plan, start + (second * 1000) / speed));
  expect(at(60).map(({ name, system, statistics }) => [name, system.status, statistics.itemsFailed > 0])).toEqual([
    ['Nightly site publish', 'Completed', false],
    ['Product catalogue, spring prices', 'Completed', true],
    ['Whole environment', 'Failed', true],
    ['Home page, new hero image', 'Canceled', false],
    ['Blog, five new posts', 'Completed', false],
    ['Media library, autumn campaign', 'Completed', false],
  ]);
  const [notHandedOver, ...others] = plans.filter(({ isHandedOver }) => !isHandedOver);
  expect(others).toEqual([]);
  expect(notHandedOver?.queuedAt).toBeGreaterThan(start);

  const [hanging = null] = plans.flatMap(({ hangs }) => hangs ?? []);
  const stuckAt = (hanging?.from ?? 0) + stuckAfterMinutes * 60_000;
  expect(stuckAt).toBe(start + 15_000 / speed);
  expect(hanging?.until).toBeGreaterThan(stuckAt);
  expect(at(0).at(-1)?.statistics).toEqual(at(40).at(-1)?.statistics);
});
