/** Counters that arrive late, that are absent, or that exceed 100 percent. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobRecord } from '../../lib/domain/job.ts';
import { type PublishingJob, publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { itemOf, minute, statesIn, sweepAfter, wrapStore } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const finishTime = '2026-01-01T10:10:00Z';
const before = '2026-01-01T10:09:30Z';
type Change = (job: PublishingJob) => unknown;

/** A job that is Completed since `finishTime`, changed as a row of a table says. */
const complete = (change: Change = (job) => job) =>
  world.api.setJob('job_1', change(publishingJob({ id: 'job_1', at: notifier.clock.now(), finishTime })));
const counted = (lastReportTime: string, counts: Partial<Parameters<typeof publishingJob>[0]> = {}) =>
  world.setJob('job_1', { at: notifier.clock.now(), finishTime, lastReportTime, ...counts });
const documents = () => world.topic.messages.map(({ document }) => JSON.parse(document));
const run = async () => {
  world.setJob('job_1', { status: 'Running', at: notifier.clock.now() });
  await notifier.post('job_1');
};
const calm = { checked: 0, changed: 0, sent: 0, left: 0 };

describe('terminal, but statistics absent or older than the finish', () => {
  const rows: [string, Change][] = [
    ['absent', ({ statistics: _, ...job }) => job],
    ['older than the finish', (job) => ({ ...job, statistics: { ...job.statistics, lastReportTime: before } })],
  ];
  test.each(rows)(
    '%s: announced at once, read once more at the next sweep, and no more after that',
    async (_name, change) => {
      await run();
      complete(change);
      expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
      expect((await notifier.get('job_1')).body).toMatchObject({ status: 'Completed', watching: true });
      const asked = world.api.requests.length;
      expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 1, changed: 0, sent: 0 });
      expect(world.api.requests.length).toBe(asked + 1);
      expect((await notifier.get('job_1')).body.watching).toBe(false);
      expect(await sweepAfter(notifier, minute)).toMatchObject(calm);
      expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1]);
      expect((await itemOf(world, 'production#job_1'))?.expiresAt).toBeGreaterThan(0);
    },
  );

  test('says "so far" when it counted before the end, and does not when it counted after it', async () => {
    counted(before);
    await notifier.post('job_1');
    expect(world.topic.messages[0]?.email).toContain('items so far');
    expect(world.slack.messages[0]?.payload.text).toContain('items so far');
    expect(documents()[0].statistics.asOf).toBe('2026-01-01T10:09:30.000Z');
    world.setJob('job_2', { at: notifier.clock.now() });
    await notifier.post('job_2');
    expect(world.topic.messages[1]?.email).not.toContain('so far');
  });

  const corrections: [string, Parameters<typeof counted>[1], string, RegExp][] = [
    ['failures turned up late', { failed: 3 }, 'completedWithWarnings', /3 items failed/],
  ];
  test.each(corrections)('%s: one correction goes out, and says so', async (_name, counts, outcome, sentence) => {
    await run();
    counted(before);
    await sweepAfter(notifier, minute);
    counted('2026-01-01T10:11:00Z', counts);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 1, changed: 1, sent: 2 });
    expect(documents()).toMatchObject([
      { outcome: 'completed', correction: false, reason: 'finished' },
      { outcome, correction: true, reason: 'corrected' },
    ]);
    expect(documents()[0].deduplicationId).not.toBe(documents()[1].deduplicationId);
    const texts = [world.slack.messages[1]?.payload.text, world.topic.messages[1]?.email];
    for (const text of texts) {
      expect(text).toMatch(sentence);
      expect(text).toContain('corrects');
      expect(text).toContain('“Completed”');
    }
    const { body } = await notifier.get('job_1');
    expect(body).toMatchObject({ outcome, watching: false, decision: { reason: 'corrected', corrects: 'completed' } });
    expect(statesIn(body)).toEqual({
      'completed/team': 'sent',
      'completed/events': 'sent',
      [`${outcome}/team`]: 'sent',
      [`${outcome}/events`]: 'sent',
    });
    for (let round = 0; round < 3; round++) expect(await sweepAfter(notifier, minute)).toMatchObject(calm);
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([2, 2]);
  });

  test('a correction follows the rules of its own outcome', async () => {
    const rules = [{ when: { outcome: 'completedWithWarnings' }, notify: ['team'] }, { notify: ['events'] }];
    notifier = deploy(world, { clock: notifier.clock, config: { ...world.config(), rules } });
    counted(before);
    await notifier.post('job_1');
    counted('2026-01-01T10:11:00Z', { failed: 1 });
    await sweepAfter(notifier, minute);
    expect(statesIn((await notifier.get('job_1')).body)).toEqual({
      'completed/events': 'sent',
      'completedWithWarnings/team': 'sent',
    });
  });

  test('the second reading fails: it is repeated later, and the correction still goes out', async () => {
    counted(before);
    await notifier.post('job_1');
    world.api.fault({ call: 'job', status: 500 });
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 1, failedChecks: 1, changed: 0 });
    counted('2026-01-01T10:11:00Z', { failed: 2 });
    expect(await sweepAfter(notifier, 2 * minute)).toMatchObject({ changed: 1, sent: 2 });
  });

  test.each([
    ['completed', 0, 'completedWithWarnings', 2],
    ['completedWithWarnings', 2, 'completed', 0],
  ])(
    'a channel that rested meanwhile gets %s and then its correction, in that order',
    async (first, failed, then, late) => {
      // A map in DynamoDB has no order: what came last may be read first.
      const reversed = (record: JobRecord) => ({
        ...record,
        deliveries: Object.fromEntries(Object.entries(record.deliveries).reverse()),
      });
      wrapStore(notifier, (real) => ({
        save: async (...args) => {
          const { won, record } = await real.save(...args);
          return { won, record: record && reversed(record) };
        },
      }));
      counted(before, { failed });
      world.slack.answerWith({ status: 429, headers: { 'retry-after': '600' }, body: 'rate_limited' });
      await notifier.post('job_1');
      counted('2026-01-01T10:11:00Z', { failed: late });
      await sweepAfter(notifier, minute);
      expect(statesIn((await notifier.get('job_1')).body)).toMatchObject({
        [`${first}/team`]: 'pending',
        [`${then}/team`]: 'pending',
        [`${then}/events`]: 'sent',
      });
      for (let round = 0; round < 2; round++) await sweepAfter(notifier, 10 * minute);
      const texts = world.slack.messages.map(({ payload }) => payload.text ?? '');
      expect(texts).toHaveLength(2);
      // What it corrects must have been said before.
      expect(texts.map((text) => text.includes('This corrects'))).toEqual([false, true]);
    },
  );
});

describe('percentages', () => {
  test('never: processed can exceed sent, and counts are shown', async () => {
    world.setJob('job_1', {
      at: notifier.clock.now(),
      sent: 7_821,
      processed: 7_848,
      failed: 12,
      skipped: 40,
      additional: 27,
    });
    await notifier.post('job_1');
    const texts = [
      JSON.stringify(world.slack.messages[0]?.payload),
      ...Object.values(world.topic.messages[0]?.texts ?? {}),
    ];
    expect(texts.length).toBeGreaterThan(2);
    for (const text of texts) expect(text).not.toMatch(/%|per ?cent/i);
    for (const text of [texts[0], world.topic.messages[0]?.email]) {
      expect(text).toMatch(/7,848 items · 12 failed · 40 skipped/);
    }
    expect(documents()[0].statistics).toEqual({
      sent: 7_821,
      processed: 7_848,
      failed: 12,
      skipped: 40,
      deleted: 0,
      additional: 27,
      asOf: '2026-01-01T10:10:00.000Z',
    });
  });
});
