/** Long outages: nothing is lost, nothing comes twice, and nothing bursts. */

import { expect, test } from 'vitest';
import { apiAway, replayedAfterwards, slackAway, tableThrottled } from './outages.ts';

const once = { lost: 0, repeated: 0 };

test('Slack away for two days: each message comes once, at most one a second, and the topics had theirs at once', async () => {
  const figures = await slackAway();
  expect(figures).toMatchObject({ ...once, expected: 60, sent: 60 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
  // One probe a sweep, not one a job.
  expect(figures.callsMeanwhile).toBeLessThanOrEqual(2 * 24 * 60);
}, 60_000);

test('the Publishing API away for six hours with 1,000 watched jobs: all ends are told, each once, without a burst', async () => {
  const figures = await apiAway();
  expect(figures).toMatchObject({ ...once, expected: 3_000, sent: 3_000 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
  // Ten failures in a row and those under way beside them, then the environment rests until the next sweep.
  expect(figures.callsMeanwhile).toBeLessThanOrEqual(6 * 60 * 30);
}, 60_000);

test('DynamoDB throttling every call for an hour: what ended meanwhile is told afterwards, once', async () => {
  const figures = await tableThrottled();
  expect(figures).toMatchObject({ ...once, expected: 300, sent: 300 });
});

test('what passes the retry window is dead, and is sent once more on request', async () => {
  const figures = await replayedAfterwards();
  expect(figures).toMatchObject({ ...once, expected: 15, sent: 15, dead: 5, revived: 5, revivedAgain: 0 });
  expect(figures.slackPaceMs).toBeGreaterThanOrEqual(1_000);
}, 60_000);
