import { describe, expect, test } from 'vitest';
import type { Job, Outcome, Reading, Reason, Statistics } from '../../lib/domain/job.ts';
import { decide, isFinal, isNewer, type Known, outcomeOf } from '../../lib/domain/transition.ts';
import {
  ago,
  contextAt,
  someStatistics as counted,
  day,
  hour,
  someJob as jobOf,
  minute,
  start as now,
  someCheck,
  someDecision as told,
} from '../support/builders.ts';

const knownAs = (status: string | null, values: Partial<Known> = {}): Known => ({
  status,
  job: status === null ? null : jobOf(status),
  decision: status === null ? null : told(),
  firstSeenAt: ago(5 * minute),
  notFoundSince: null,
  check: someCheck(),
  ...values,
});
const failingSince = (since: string | null) => someCheck({ failures: 9, error: 'time-out', failingSince: since });

const decided = (known: Known, reading: Reading, { conclude = true } = {}) =>
  decide(Object.freeze(known), reading, contextAt(now, { conclude }));
const [warnings, nothing] = ['completedWithWarnings', 'publishedNothing'] as const;
const compared = (known: Known, job: Job) => decided(known, { kind: 'job', job });

describe('every status that is known, against every status that is read', () => {
  const read = ['Queued', 'Running', 'Canceling', 'Archiving', 'Completed', 'Failed', 'Canceled'];
  const outcomeOfStatus: Record<string, Outcome> = { Completed: 'completed', Failed: 'failed', Canceled: 'canceled' };
  const table: [known: string | null, ...reasons: (Reason | null)[]][] = [
    // known as      Queued           Running          Canceling        Archiving        Completed            Failed               Canceled
    [null, ...Array(4).fill('firstSeen'), 'firstSeenFinished', 'firstSeenFinished', 'firstSeenFinished'],
    ['Queued', null, 'statusChanged', 'statusChanged', 'statusChanged', 'finished', 'finished', 'finished'],
    ['Running', 'statusChanged', null, 'statusChanged', 'statusChanged', 'finished', 'finished', 'finished'],
    ['Canceling', 'statusChanged', 'statusChanged', null, 'statusChanged', 'finished', 'finished', 'finished'],
    ['Archiving', 'statusChanged', 'statusChanged', 'statusChanged', null, 'finished', 'finished', 'finished'],
    ['Indexing', ...Array(4).fill('statusChanged'), 'finished', 'finished', 'finished'],
    ['Completed', null, null, null, null, null, 'corrected', 'corrected'],
    ['Failed', null, null, null, null, 'corrected', null, 'corrected'],
    ['Canceled', null, null, null, null, 'corrected', 'corrected', null],
  ];
  const rows = table.flatMap(([known, ...reasons]) =>
    reasons.map((reason, index) => ({ known, read: read[index] as string, reason })),
  );

  test('the table is complete', () => {
    expect(rows).toHaveLength(table.length * read.length);
  });

  test.each(rows)('known as $known, read as $read: $reason', ({ known, read: status, reason }) => {
    const begins = reason === 'firstSeen' && ['Queued', 'Running'].includes(status);
    const outcome = outcomeOfStatus[status] ?? (begins ? 'started' : null);
    const corrects = reason === 'corrected' ? outcomeOfStatus[known ?? ''] : null;
    expect(compared(knownAs(known), jobOf(status))).toEqual(
      reason && { reason, previousStatus: known, outcome, corrects, announce: outcome !== null },
    );
  });
});

describe('a job that had ended when it was first seen', () => {
  const firstSeenAt = ago(3 * day);
  const before = (ms: number): string => new Date(Date.parse(firstSeenAt) - ms).toISOString();
  test.each<[sentence: string, finishedAt: string | null, reason: Reason]>([
    ['just now is announced', before(1_000), 'firstSeenFinished'],
    ['exactly 24 hours before is announced', before(day), 'firstSeenFinished'],
    ['a moment over 24 hours before is not announced', before(day + 1), 'finishedLongAgo'],
    ['a year before is not announced', before(365 * day), 'finishedLongAgo'],
    ['between first sight and now is announced', ago(day), 'firstSeenFinished'],
    ['in the future, by a wrong clock, is announced', ago(-hour), 'firstSeenFinished'],
    ['at an unknown time counts as recent', null, 'firstSeenFinished'],
    ['at an unreadable time counts as recent', 'yesterday', 'firstSeenFinished'],
  ])('%s', (_, finishedAt, reason) => {
    const transition = compared(knownAs(null, { firstSeenAt }), jobOf('Completed', { finishedAt }));
    expect(transition).toMatchObject({ reason, outcome: 'completed', announce: reason === 'firstSeenFinished' });
  });

  // Records are kept for 30 days, and clocks may differ by 10 minutes.
  const keptFor = 30 * day - 10 * minute;
  test.each<[sentence: string, signs: Partial<Job>, reason: Reason]>([
    ['that was queued that long ago', { queuedAt: before(keptFor + 1) }, 'finishedLongAgo'],
    ['that started that long ago', { queuedAt: before(40 * day), startedAt: before(keptFor + 1) }, 'finishedLongAgo'],
    ['that was queued a moment later', { queuedAt: before(keptFor) }, 'firstSeenFinished'],
    ['that started a moment later', { queuedAt: before(40 * day), startedAt: before(keptFor) }, 'firstSeenFinished'],
    [
      'whose counters are a moment younger',
      { queuedAt: before(40 * day), statistics: counted({ asOf: before(keptFor) }) },
      'firstSeenFinished',
    ],
    ['without any time', {}, 'firstSeenFinished'],
    [
      'that was queued that long ago, but says when it ended',
      { queuedAt: before(40 * day), finishedAt: before(hour) },
      'firstSeenFinished',
    ],
  ])('without saying when, its record may have expired: a job %s', (_, signs, reason) => {
    const noTimes = { queuedAt: null, startedAt: null, finishedAt: null, statistics: null };
    const transition = compared(knownAs(null, { firstSeenAt }), jobOf('Completed', { ...noTimes, ...signs }));
    expect(transition).toMatchObject({ reason, announce: reason === 'firstSeenFinished' });
  });

  test.each(['Failed', 'Canceled'])('%s long ago is not announced either', (status) => {
    expect(compared(knownAs(null), jobOf(status, { finishedAt: ago(30 * day) }))).toMatchObject({
      reason: 'finishedLongAgo',
      announce: false,
    });
  });

  test('a job that was seen running is announced, however long ago it ended', () => {
    expect(compared(knownAs('Running'), jobOf('Failed', { finishedAt: ago(30 * day) }))).toMatchObject({
      reason: 'finished',
      announce: true,
    });
  });
});

describe('a job that is read again after its end', () => {
  const stale = (counts: Partial<Statistics> = {}) =>
    jobOf('Completed', { statistics: counted({ asOf: ago(5 * minute), ...counts }) });
  const fresh = (counts: Partial<Statistics> = {}) => jobOf('Completed', { statistics: counted(counts) });
  const without = jobOf('Completed', { statistics: null });

  test.each<[sentence: string, known: Job, read: Job, corrects: Outcome | null, outcome: Outcome | null]>([
    ['the same counters change nothing', stale(), fresh(), null, null],
    ['more processed items change nothing', stale({ processed: 90 }), fresh(), null, null],
    ['late failures correct it', stale(), fresh({ failed: 2 }), 'completed', warnings],
    ['more failures are the same outcome', stale({ failed: 1 }), fresh({ failed: 9 }), null, null],
    ['late skipped items correct it', stale(), fresh({ processed: 0, skipped: 9 }), 'completed', nothing],
    ['late processed items correct it', stale({ processed: 0, skipped: 9 }), fresh(), nothing, 'completed'],
    ['absent counters can be corrected', without, fresh({ failed: 1 }), 'completed', warnings],
    ['absent counters can be confirmed', without, fresh(), null, null],
    [
      'absent counters can be corrected by incomplete ones',
      without,
      fresh({ failed: 1, processed: null, skipped: null }),
      'completed',
      warnings,
    ],
    [
      'counters that never existed are not missed',
      stale({ processed: null, skipped: null }),
      fresh({ failed: 2, processed: null, skipped: null }),
      'completed',
      warnings,
    ],
    // An answer without counters says nothing about failures: to take that for success would be a false message.
    ['a response without counters corrects nothing', stale({ failed: 2 }), without, null, null],
    ['an omitted failure count corrects nothing', stale({ failed: 2 }), fresh({ failed: null }), null, null],
    [
      'an omitted processed count corrects nothing',
      stale({ processed: 0, skipped: 9 }),
      fresh({ processed: null, skipped: 9 }),
      null,
      null,
    ],
    [
      'an omitted skipped count corrects nothing',
      stale({ processed: 0, skipped: 9 }),
      fresh({ processed: 0, skipped: null }),
      null,
      null,
    ],
    // Two workers read at the same time, and the earlier reading is compared last.
    ['counters older than those known correct nothing', fresh({ failed: 2 }), stale({ failed: 0 }), null, null],
    ['counters without a time correct nothing', stale({ failed: 2 }), fresh({ asOf: null }), null, null],
    [
      'counters without a time give way to those with one',
      stale({ asOf: null }),
      fresh({ failed: 2 }),
      'completed',
      warnings,
    ],
  ])('%s', (_, known, read, corrects, outcome) => {
    expect(compared(knownAs('Completed', { job: known }), read)).toEqual(
      outcome && { reason: 'corrected', previousStatus: 'Completed', outcome, corrects, announce: true },
    );
  });

  test.each<[sentence: string, rule: string | null, announce: boolean]>([
    ['a correction goes by the rules', 'rules[0]', true],
    ['what matched no rule may match one as another outcome', 'noRule', true],
    ['an outcome that was not announced needs no correction', null, false],
  ])('%s', (_, rule, announce) => {
    const known = knownAs('Completed', { decision: told({ rule }) });
    expect(compared(known, fresh({ failed: 2 }))).toMatchObject({ outcome: warnings, announce });
  });

  test('where no decision is known, a correction is not announced either', () => {
    const known = knownAs('Completed', { decision: null });
    expect(compared(known, fresh({ failed: 2 }))).toMatchObject({ reason: 'corrected', announce: false });
  });

  test('any reading supersedes none', () => {
    expect(isNewer(without, null)).toBe(true);
  });

  test.each<[Reading]>([
    [{ kind: 'notFound', error: 'no such job' }],
    [{ kind: 'unreadable', error: 'time-out' }],
    [{ kind: 'notAsked', error: 'rests', since: ago(30 * day) }],
    [{ kind: 'environmentRemoved' }],
  ])('its end stays what it was after %o', (reading) => {
    for (const status of ['Completed', 'Failed', 'Canceled']) {
      const known = knownAs(status, { notFoundSince: ago(30 * day), check: failingSince(ago(30 * day)) });
      expect(decided(known, reading)).toBeNull();
    }
  });
});

describe('a job that was lost, and is found again', () => {
  const lost = told({ reason: 'lostTrackNotFound', outcome: 'lostTrack' });
  test.each<[sentence: string, known: string | null, read: string, reason: Reason, outcome: Outcome | null]>([
    ['running as it was says so, although its status is the same', 'Running', 'Running', 'foundAgain', null],
    ['in another status says so', 'Queued', 'Running', 'foundAgain', null],
    ['running, and that was never read, says so', null, 'Running', 'foundAgain', null],
    ['finished is announced as finished', 'Running', 'Failed', 'finished', 'failed'],
  ])('%s', (_, known, status, reason, outcome) => {
    expect(compared(knownAs(known, { decision: lost }), jobOf(status))).toEqual({
      reason,
      previousStatus: known,
      outcome,
      corrects: null,
      announce: outcome !== null,
    });
  });
});

describe('a job that the API does not know', () => {
  const denied: Reading = { kind: 'notFound', error: 'no such job' };
  test.each<[sentence: string, status: string | null, since: string | null, conclude: boolean, reason: Reason | null]>([
    ['for the first time stays watched', 'Running', null, true, null],
    ['for a moment under 10 minutes stays watched', 'Running', ago(10 * minute - 1), true, null],
    ['for 10 minutes is lost', 'Running', ago(10 * minute), true, 'lostTrackNotFound'],
    ['for a day is lost', 'Queued', ago(day), true, 'lostTrackNotFound'],
    ['while it is being canceled is lost', 'Canceling', ago(10 * minute), true, 'lostTrackNotFound'],
    ['with a status that nobody knows is lost', 'Archiving', ago(10 * minute), true, 'lostTrackNotFound'],
    ['for a day is not lost to a worker without `conclude`', 'Running', ago(day), false, null],
    ['never seen may be new', null, null, true, null],
    ['never seen may be new for 10 minutes', null, ago(10 * minute - 1), true, null],
    ['never seen is no job after 10 minutes', null, ago(10 * minute), true, 'notFound'],
    ['never seen is not given up by a trigger', null, ago(day), false, null],
  ])('%s', (_, status, notFoundSince, conclude, reason) => {
    const outcome = reason === 'lostTrackNotFound' ? 'lostTrack' : null;
    expect(decided(knownAs(status, { notFoundSince }), denied, { conclude })).toEqual(
      reason && {
        reason,
        previousStatus: status,
        outcome,
        corrects: null,
        announce: outcome !== null,
        since: notFoundSince,
      },
    );
  });

  test('is not lost because it was unreadable before', () => {
    expect(decided(knownAs('Running', { check: failingSince(ago(30 * day)) }), denied)).toBeNull();
  });
});

describe('a job that cannot be read', () => {
  const unreadable: Reading = { kind: 'unreadable', error: 'time-out' };
  test.each<[sentence: string, status: string | null, since: string | null, conclude: boolean, isLost: boolean]>([
    ['for the first time stays watched', 'Running', null, true, false],
    ['for a moment under 7 days stays watched', 'Running', ago(7 * day - 1), true, false],
    ['for 7 days is lost', 'Running', ago(7 * day), true, true],
    ['for 7 days and was never read is lost as well', null, ago(7 * day), true, true],
    ['for 7 days is not lost to a worker without `conclude`', 'Running', ago(7 * day), false, false],
  ])('%s', (_, status, since, conclude, isLost) => {
    const lost = { reason: 'lostTrackUnreadable', previousStatus: status, outcome: 'lostTrack', corrects: null };
    const known = knownAs(status, { check: failingSince(since), firstSeenAt: ago(60 * day) });
    expect(decided(known, unreadable, { conclude })).toEqual(isLost ? { ...lost, announce: true, since } : null);
  });

  test('is not lost because it was unknown before', () => {
    expect(decided(knownAs('Running', { notFoundSince: ago(6 * day) }), unreadable)).toBeNull();
  });
});

describe('a job whose environment is paused', () => {
  type Row = [sentence: string, restsSince: string | null, known: Partial<Known>, lostSince: string | undefined];
  const old = { firstSeenAt: ago(60 * day) };
  test.each<Row>([
    ['since now stays watched', null, old, undefined],
    ['for a moment under 7 days stays watched', ago(7 * day - 1), old, undefined],
    ['for 7 days is lost', ago(7 * day), old, ago(7 * day)],
    [
      'for a month, but itself under 7 days old, stays watched',
      ago(30 * day),
      { firstSeenAt: ago(7 * day - 1) },
      undefined,
    ],
    ['for a month, and that is 7 days old, is lost', ago(30 * day), { firstSeenAt: ago(7 * day) }, ago(7 * day)],
    [
      'for 7 days, with own failures since today, is lost',
      ago(7 * day),
      { ...old, check: failingSince(ago(hour)) },
      ago(7 * day),
    ],
    // 7 days without a readable response: it does not matter whether the job's own failures or the cooldown came first.
    [
      'since today, after 7 days of own failures, is lost',
      ago(hour),
      { ...old, check: failingSince(ago(7 * day)) },
      ago(7 * day),
    ],
    [
      'since today, after 6 days of own failures, stays watched',
      ago(hour),
      { ...old, check: failingSince(ago(6 * day)) },
      undefined,
    ],
  ])('%s', (_, since, known, lostSince) => {
    const transition = decided(knownAs('Running', known), { kind: 'notAsked', error: 'rests', since });
    expect([transition?.reason, transition?.since]).toEqual([lostSince && 'lostTrackUnreadable', lostSince]);
  });

  test('is not lost to a worker without `conclude`', () => {
    const reading: Reading = { kind: 'notAsked', error: 'rests', since: ago(30 * day) };
    expect(decided(knownAs('Running', old), reading, { conclude: false })).toBeNull();
  });
});

describe('a job whose environment is no longer configured', () => {
  const removed: Reading = { kind: 'environmentRemoved' };
  test.each([null, 'Queued', 'Running', 'Canceling', 'Archiving'])(
    'known as %s leaves, and nobody is notified',
    (status) => {
      expect(decided(knownAs(status), removed, { conclude: status !== 'Queued' })).toEqual({
        reason: 'environmentRemoved',
        previousStatus: status,
        outcome: null,
        corrects: null,
        announce: false,
      });
    },
  );
});

describe('the outcome of a job', () => {
  const completed = (counts: Partial<Statistics>) => jobOf('Completed', { statistics: counted(counts) });
  test.each<[sentence: string, job: Job | null, outcome: Outcome | null]>([
    ['no job has no outcome', null, null],
    ['a queued job has none yet', jobOf('Queued'), null],
    ['a running job has none, although items failed', jobOf('Running', { statistics: counted({ failed: 3 }) }), null],
    ['a job that is being canceled has none yet', jobOf('Canceling'), null],
    ['an unknown status has none', jobOf('CompletedWithWarnings'), null],
    ['a status in other letters is unknown', jobOf('completed'), null],
    ['completed is completed', completed({}), 'completed'],
    ['completed without counters is completed', jobOf('Completed', { statistics: null }), 'completed'],
    [
      'completed with unknown counters is completed',
      completed({ processed: null, failed: null, skipped: null }),
      'completed',
    ],
    ['completed with one failed item has warnings', completed({ failed: 1 }), warnings],
    ['failed items outweigh skipped ones', completed({ failed: 1, processed: 0, skipped: 9 }), warnings],
    ['only skipped items are nothing published', completed({ processed: 0, skipped: 9 }), nothing],
    ['nothing processed and nothing skipped is completed', completed({ processed: 0 }), 'completed'],
    ['something processed and some skipped is completed', completed({ processed: 1, skipped: 9 }), 'completed'],
    ['processed unknown and some skipped is completed', completed({ processed: null, skipped: 9 }), 'completed'],
    ['nothing processed and skipped unknown is completed', completed({ processed: 0, skipped: null }), 'completed'],
    ['failed is failed, whatever the counters say', jobOf('Failed', { statistics: null }), 'failed'],
    [
      'canceled is canceled, although items failed',
      jobOf('Canceled', { statistics: counted({ failed: 3 }) }),
      'canceled',
    ],
  ])('%s', (_, job, outcome) => {
    expect(outcomeOf(job)).toBe(outcome);
  });
});

describe('whether the counters are final', () => {
  test.each<[sentence: string, finishedAt: string | null, statistics: Statistics | null, final: boolean]>([
    ['counted after the end, they are', ago(minute), counted({ asOf: ago(0) }), true],
    ['counted at the end, they are', ago(minute), counted({ asOf: ago(minute) }), true],
    ['counted before the end, they are not', ago(minute), counted({ asOf: ago(minute + 1) }), false],
    ['counted at an unknown time, they are not', ago(minute), counted({ asOf: null }), false],
    ['absent, they are not', ago(minute), null, false],
    ['absent, and the end unknown, they are not', null, null, false],
    ['with an unknown end, they are', null, counted(), true],
  ])('%s', (_, finishedAt, statistics, final) => {
    expect(isFinal(jobOf('Completed', { finishedAt, statistics }))).toBe(final);
  });
});
