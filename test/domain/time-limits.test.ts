import { describe, expect, test } from 'vitest';
import type { TimeLimitRule } from '../../lib/domain/decision-context.ts';
import type { Job, JobRecord, Statistics, TimeLimit } from '../../lib/domain/job.ts';
import { exceeding, mayExceed, progressOf } from '../../lib/domain/time-limits.ts';
import {
  noStatistics as nothingCounted,
  start as now,
  someJob,
  someRecord,
  someStatistics,
} from '../support/builders.ts';

const minute = 60_000;
const ago = (minutes: number): string => new Date(now - minutes * minute).toISOString();

const counted = (counts: Partial<Statistics> = {}) => someStatistics({ processed: 50, asOf: ago(60), ...counts });
const jobOf = (status: string, values: Partial<Job> = {}): Job =>
  someJob(status, {
    queuedAt: ago(90),
    startedAt: status === 'Queued' ? null : ago(80),
    finishedAt: null,
    statistics: counted(),
    ...values,
  });
const recordOf = (job: Job, values: Partial<JobRecord> = {}): JobRecord =>
  someRecord({ status: job.status, job, firstSeenAt: ago(70), changedAt: ago(65), ...values });
const told = { minutes: 1, decision: {}, job: {} } as never;
const may = (job: Job, ...timeLimits: TimeLimitRule[]): boolean => mayExceed('production', job, { now, timeLimits });
const exceeded = (record: JobRecord, ...timeLimits: TimeLimitRule[]): TimeLimit[] =>
  exceeding(record, record.job as Job, { now, timeLimits }).map(({ limit }) => limit);
/** Both that tell: the reading alone, and the record with it. */
const both = (job: Job, ...timeLimits: TimeLimitRule[]) => {
  const record = recordOf(job, { progress: { statistics: counted(), since: ago(60) } });
  return [may(job, ...timeLimits), exceeded(record, ...timeLimits).length > 0];
};
const every = { queuedFor: 1, runningFor: 1, noProgressFor: 1 };

describe('which limits count', () => {
  test.each<[sentence: string, rules: TimeLimitRule[], values: Partial<Job>, counts: boolean]>([
    ['none without an entry', [], {}, false],
    ['those of an entry without conditions', [{ runningFor: 1 }], {}, true],
    ['those of an entry whose conditions are empty', [{ when: {}, runningFor: 1 }], {}, true],
    ['those of an entry that matches the environment', [{ when: { environment: ['production'] }, ...every }], {}, true],
    ['none of an entry for another environment', [{ when: { environment: ['staging'] }, ...every }], {}, false],
    ['those of an entry that matches the source', [{ when: { source: ['API', 'Pages'] }, ...every }], {}, true],
    ['none of an entry for another source', [{ when: { source: ['API'] }, ...every }], {}, false],
    [
      'none of an entry for a source, if there is none',
      [{ when: { source: ['Pages'] }, ...every }],
      { source: null },
      false,
    ],
    ['those of an entry that matches the name', [{ when: { name: ['Nightly*'] }, ...every }], {}, true],
    ['none of an entry for another name', [{ when: { name: ['Hourly*'] }, ...every }], {}, false],
    ['none of an entry that matches in part', [{ when: { name: ['*'], source: ['API'] }, ...every }], {}, false],
    [
      'those of the second entry, if the first does not match',
      [{ when: { name: ['X'] } }, { runningFor: 1 }],
      {},
      true,
    ],
    ['those of the first entry alone, if it matches', [{ when: { name: ['N*'] } }, every], {}, false],
    ['those of the first entry alone, though it leaves some out', [{ queuedFor: 1 }, every], {}, false],
  ])('%s', (_, rules, values, counts) => {
    expect(both(jobOf('Running', values), ...rules)).toEqual([counts, counts]);
  });

  test.each<[status: string, TimeLimit[]]>([
    ['Queued', ['queuedFor']],
    ['Running', ['runningFor', 'noProgressFor']],
    ['Canceling', []],
    ['Archiving', []],
    ['Completed', []],
    ['Failed', []],
    ['Canceled', []],
  ])('for %s: %j', (status, expected) => {
    const job = jobOf(status);
    const record = recordOf(job, { progress: { statistics: counted(), since: ago(60) } });
    expect(exceeded(record, every)).toEqual(expected);
    expect(may(job, every)).toBe(expected.length > 0);
  });
});

describe('a limit is exceeded', () => {
  test.each<[sentence: string, job: Job, rule: TimeLimitRule, isExceeded: boolean]>([
    ['queued for longer', jobOf('Queued'), { queuedFor: 89 }, true],
    ['not queued for exactly so long', jobOf('Queued'), { queuedFor: 90 }, false],
    ['not queued for less', jobOf('Queued'), { queuedFor: 91 }, false],
    ['not queued in the future, by another clock', jobOf('Queued', { queuedAt: ago(-5) }), { queuedFor: 1 }, false],
    ['running for longer', jobOf('Running'), { runningFor: 79 }, true],
    ['not running for exactly so long', jobOf('Running'), { runningFor: 80 }, false],
    ['not running for less, though queued for longer', jobOf('Running'), { runningFor: 85 }, false],
  ])('%s', (_, job, rule, isExceeded) => {
    expect(both(job, rule)).toEqual([isExceeded, isExceeded]);
  });

  test.each<[sentence: string, job: Job, rule: TimeLimitRule, isExceeded: boolean]>([
    ['queued since it was first seen', jobOf('Queued', { queuedAt: null }), { queuedFor: 69 }, true],
    ['not queued since before that', jobOf('Queued', { queuedAt: null }), { queuedFor: 70 }, false],
    ['running since it was seen to', jobOf('Running', { startedAt: null }), { runningFor: 64 }, true],
    // It may have been queued until then.
    ['not running since it was first seen', jobOf('Running', { startedAt: null }), { runningFor: 65 }, false],
  ])('when the API does not say since when, by what the record says: %s', (_, job, rule, isExceeded) => {
    expect(may(job, rule)).toBe(true);
    expect(exceeded(recordOf(job), rule)).toEqual(isExceeded ? Object.keys(rule) : []);
  });

  test('once, whatever the limit is now', () => {
    const job = jobOf('Running');
    const progress = { statistics: counted(), since: ago(60) };
    expect(exceeded(recordOf(job, { progress, exceeded: { runningFor: told } }), every)).toEqual(['noProgressFor']);
    expect(exceeded(recordOf(job, { progress, exceeded: { noProgressFor: told } }), every)).toEqual(['runningFor']);
    expect(exceeded(recordOf(jobOf('Queued'), { exceeded: { queuedFor: told } }), every)).toEqual([]);
    expect(may(job, every)).toBe(true);
  });

  test('with what that means, and since when', () => {
    const job = jobOf('Running');
    const record = recordOf(job, { progress: { statistics: counted(), since: ago(60) } });
    expect(exceeding(record, job, { now, timeLimits: [{ runningFor: 60, noProgressFor: 20 }] })).toEqual([
      { limit: 'runningFor', minutes: 60, outcome: 'late', reason: 'runningTooLong', since: ago(80) },
      { limit: 'noProgressFor', minutes: 20, outcome: 'stuck', reason: 'noProgress', since: ago(60) },
    ]);
    const queued = jobOf('Queued');
    expect(exceeding(recordOf(queued), queued, { now, timeLimits: [{ queuedFor: 30 }] })).toEqual([
      { limit: 'queuedFor', minutes: 30, outcome: 'late', reason: 'queuedTooLong', since: ago(90) },
    ]);
  });
});

describe('a job that makes no progress', () => {
  const rule = { noProgressFor: 20 };
  const standing = (since: string, known: Statistics = counted(), read: Statistics | null = counted()) =>
    exceeded(recordOf(jobOf('Running', { statistics: read }), { progress: { statistics: known, since } }), rule);

  test.each<[sentence: string, found: TimeLimit[], isStuck: boolean]>([
    ['its counters stood for longer', standing(ago(20.1)), true],
    ['its counters stood for exactly so long', standing(ago(20)), false],
    ['one counter moved', standing(ago(60), counted({ processed: 49 })), false],
    ['a counter turned up', standing(ago(60), counted({ skipped: null })), false],
    ['a counter is not shown', standing(ago(60), counted(), counted({ skipped: null })), false],
    ['only the time of the report moved', standing(ago(60), counted({ asOf: ago(61) })), false],
    ['nothing is told of its counters any more', standing(ago(60), counted(), null), false],
  ])('is known by counters that stand: %s', (_, found, isStuck) => {
    expect(found).toEqual(isStuck ? ['noProgressFor'] : []);
  });

  test('is not concluded from one reading', () => {
    expect(exceeded(recordOf(jobOf('Running')), rule)).toEqual([]);
  });

  // The limit is 20 minutes.
  test.each<[sentence: string, statistics: Statistics | null, mayBe: boolean]>([
    ['counted within a quarter of the limit, it moves', counted({ asOf: ago(4.9) }), false],
    ['counted longer ago, its counters are compared', counted({ asOf: ago(5) }), true],
    ['counted a little ahead, by another clock, it moves', counted({ asOf: ago(-4.9) }), false],
    ['counted far ahead, which says nothing', counted({ asOf: ago(-5) }), true],
    ['counted at an unknown time', counted({ asOf: null }), true],
    ['with one counter only', { ...nothingCounted, processed: 0 }, true],
    ['with a time only', { ...nothingCounted, asOf: ago(60) }, true],
    ['without any counter, nothing can be seen', nothingCounted, false],
    ['without counters, nothing can be seen', null, false],
  ])('needs the record only if the job could be stuck: %s', (_, statistics, mayBe) => {
    expect(may(jobOf('Running', { statistics }), rule)).toBe(mayBe);
  });
});

describe('what is kept of the counters', () => {
  const statistics = counted();
  const fresh = { statistics, since: ago(0) };
  const keptFor = (minutes: number, counts: Partial<Statistics> = {}) => ({
    statistics: counted(counts),
    since: ago(minutes),
  });
  const kept = (values: Partial<JobRecord>, ...timeLimits: TimeLimitRule[]) =>
    progressOf(recordOf(jobOf('Running'), values), jobOf('Running'), { now, timeLimits });

  test('is nothing while no limit asks for progress', () => {
    expect(kept({})).toBeNull();
    expect(kept({}, { runningFor: 20, queuedFor: 20 })).toBeNull();
    const known = { progress: keptFor(90, { processed: 1 }) };
    expect(kept(known, { runningFor: 20 })).toBe(known.progress);
  });

  test('is nothing while the job is queued, or its counters are not shown', () => {
    const timeLimits = [{ noProgressFor: 20 }];
    for (const job of [
      jobOf('Queued'),
      jobOf('Running', { statistics: null }),
      jobOf('Running', { statistics: nothingCounted }),
    ]) {
      expect(progressOf(recordOf(job), job, { now, timeLimits })).toBeNull();
      const progress = keptFor(90);
      expect(progressOf(recordOf(job, { progress }), job, { now, timeLimits })).toBe(progress);
    }
  });

  test('is the first that was seen', () => {
    expect(kept({}, { noProgressFor: 20 })).toEqual(fresh);
  });

  // The limit is 20 minutes: a write every five at most.
  test.each<[sentence: string, progress: JobRecord['progress'], isKept: boolean]>([
    ['counters that stand, for however long', keptFor(600), true],
    ['counters that moved a moment ago', keptFor(1, { processed: 49 }), true],
    ['counters that moved, kept for just under a quarter of the limit', keptFor(4.99, { processed: 49 }), true],
    ['counters that moved, kept for a quarter of the limit', keptFor(5, { processed: 49 }), false],
    ['counters that moved, kept for long', keptFor(600, { processed: 49 }), false],
    ['a report that moved, kept for long', keptFor(600, { asOf: ago(61) }), false],
    ['a counter that turned up, kept for long', keptFor(600, { failed: null }), false],
  ])('stays, or is replaced: %s', (_, progress, isKept) => {
    expect(kept({ progress }, { noProgressFor: 20 })).toEqual(isKept ? progress : fresh);
  });

  // A list may show less than a job's own reading.
  test('stays when a reading shows fewer counters, and is replaced when one of those moved', () => {
    const progress = keptFor(600);
    const seen = (counts: Partial<Statistics>) => {
      const job = jobOf('Running', { statistics: counted(counts) });
      return progressOf(recordOf(job, { progress }), job, { now, timeLimits: [{ noProgressFor: 20 }] });
    };
    expect(seen({ sent: null, asOf: null })).toBe(progress);
    expect(seen({ sent: null, processed: 51 })).toEqual({
      statistics: counted({ sent: null, processed: 51 }),
      since: ago(0),
    });
  });

  test('is not kept up for a job that was announced', () => {
    const progress = keptFor(600, { processed: 49 });
    expect(kept({ progress, exceeded: { noProgressFor: told } }, { noProgressFor: 20 })).toBe(progress);
    expect(kept({ progress, exceeded: { runningFor: told } }, { noProgressFor: 20 })).toEqual(fresh);
  });
});
