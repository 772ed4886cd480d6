import { expect, test } from 'vitest';
import { firstMinute, type PlannedOutcome, planJob, simulatedJob } from '../../local/simulation.ts';

const start = Date.parse('2026-01-01T10:00:00Z');
const statusesOf = (outcome: PlannedOutcome) => {
  const plan = planJob({ outcome, seconds: 10 }, start);
  const statuses = Array.from({ length: 12 }, (_, second) => simulatedJob(plan, start + second * 1000).system.status);
  return statuses.filter((status, index) => status !== statuses[index - 1]);
};
const ended = (outcome: PlannedOutcome) => simulatedJob(planJob({ outcome, seconds: 10 }, start), start + 60_000);

test('a job waits, runs and ends, and a canceled one is canceling before that', () => {
  expect(statusesOf('completed')).toEqual(['Queued', 'Running', 'Completed']);
  expect(statusesOf('failed')).toEqual(['Queued', 'Running', 'Failed']);
  expect(statusesOf('canceled')).toEqual(['Queued', 'Running', 'Canceling', 'Canceled']);
});

test('counters only grow', () => {
  const plan = planJob({ outcome: 'failed', seconds: 10 }, start);
  let before = 0;
  for (let at = start; at < start + 12_000; at += 250) {
    const { itemsProcessed } = simulatedJob(plan, at).statistics;
    expect(itemsProcessed).toBeGreaterThanOrEqual(before);
    before = itemsProcessed;
  }
  expect(before).toBeGreaterThan(0);
});

test('the counters tell the outcomes of a completed job apart', () => {
  expect(ended('completed').statistics).toMatchObject({ itemsFailed: 0 });
  expect(ended('completedWithWarnings').statistics.itemsFailed).toBeGreaterThan(0);
  const nothing = ended('publishedNothing').statistics;
  expect(nothing.itemsProcessed).toBe(0);
  expect(nothing.xmc.itemsSkipped).toBeGreaterThan(0);
});

test('the last report of an ended job is not older than its end', () => {
  const { statistics, system } = ended('completed');
  expect(system.finishTime).toBe('2026-01-01T10:00:10Z');
  expect(statistics.lastReportTime).toBe(system.finishTime);
});

test('in the first minute one job completes, one completes with warnings, one fails and one is canceled', () => {
  const jobs = firstMinute(start).map((plan) => simulatedJob(plan, start + 40_000));
  expect(jobs.map(({ system, statistics }) => [system.status, statistics.itemsFailed > 0])).toEqual([
    ['Completed', false],
    ['Completed', true],
    ['Failed', true],
    ['Canceled', false],
  ]);
});
