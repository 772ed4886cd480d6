import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testRecord } from '../../lib/domain/advance.ts';
import type { DecisionContext, TimeLimitRule } from '../../lib/domain/decision-context.ts';
import {
  type Job,
  type JobRecord,
  type Outcome,
  outcomes,
  type Reading,
  type Statistics,
  type TimeLimit,
  timeLimitNames,
} from '../../lib/domain/job.ts';
import { deduplicationId, type JobDocument, type Message, messageOf, sha256 } from '../../lib/domain/message.ts';
import { recoveredRecord, troubleRecord } from '../../lib/domain/operator-notice.ts';
import { contextText, inUtc } from '../../lib/domain/wording.ts';
import { decideNext } from '../../lib/pipeline/check.ts';
import {
  bareJob,
  contextAt,
  day,
  iso,
  minute,
  jobName as name,
  notFound,
  someDecision,
  someDelivery,
  someJob,
  someRecord,
  someStatistics,
  start,
  unreadable,
} from '../support/builders.ts';

const counted = (counts: Partial<Statistics> = {}): Statistics =>
  someStatistics({ processed: 103, skipped: 40, additional: 3, asOf: '2026-01-20T11:59:30.000Z', ...counts });
const jobOf = (status: string, values: Partial<Job> = {}): Job =>
  someJob(status, {
    startedBy: 'Release pipeline',
    startedByType: 'Application',
    canceledBy: status === 'Canceled' ? 'Alex Example' : null,
    queuedAt: '2026-01-20T11:50:00.000Z',
    startedAt: '2026-01-20T11:50:05.000Z',
    finishedAt: '2026-01-20T11:54:10.000Z',
    statistics: counted(),
    ...values,
  });
const timeLimits: TimeLimitRule[] = [{ queuedFor: 30, runningFor: 60, noProgressFor: 15 }];
const rules = [{ when: { outcome: ['canceled'] }, notify: ['team'], mention: 'here' }, { notify: ['team'] }];
const contextOf = (ms: number, values: Partial<DecisionContext> = {}) =>
  contextAt(start + ms, { rules, channels: ['team'], timeLimits, ...values });

/** What is recorded of a job after these readings; each is so many milliseconds after the start. */
function after(...readings: [ms: number, reading: Reading, values?: Partial<DecisionContext>][]): JobRecord {
  let record: JobRecord | undefined;
  for (const [ms, reading, values] of readings) {
    record = decideNext(structuredClone(record), name, reading, contextOf(ms, values)).next ?? record;
  }
  return record as JobRecord;
}
const read = (job: Job): Reading => ({ kind: 'job', job });
const asked = { conclude: false };

const told = (record: JobRecord, outcome = outcomeOf(record), jobUrl?: string): Message =>
  messageOf(record, { ...matterOf(record, outcome), channel: 'team', jobUrl });
const outcomeOf = ({ decision, exceeded }: JobRecord) =>
  (decision?.outcome ?? Object.values(exceeded ?? {})[0]?.decision.outcome) as Outcome;
const matterOf = ({ exceeded }: JobRecord, outcome: Outcome) => ({
  outcome,
  limit: timeLimitNames.find((limit) => exceeded?.[limit]?.decision.outcome === outcome),
});
const lineOf = (message: Message): string => contextText(message.context);

const waiting = jobOf('Queued', { queuedAt: '2026-01-20T11:29:00.000Z', startedAt: null, finishedAt: null });
const standing = jobOf('Running', { finishedAt: null });

const jane = { name: 'Jane Editor', slack: 'U012AB3CD' };
const trouble = { kind: 'channel', name: 'events', reason: 'SNS: NotFound', since: iso(start) } as const;

const records: Record<Outcome, JobRecord> = {
  completed: after([0, read(jobOf('Running'))], [minute, read(jobOf('Completed'))]),
  completedWithWarnings: after([0, read(jobOf('Completed', { statistics: counted({ failed: 2 }) }))]),
  publishedNothing: after([0, read(jobOf('Completed', { statistics: counted({ processed: 0 }) }))]),
  failed: after([0, read(jobOf('Failed'))]),
  canceled: after([0, read(jobOf('Canceling'))], [minute, read(jobOf('Canceled'))]),
  lostTrack: after([0, read(jobOf('Running'))], [minute, notFound], [11 * minute, notFound]),
  late: after([0, read(waiting)]),
  stuck: after([0, read(standing)], [16 * minute, read(standing)]),
  started: after([0, read(standing), { rules: [{ when: { outcome: ['started'] }, notify: ['team'] }] }]),
  test: testRecord(name, ['team'], contextOf(0)),
  trouble: troubleRecord(name, trouble, ['team'], contextOf(16 * minute)),
  recovered: recoveredRecord(
    troubleRecord(name, trouble, ['team'], contextOf(16 * minute)),
    contextOf(day),
  ) as JobRecord,
};

describe('the outcomes', () => {
  test.each<[Outcome, title: string, summary: string | null]>([
    ['completed', 'Completed in production: Nightly site publish', null],
    [
      'completedWithWarnings',
      'Completed with warnings in production: Nightly site publish',
      '2 items failed and were not published; the rest is published.',
    ],
    [
      'publishedNothing',
      'Completed, published nothing in production: Nightly site publish',
      'Sitecore skipped all 40 items.',
    ],
    [
      'failed',
      'Failed in production: Nightly site publish',
      'Sitecore gives no reason. Check the job there before you publish again.',
    ],
    ['canceled', 'Canceled in production: Nightly site publish', 'Items that were already published stay published.'],
    [
      'lostTrack',
      'Lost track in production: Nightly site publish',
      'Sitecore no longer recognizes this job: its last known status is Running, and how it ended is unknown.',
    ],
    [
      'late',
      'Late in production, still queued: Nightly site publish',
      'It has been queued for 31 min, and the limit is 30 min.',
    ],
    [
      'stuck',
      'Stuck in production: Nightly site publish',
      'Its counters have not changed for 16 min, and the limit is 15 min.',
    ],
    ['trouble', 'Not working: channel events', 'Messages to this channel wait until it works again: SNS: NotFound.'],
    ['started', 'Started in production: Nightly site publish', null],
    ['recovered', 'Works again: channel events', 'The notifier catches up by itself; there is nothing to do.'],
    ['test', 'TEST in production: job_41B25', 'Messages reach this channel; nothing was published.'],
  ])('%s', (outcome, title, summary) => {
    expect(told(records[outcome])).toMatchObject({ title, summary, document: { outcome, correction: false } });
  });

  test.each<[sentence: string, summary: string | null, then: Parameters<typeof after>]>([
    ['says so', 'It is in the queue.', []],
    ['that runs meanwhile, says nothing', null, [[minute, read(standing)]]],
    ['that ended meanwhile, says nothing', null, [[minute, read(jobOf('Failed'))]]],
    [
      'that is no longer watched, says nothing',
      null,
      [
        [minute, notFound],
        [11 * minute, notFound],
      ],
    ],
  ])('the start of a job in the queue, %s', (_, summary, then) => {
    const rules = [{ when: { outcome: ['started' as const] }, notify: ['team'] }];
    const record = after([0, read(jobOf('Queued')), { rules }], ...then);
    expect(told(record, 'started')).toMatchObject({
      summary,
      document: { outcome: 'started', status: 'Queued' },
    });
  });

  test('of a job can be told apart by their icons alone', () => {
    const icons = outcomes.map((outcome) => told(records[outcome]).look.icon);
    expect(new Set(icons).size).toBe(outcomes.length);
    expect(icons.filter((icon) => [...icon].length !== 1)).toEqual([]);
  });

  test.each<[sentence: string, counts: Partial<Statistics>, summary: string]>([
    ['one failed item', { failed: 1 }, '1 item failed and was not published; the rest is published.'],
    ['many failed items', { failed: 12_345 }, '12,345 items failed and were not published; the rest is published.'],
    ['one skipped item', { processed: 0, skipped: 1 }, 'Sitecore skipped the only item.'],
  ])('use correct grammar: %s', (_, counts, summary) => {
    expect(told(after([0, read(jobOf('Completed', { statistics: counted(counts) }))])).summary).toBe(summary);
  });

  test('a mention is only there where the rule asks for it', () => {
    expect(told(records.canceled).mention).toBe('here');
    expect(outcomes.filter((outcome) => told(records[outcome]).mention !== null)).toEqual(['canceled']);
  });
});

describe('a correction', () => {
  const stale = counted({ asOf: '2026-01-20T11:53:00.000Z' });
  const record = after(
    [0, read(jobOf('Completed', { statistics: stale }))],
    [minute, read(jobOf('Completed', { statistics: counted({ failed: 2 }) }))],
  );

  test('names the outcome that it corrects', () => {
    expect(told(record)).toMatchObject({
      title: 'Completed with warnings in production (correction): Nightly site publish',
      summary: 'This corrects “Completed”: 2 items failed and were not published; the rest is published.',
      document: { outcome: 'completedWithWarnings', reason: 'corrected', correction: true, statistics: { failed: 2 } },
    });
  });

  test('is none for a channel that was never notified', () => {
    const { 'completed/team': _, ...others } = record.deliveries;
    const message = told({ ...record, deliveries: others });
    expect(message.title).toBe('Completed with warnings in production: Nightly site publish');
    expect(message.document).toMatchObject({ reason: 'corrected', correction: false });
  });

  test('leaves the message that it corrects as it was, should that still have to be sent', () => {
    const first = told(record, 'completed');
    expect(first).toMatchObject({
      title: 'Completed in production: Nightly site publish',
      summary: null,
      document: { outcome: 'completed', reason: 'firstSeenFinished', correction: false, statistics: stale },
    });
  });
});

describe('a job that takes too long', () => {
  const slow = (queued: Partial<Job>, running: Partial<Job>, end: Partial<Job> = {}, last = 'Completed') =>
    after(
      [0, read({ ...waiting, ...queued })],
      [minute, read({ ...standing, ...running })],
      [17 * minute, read({ ...standing, ...running })],
      [90 * minute, read(jobOf(last, end))],
    );
  const inTime = '2026-01-20T11:50:00.000Z';
  const began = { startedAt: inTime, statistics: null };
  const beganEarly = { startedAt: '2026-01-20T10:30:00.000Z', statistics: null };

  test.each<[sentence: string, record: JobRecord, limit: TimeLimit, message: object]>([
    [
      'queued',
      records.late,
      'queuedFor',
      {
        context: {
          facts: ['Release pipeline', 'Pages', '103 items so far', '40 skipped'],
          time: { words: 'queued since', at: '2026-01-20T11:29:00.000Z' },
          jobId: 'job_41B25',
        },
        document: { outcome: 'late', limit: 'queuedFor', limitMinutes: 30, since: '2026-01-20T11:29:00.000Z' },
      },
    ],
    [
      'running',
      after([0, read({ ...waiting, queuedAt: inTime })], [minute, read({ ...standing, ...beganEarly })]),
      'runningFor',
      {
        title: 'Late in production, still running: Nightly site publish',
        summary: 'It has been running for 1 h 31 min, and the limit is 1 h.',
        document: { outcome: 'late', limit: 'runningFor', limitMinutes: 60, since: '2026-01-20T10:30:00.000Z' },
      },
    ],
    [
      'queued, when it runs',
      after([0, read(waiting)], [minute, read(standing)]),
      'queuedFor',
      {
        title: 'Late in production, was still queued: Nightly site publish',
        summary: 'It had been queued for 31 min, and the limit is 30 min; its status is Running now.',
        document: { outcome: 'late', limit: 'queuedFor', status: 'Queued' },
      },
    ],
    [
      'running, when it has ended',
      slow({ queuedAt: inTime }, beganEarly),
      'runningFor',
      {
        title: 'Late in production, was still running: Nightly site publish',
        summary:
          'It had been running for 1 h 31 min, and the limit is 1 h; it has ended since then, and its status is Completed.',
        context: { time: { words: 'was running since', at: '2026-01-20T10:30:00.000Z' } },
        document: { outcome: 'late', limit: 'runningFor', status: 'Running' },
      },
    ],
    [
      'queued, when it is lost',
      after([0, read(waiting)], [minute, notFound], [11 * minute, notFound]),
      'queuedFor',
      {
        title: 'Late in production, was still queued: Nightly site publish',
        summary: 'It had been queued for 31 min, and the limit is 30 min; the notifier no longer watches it.',
      },
    ],
    [
      'standing still, when it has ended',
      slow({ queuedAt: inTime }, { startedAt: inTime }),
      'noProgressFor',
      {
        title: 'Stuck in production, was without progress: Nightly site publish',
        context: { time: { words: 'had no progress since', at: '2026-01-20T12:01:00.000Z' } },
        document: { outcome: 'stuck', limit: 'noProgressFor', limitMinutes: 15, since: '2026-01-20T12:01:00.000Z' },
      },
    ],
  ])(
    'says what it exceeds, since when, and with which counters, in the past if that is over: %s',
    (_, record, limit, message) => {
      const outcome = record.exceeded?.[limit]?.decision.outcome as Outcome;
      const shown = messageOf(record, { outcome, limit, channel: 'team', jobUrl: undefined });
      expect(shown).toMatchObject(message);
      expect(shown.document).toMatchObject({
        finishedAt: null,
        durationSeconds: null,
        exceeded: [],
        correction: false,
      });
    },
  );

  test.each<[sentence: string, record: JobRecord, said: string[], exceeded: TimeLimit[]]>([
    ['in time', slow({ queuedAt: inTime }, began), [], []],
    ['queued', slow({}, began), ['was late: queued over 30 min'], ['queuedFor']],
    [
      'queued, and running',
      slow({}, beganEarly),
      ['was late: queued over 30 min', 'was late: ran over 1 h'],
      ['queuedFor', 'runningFor'],
    ],
    [
      'queued, and standing still',
      slow({}, { startedAt: inTime }),
      ['was late: queued over 30 min', 'was stuck over 15 min'],
      ['queuedFor', 'noProgressFor'],
    ],
  ])('says so when it ends, and how long it took: %s', (_, record, said, exceeded) => {
    const message = told(record, 'completed');
    expect(message.context.facts).toEqual(['Release pipeline', 'Pages', '4 min', '103 items', '40 skipped', ...said]);
    expect(message.document).toMatchObject({
      exceeded,
      limit: null,
      limitMinutes: null,
      since: null,
      durationSeconds: 245,
    });
  });

  test('that was lost and is found again is said to have been lost', () => {
    const job = read(jobOf('Running'));
    const found = after([0, job], [minute, notFound], [11 * minute, notFound], [12 * minute, job]);
    expect(told(found, 'lostTrack').summary).toBe(
      'Sitecore did not recognize this job, and it was found again later: its status is Running.',
    );
  });

  test('is not said to be over when it is lost', () => {
    const lost = after([0, read(waiting)], [minute, notFound], [11 * minute, notFound]);
    expect(lineOf(told(lost, 'lostTrack'))).not.toContain('late');
    expect(told(lost, 'lostTrack').document).toMatchObject({ exceeded: [], since: '2026-01-20T12:01:00.000Z' });
  });

  test('has one deduplication id per time limit', () => {
    const ids = [undefined, ...timeLimitNames].map((limit) => deduplicationId(name, 'late', 'team', limit));
    expect(new Set(ids).size).toBe(ids.length);
    expect(told(records.late).document.deduplicationId).toBe(deduplicationId(name, 'late', 'team', 'queuedFor'));
    expect(deduplicationId(name, 'late', 'team', 'queuedFor')).toBe(
      sha256('production#job_41B25\nlate\nteam\nqueuedFor'),
    );
  });

  test.each<[minutes: number, said: string]>([
    [1, '1 min'],
    [1.55, '1 min 33 s'],
    [90, '1 h 30 min'],
  ])('says the limit in words: %d, %s', (queuedFor, said) => {
    const longAgo = jobOf('Queued', { queuedAt: '2026-01-20T10:00:00.000Z', finishedAt: null });
    const record = after([0, read(longAgo), { timeLimits: [{ queuedFor }] }]);
    expect(told(record).summary).toContain(` for 2 h, and the limit is ${said}.`);
  });
});

describe('a job that is lost', () => {
  test.each<[sentence: string, record: JobRecord, summary: string, since: string]>([
    [
      'its own failures',
      after([0, read(jobOf('Queued'))], [day, unreadable], [8 * day, unreadable]),
      'The job is unreadable: its last known status is Queued, and how it ended is unknown.',
      'unreadable since 2026-01-21 12:00 UTC',
    ],
    [
      'failures from the beginning',
      after([0, unreadable], [7 * day, unreadable]),
      'The job is unreadable: it was never read, and how it ended is unknown.',
      'unreadable since 2026-01-20 12:00 UTC',
    ],
    // It was read well for two days, so "since first seen" would be false.
    [
      'an environment that could not be asked',
      after(
        [0, read(jobOf('Running'))],
        [9 * day, { kind: 'notAsked', error: 'rests', since: new Date(start + 2 * day).toISOString() }],
      ),
      'The job is unreadable: its last known status is Running, and how it ended is unknown.',
      'unreadable since 2026-01-22 12:00 UTC',
    ],
    [
      'an environment that could not be asked, from the beginning',
      after(
        [0, { kind: 'notAsked', error: 'rests', since: null }],
        [7 * day, { kind: 'notAsked', error: 'rests', since: new Date(start - day).toISOString() }],
      ),
      'The job is unreadable: it was never read, and how it ended is unknown.',
      'unreadable since 2026-01-20 12:00 UTC',
    ],
  ])('says since when, and what was last read: %s', (_, record, summary, since) => {
    expect(told(record, 'lostTrack').summary).toBe(summary);
    expect(lineOf(told(record, 'lostTrack'))).toContain(since);
  });

  const denied: [number, Reading][] = [
    [0, read(jobOf('Running'))],
    [minute, notFound],
    [11 * minute, notFound],
  ];
  const failed: [number, Reading][] = [
    [0, read(jobOf('Running'))],
    [day, unreadable],
    [8 * day, unreadable],
  ];
  // The message may still have to be sent when the job was found again: its sentences say so, its document does not.
  test.each<[sentence: string, record: JobRecord, summary: RegExp]>([
    [
      'unknown, and then completed',
      after(...denied, [day, read(jobOf('Completed')), asked]),
      /^Sitecore did not recognize this job, .+ its status is Completed\.$/,
    ],
    [
      'unreadable, and then failed',
      after(...failed, [9 * day, read(jobOf('Failed')), asked]),
      /^The job was unreadable, .+ its status is Failed\.$/,
    ],
  ])('is said to have been found again: %s', (_, record, summary) => {
    expect(record.deliveries['lostTrack/team']?.state).toBe('pending');
    expect(told(record, 'lostTrack').summary).toMatch(summary);
    expect(told(record, 'lostTrack').document.status).toBe('Running');
  });
});

describe('an outcome that the record holds no decision of', () => {
  const record = after([0, read(bareJob('Queued'))]);

  test('is announced with the known facts about the job', () => {
    const message = told(record, 'failed');
    expect(message).toMatchObject({
      title: 'Failed in production: job_41B25',
      context: { facts: [], time: { words: '', at: record.firstSeenAt }, jobId: 'job_41B25' },
      mention: null,
      document: { outcome: 'failed', status: 'Queued', previousStatus: null, reason: 'finished', correction: false },
    });
  });

  test.each<[Outcome, summary: string]>([
    ['completedWithWarnings', 'Some items failed and were not published; the rest is published.'],
    ['publishedNothing', 'Sitecore skipped every item.'],
    ['lostTrack', 'How it ended is unknown.'],
    ['late', 'It has not ended.'],
    ['trouble', 'A part of the notifier does not work.'],
  ])('says no more than is known: %s', (outcome, summary) => {
    expect(told(record, outcome).summary).toBe(summary);
  });
});

describe('the context line', () => {
  const published = { type: 'Site', mode: 'Smart', locales: ['en', 'de'] };

  test('says who, from where, what, how long, how many, when, and the id at the end', () => {
    const job = jobOf('Canceled', { published, statistics: counted({ failed: 2 }) });
    expect(lineOf(told(after([0, read(job)])))).toBe(
      'Release pipeline · canceled by Alex Example · Pages · Site · Smart · en, de · 4 min · 103 items · 2 failed · ' +
        '40 skipped · 2026-01-20 11:54 UTC · job_41B25',
    );
  });

  test.each([
    [{ published: { ...published, locales: ['en', 'de', 'fr'] } }, 'Site · Smart · en, de, fr · 4 min'],
    [
      { published: { ...published, locales: ['en', 'de', 'fr', 'it'] } },
      'Site · Smart · en, de, fr and 1 more · 4 min',
    ],
    [{ startedAt: '2026-01-19T10:50:05.000Z' }, ' · 25 h 4 min · '],
    [{ startedAt: '2026-01-20T11:53:10.000Z' }, ' · 1 min · '],
    [{ statistics: counted({ processed: 1_234_567 }) }, ' · 1,234,567 items · '],
  ])('is short: %o', (values, shown) => {
    expect(lineOf(told(after([0, read(jobOf('Completed', values))])))).toContain(shown);
  });

  test('leaves out what is not known', () => {
    const message = told(after([0, read(bareJob('Failed'))]));
    expect(message.title).toBe('Failed in production: job_41B25');
    expect(lineOf(message)).toBe('2026-01-20 12:00 UTC · job_41B25');
  });

  test('of a notice about the notifier has the time, and no id', () => {
    expect(lineOf(told(records.trouble))).toBe('since 2026-01-20 12:00 UTC');
  });

  test.each<[sentence: string, times: Partial<Job>, took: string | undefined, seconds: number | null]>([
    ['no time', { startedAt: '2026-01-20T11:54:10.000Z' }, '0 s', 0],
    ['a moment', { startedAt: '2026-01-20T11:54:09.600Z' }, '0 s', 0],
    ['seconds', { startedAt: '2026-01-20T11:53:25.000Z' }, '45 s', 45],
    ['minutes, without seconds', { startedAt: '2026-01-20T11:50:25.000Z' }, '4 min', 225],
    ['hours, without seconds', { startedAt: '2026-01-20T09:51:07.000Z' }, '2 h 3 min', 7_383],
    ['days, in hours', { startedAt: '2026-01-18T10:54:10.000Z' }, '49 h', 176_400],
    ['an unknown start', { startedAt: null }, undefined, null],
    ['an unknown end', { finishedAt: null }, undefined, null],
    ['an end before the start', { finishedAt: '2026-01-20T11:50:04.000Z' }, undefined, null],
  ])('says how long it took: %s', (_, times, took, seconds) => {
    const message = told(after([0, read(jobOf('Failed', times))]));
    expect(message.context.facts.find((fact) => /^\d+ (s|min|h)\b/.test(fact))).toBe(took);
    expect(message.document.durationSeconds).toBe(seconds);
  });

  const none = { sent: null, processed: null, failed: null, skipped: null };
  test.each<[sentence: string, status: string, counts: Partial<Statistics>, shown: string[]]>([
    ['large numbers are grouped', 'Failed', { processed: 19_000, failed: 999 }, ['19,000 items', '999 failed']],
    ['zeros of failed and skipped are not shown', 'Canceled', { processed: 1, skipped: 0 }, ['1 item']],
    ['more processed than sent is shown as it is', 'Canceled', { sent: 7_821, processed: 7_848 }, ['7,848 items']],
    ['what was sent stands in for an unknown number', 'Failed', { ...none, sent: 12 }, ['12 items']],
    ['an ended job may have had none', 'Failed', { processed: 0 }, ['0 items']],
    ['unknown ones are not shown', 'Canceled', none, []],
  ])('counts: %s', (_, status, counts, shown) => {
    const statistics = counted({ skipped: 0, ...counts });
    const { facts } = told(after([0, read(jobOf(status, { statistics }))])).context;
    expect(facts.slice(facts.indexOf('4 min') + 1)).toEqual(shown);
  });

  test.each<[sentence: string, asOf: string | null, shown: string]>([
    ['before the end', '2026-01-20T11:54:00.000Z', '103 items so far'],
    ['at the end', '2026-01-20T11:54:10.000Z', '103 items'],
    ['at an unknown time', null, '103 items'],
  ])('says whether the items were counted %s', (_, asOf, shown) => {
    const message = told(after([0, read(jobOf('Completed', { statistics: counted({ asOf }) }))]));
    expect(message.context.facts).toContain(shown);
  });

  test('does not count the items of a job that still waits', () => {
    const record = after([0, read({ ...waiting, statistics: counted({ processed: 0, skipped: 0 }) })]);
    expect(told(record).context.facts).toEqual(['Release pipeline', 'Pages']);
  });

  test('names three locales', () => {
    const locales = ['en', 'de', 'fr', 'pl', 'cs'];
    const job = jobOf('Failed', { published: { type: null, mode: null, locales } });
    expect(told(after([0, read(job)])).context.facts[2]).toBe('en, de, fr and 2 more');
  });

  test('holds no percentage, whatever the counters are', () => {
    const count = fc.option(fc.nat());
    const counts = fc.record({ sent: count, processed: count, failed: count, skipped: count, deleted: count });
    fc.assert(
      fc.property(fc.constantFrom('Completed', 'Failed', 'Canceled'), counts, (status, values) => {
        const message = told(after([0, read(jobOf(status, { statistics: counted(values) }))]));
        expect(JSON.stringify(message)).not.toMatch(/%|NaN|undefined|percent/i);
      }),
    );
  });
});

describe('the link', () => {
  const tenant = { organizationId: 'org_1', tenantId: '0f8f-4' };
  const portal = 'https://app.sitecorecloud.io/?organization=org_1&tenantId=0f8f-4';
  const { jobId: _, ...unread } = after([0, unreadable], [7 * day, unreadable]);

  test.each<
    [sentence: string, jobUrl: string | undefined, job: Partial<Job>, label: string | null, url: string | null]
  >([
    [
      'the template, with the id encoded',
      'https://e.org/{jobId}?j={jobId}',
      {},
      'Open the job',
      'https://e.org/a%3A1?j=a%3A1',
    ],
    [
      'every placeholder',
      'https://e.org/{organizationId}/{tenantId}/{jobId}',
      tenant,
      'Open the job',
      'https://e.org/org_1/0f8f-4/a%3A1',
    ],
    ['nothing, if a value is missing', 'https://e.org/{tenantId}/{jobId}', { tenantId: null }, null, null],
    ['the Cloud Portal, without a template', undefined, tenant, 'Open the Cloud Portal', portal],
    ['nothing, without a template and a tenant', undefined, { organizationId: 'org_1' }, null, null],
  ])('is %s', (_, jobUrl, values, label, url) => {
    const record = { ...after([0, read(jobOf('Failed', values))]), jobId: 'a:1' };
    const { link, document } = told(record, 'failed', jobUrl);
    expect(link).toEqual(url && { label, url });
    // The document has the address of the job alone.
    expect(document.url).toBe(jobUrl ? url : null);
  });

  test('is none in a notice about the notifier, and needs no tenant for a job that was never read', () => {
    expect(told(records.trouble, 'trouble', 'https://e.org/{jobId}').link).toBeNull();
    expect(told({ ...unread, jobId: 'a' }, 'lostTrack', 'https://e.org/{jobId}').link?.url).toBe('https://e.org/a');
    expect(told({ ...unread, jobId: 'a' }, 'lostTrack').link).toBeNull();
  });
});

describe('the document for machines', () => {
  const schema = JSON.parse(readFileSync('docs/message.schema.json', 'utf8'));
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  formats.default(ajv);
  const validate = ajv.compile(schema);
  const problems = (document: unknown): string[] =>
    validate(document) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);

  test.each([...outcomes, 'test', 'trouble', 'recovered'] as const)('of %s is what its schema says', (outcome) => {
    const { document } = told(records[outcome], outcome, 'https://example.org/jobs/{jobId}');
    expect(problems(JSON.parse(JSON.stringify(document)))).toEqual([]);
  });

  test('of a job of which nothing is known is what its schema says', () => {
    const lost = after([0, unreadable], [7 * day, unreadable]);
    for (const record of [lost, ...['Completed', 'Failed', 'Canceled'].map((is) => after([0, read(bareJob(is))]))]) {
      expect(problems(told(record).document)).toEqual([]);
    }
  });

  test('holds exactly the members of version 1', () => {
    const { document } = told(records.completed);
    expect(document).toEqual({
      version: 1,
      jobId: 'job_41B25',
      environment: 'production',
      outcome: 'completed',
      status: 'Completed',
      previousStatus: 'Running',
      reason: 'finished',
      name: 'Nightly site publish',
      source: 'Pages',
      startedBy: 'Release pipeline',
      canceledBy: null,
      queuedAt: '2026-01-20T11:50:00.000Z',
      startedAt: '2026-01-20T11:50:05.000Z',
      finishedAt: '2026-01-20T11:54:10.000Z',
      durationSeconds: 245,
      statistics: counted(),
      url: null,
      correction: false,
      deduplicationId: deduplicationId(name, 'completed', 'team'),
      limit: null,
      limitMinutes: null,
      since: null,
      exceeded: [],
      published: null,
    });
    expect(Object.keys(document).sort()).toEqual([...schema.required, 'published'].sort());
    expect(Object.keys(document.statistics ?? {}).sort()).toEqual([...schema.properties.statistics.required].sort());
  });

  test('has a description for every member', () => {
    const members: [string, { description?: string }][] = [
      ...Object.entries<{ description?: string }>(schema.properties),
      ...Object.entries<{ description?: string }>(schema.properties.statistics.properties),
    ];
    expect(members.filter(([, { description = '' }]) => !description.endsWith('.')).map(([member]) => member)).toEqual(
      [],
    );
    expect(members.map(([member]) => member)).toEqual([
      ...schema.required,
      'trouble',
      'published',
      ...schema.properties.statistics.required,
    ]);
  });

  test.each<[sentence: string, change: (document: JobDocument) => object, problem: string]>([
    ['another version', (document) => ({ ...document, version: 2 }), '/version must be equal to constant'],
    [
      'a time that is none',
      (document) => ({ ...document, finishedAt: 'yesterday' }),
      '/finishedAt must match format "date-time"',
    ],
    [
      'a member that is missing',
      ({ correction: _, ...document }) => document,
      " must have required property 'correction'",
    ],
  ])('would be refused with %s', (_, change, problem) => {
    expect(problems(change(told(records.completed).document))).toEqual([problem]);
  });

  test('may get more members within its version', () => {
    const { document } = told(records.completed);
    expect(problems({ ...document, added: true, statistics: { ...document.statistics, added: 1 } })).toEqual([]);
  });
});

describe('a notice about the notifier', () => {
  const consequences = {
    environment: 'Nobody is notified of the jobs of this environment until it can be read again',
    discovery: 'New jobs are noticed only if they are handed over by their ids, until the list can be read again',
    channel: 'Messages to this channel wait until it works again',
  };

  test.each([
    ['environment', 'answered 401. Check it', 'environment main', 'answered 401. Check it.'],
    ['discovery', 'answered 403.', 'discovery in environment main', 'answered 403.'],
    ['channel', 'gone…', 'channel main', 'gone…'],
  ] as const)('names the %s, and says what follows and why', (kind, reason, subject, shown) => {
    const one = { kind, name: 'main', reason, since: iso(start) };
    const message = told(troubleRecord(name, one, ['team'], contextOf(16 * minute)));
    expect(message.title).toBe(`Not working: ${subject}`);
    expect(message.summary).toBe(`${consequences[kind]}: ${shown}`);
    expect(message.document.trouble).toEqual(one);
    expect(message.context).toEqual({ facts: [], time: { words: 'since', at: one.since }, jobId: null });
  });
});

describe('a message about an earlier decision', () => {
  const earlier = someDecision({ outcome: 'completedWithWarnings' });
  const corrected = someRecord({
    job: jobOf('Completed'),
    decision: someDecision({ corrects: 'completedWithWarnings', mentioned: jane, recipient: jane }),
    superseded: { completedWithWarnings: { decision: earlier, job: null } },
    deliveries: { 'completedWithWarnings/team': someDelivery() },
  });

  test('is not the latest one; nor are delays and starts', () => {
    expect(told(corrected, 'completed').isLatest).toBe(true);
    expect(told(corrected, 'completedWithWarnings').isLatest).toBe(false);
    expect(told(records.started).isLatest).toBe(false);
    expect(told({ ...records.stuck, decision: someDecision({ outcome: 'stuck' }) }, 'stuck').isLatest).toBe(false);
  });

  test('is corrected in a sentence, also if there is nothing more to say', () => {
    expect(told(corrected, 'completed')).toMatchObject({
      summary: 'This corrects “Completed with warnings”.',
      mentioned: jane,
      recipient: jane,
      decidedAt: corrected.decision?.at,
      document: { correction: true },
    });
    expect(told(corrected, 'completedWithWarnings')).toMatchObject({ mentioned: null, recipient: null });
  });

  test('about a job that was lost says since when, and that it was found again', () => {
    const job = read(jobOf('Running'));
    const lost = after([0, job], [minute, notFound], [11 * minute, notFound]);
    expect(lineOf(told(lost))).toContain(' · not found since 2026-01-20 12:01 UTC');
    const found = after([0, job], [minute, notFound], [11 * minute, notFound], [12 * minute, job]);
    expect(lineOf(told(found, 'lostTrack'))).toContain(' · was not found since 2026-01-20 12:01 UTC');
  });
});

describe('the deduplication id', () => {
  const jobs = [
    { environment: 'production', jobId: 'job_1' },
    { environment: 'production', jobId: 'job_2' },
    { environment: 'staging', jobId: 'job_1' },
  ];
  const ids = jobs.flatMap((job) =>
    outcomes.flatMap((outcome) => ['team', 'events'].map((channel) => deduplicationId(job, outcome, channel))),
  );

  test('is another one for each job, outcome and channel', () => {
    expect(new Set(ids).size).toBe(jobs.length * outcomes.length * 2);
  });

  // SHA-256 of "production#job_41B25\ncompleted\nteam". Another value after an upgrade would let a repetition through.
  test('is the same in every version of this project', () => {
    expect(deduplicationId(name, 'completed', 'team')).toBe(
      '4dc8d6fa0183e3c8a82aa9126993e24032278d32f4ee988749ac5d46c61c6373',
    );
  });

  test('stays the same whatever else changes about the job', () => {
    const record = records.completed;
    const later = { ...record, revision: 99, job: jobOf('Completed', { name: 'renamed', statistics: null }) };
    expect(told(later).document.deduplicationId).toBe(told(record).document.deduplicationId);
    expect(told(record).document.deduplicationId).toBe(deduplicationId(name, 'completed', 'team'));
  });
});

test('a moment is shown in UTC, and says so', () => {
  expect(inUtc('2026-01-20T11:54:10.000Z')).toBe('2026-01-20 11:54 UTC');
});
