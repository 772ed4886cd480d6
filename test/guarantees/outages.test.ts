/** Long outages: no message is lost, none is repeated, and none come in a burst. */

import { expect, test } from 'vitest';
import { apiAway, replayedAfterwards, scheduleOff, slackAway, tableThrottled } from './outages.ts';

const once = { lost: 0, repeated: 0 };

test('after two days without Slack each message arrives once, at the pace of Slack; the topics received theirs at once', async () => {
  const figures = await slackAway();
  expect(figures).toMatchObject({ ...once, expected: 60, sent: 60 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
  // One probe a sweep, not one a job.
  expect(figures.callsMeanwhile).toBeLessThanOrEqual(2 * 24 * 60);
}, 60_000);

test('after six hours without the Publishing API, the ends of 1,000 watched jobs are announced once, without a burst', async () => {
  const figures = await apiAway();
  expect(figures).toMatchObject({ ...once, expected: 3_000, sent: 3_000 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
  // After ten failures in a row, and the calls in flight beside them, the environment is paused until the next sweep.
  expect(figures.callsMeanwhile).toBeLessThanOrEqual(6 * 60 * 30);
}, 60_000);

test('after DynamoDB throttled every call for an hour, jobs that ended meanwhile are announced once', async () => {
  const figures = await tableThrottled();
  expect(figures).toMatchObject({ ...once, expected: 300, sent: 300 });
});

test('after the schedule was off for longer than the retry window, no message is dead, and each arrives once', async () => {
  const figures = await scheduleOff();
  expect(figures).toMatchObject({ ...once, expected: 300, sent: 300 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
}, 60_000);

test('a delivery past the retry window is dead, and a replay sends it once', async () => {
  const figures = await replayedAfterwards();
  expect(figures).toMatchObject({ ...once, expected: 15, sent: 15, dead: 5, revived: 5, revivedAgain: 0 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
}, 60_000);
