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
import { inUtc } from '../../lib/domain/wording.ts';
import { decideNext } from '../../lib/pipeline/check.ts';
import {
  bareJob,
  contextAt,
  day,
  iso,
  minute,
  jobName as name,
  notFound,
  someJob,
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
const facts = (message: Message): Record<string, string> =>
  Object.fromEntries(message.facts.map((fact) => [fact.label, 'moment' in fact ? fact.moment : fact.text]));

const waiting = jobOf('Queued', { queuedAt: '2026-01-20T11:29:00.000Z', startedAt: null, finishedAt: null });
const standing = jobOf('Running', { finishedAt: null });

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
  test.each<[Outcome, title: string, summary: string]>([
    ['completed', 'Completed: Nightly site publish', 'The content is published.'],
    [
      'completedWithWarnings',
      'Completed with warnings: Nightly site publish',
      'The job completed, but 2 items failed and were not published. The rest is published.',
    ],
    [
      'publishedNothing',
      'Completed, published nothing: Nightly site publish',
      'The job completed but published nothing: Sitecore skipped all 40 items.',
    ],
    [
      'failed',
      'Failed: Nightly site publish',
      'The whole job failed. The API gives no cause: check the job in Sitecore before you publish again.',
    ],
    [
      'canceled',
      'Canceled: Nightly site publish',
      'The job was canceled before it finished. Items that were already published stay published.',
    ],
    [
      'lostTrack',
      'Lost track: Nightly site publish',
      'Sitecore has not recognized this job since 2026-01-20 12:01 UTC. Its last known status is Running. How it ended is unknown.',
    ],
    [
      'late',
      'Late, still queued: Nightly site publish',
      'The job has not started: it has been queued for 31 min. The limit is 30 min. The notifier keeps watching it.',
    ],
    [
      'stuck',
      'Stuck: Nightly site publish',
      'The job is running, but its counters and their report time have not changed for 16 min. ' +
        'The limit is 15 min. The notifier keeps watching it.',
    ],
    [
      'trouble',
      'Not working: channel events',
      'Messages to this channel are not accepted. The notifier keeps them, and sends them once the channel works again.',
    ],
    ['started', 'Started: Nightly site publish', 'The job is running.'],
    ['recovered', 'Works again: channel events', 'The notifier has caught up or does so now. Nothing is to be done.'],
    ['test', 'TEST: job_41B25', 'This is a test of the notifier: messages reach this channel. Nothing was published.'],
  ])('%s', (outcome, title, summary) => {
    expect(told(records[outcome])).toMatchObject({ title, summary, document: { outcome, correction: false } });
  });

  test.each<[sentence: string, counts: Partial<Statistics>, summary: string]>([
    [
      'one failed item',
      { failed: 1 },
      'The job completed, but 1 item failed and was not published. The rest is published.',
    ],
    [
      'many failed items',
      { failed: 12_345 },
      'The job completed, but 12,345 items failed and were not published. The rest is published.',
    ],
    [
      'one skipped item',
      { processed: 0, skipped: 1 },
      'The job completed but published nothing: Sitecore skipped the only item.',
    ],
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
      title: 'Completed with warnings (correction): Nightly site publish',
      summary:
        'This corrects an earlier message, which said “Completed”. ' +
        'The job completed, but 2 items failed and were not published. The rest is published.',
      document: { outcome: 'completedWithWarnings', reason: 'corrected', correction: true, statistics: { failed: 2 } },
    });
  });

  test('is none for a channel that was never notified', () => {
    const { 'completed/team': _, ...others } = record.deliveries;
    const message = told({ ...record, deliveries: others });
    expect(message.title).toBe('Completed with warnings: Nightly site publish');
    expect(message.document).toMatchObject({ reason: 'corrected', correction: false });
  });

  test('leaves the message that it corrects as it was, should that still have to be sent', () => {
    const first = told(record, 'completed');
    expect(first).toMatchObject({
      title: 'Completed: Nightly site publish',
      summary: 'The content is published.',
      document: { outcome: 'completed', reason: 'firstSeenFinished', correction: false, statistics: stale },
    });
    expect(facts(first)).toMatchObject({ 'Counters as of': stale.asOf });
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
        facts: [
          { label: 'Environment', text: 'production' },
          { label: 'Source', text: 'Pages' },
          { label: 'Started by', text: 'Release pipeline' },
          { label: 'Queued since', moment: '2026-01-20T11:29:00.000Z' },
          { label: 'Noticed', moment: '2026-01-20T12:00:00.000Z' },
          { label: 'Items', text: '100 sent · 103 processed · 0 failed · 40 skipped · 3 additional' },
          { label: 'Counters as of', moment: '2026-01-20T11:59:30.000Z' },
          { label: 'Job', text: 'job_41B25' },
        ],
        document: { outcome: 'late', limit: 'queuedFor', limitMinutes: 30, since: '2026-01-20T11:29:00.000Z' },
      },
    ],
    [
      'running',
      after([0, read({ ...waiting, queuedAt: inTime })], [minute, read({ ...standing, ...beganEarly })]),
      'runningFor',
      {
        title: 'Late, still running: Nightly site publish',
        summary:
          'The job has not ended: it has been running for 1 h 31 min. The limit is 1 h. The notifier keeps watching it.',
        document: { outcome: 'late', limit: 'runningFor', limitMinutes: 60, since: '2026-01-20T10:30:00.000Z' },
      },
    ],
    [
      'queued, when it runs',
      after([0, read(waiting)], [minute, read(standing)]),
      'queuedFor',
      {
        title: 'Late, was still queued: Nightly site publish',
        summary:
          'The job had not started: it had been queued for 31 min. The limit is 30 min. Its status is Running now. The notifier keeps watching it.',
        document: { outcome: 'late', limit: 'queuedFor', status: 'Queued' },
      },
    ],
    [
      'running, when it has ended',
      slow({ queuedAt: inTime }, beganEarly),
      'runningFor',
      {
        title: 'Late, was still running: Nightly site publish',
        summary:
          'The job had not ended: it had been running for 1 h 31 min. The limit is 1 h. It has ended since then: its status is Completed.',
        facts: expect.arrayContaining([{ label: 'Was running since', moment: '2026-01-20T10:30:00.000Z' }]),
        document: { outcome: 'late', limit: 'runningFor', status: 'Running' },
      },
    ],
    [
      'queued, when it is lost',
      after([0, read(waiting)], [minute, notFound], [11 * minute, notFound]),
      'queuedFor',
      {
        title: 'Late, was still queued: Nightly site publish',
        summary:
          'The job had not started: it had been queued for 31 min. The limit is 30 min. The notifier no longer watches it.',
      },
    ],
    [
      'standing still, when it has ended',
      slow({ queuedAt: inTime }, { startedAt: inTime }),
      'noProgressFor',
      {
        title: 'Stuck, was without progress: Nightly site publish',
        facts: expect.arrayContaining([{ label: 'Had no progress since', moment: '2026-01-20T12:01:00.000Z' }]),
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
      expect(shown.facts.length).toBeLessThanOrEqual(10);
    },
  );

  test.each<[sentence: string, record: JobRecord, said: string, exceeded: TimeLimit[]]>([
    ['in time', slow({ queuedAt: inTime }, began), '', []],
    ['queued', slow({}, began), ' Earlier, it was late: in the queue for more than 30 min.', ['queuedFor']],
    [
      'queued, and running',
      slow({}, beganEarly),
      ' Earlier, it was late: in the queue for more than 30 min, running for more than 1 h.',
      ['queuedFor', 'runningFor'],
    ],
    [
      'standing still',
      slow({ queuedAt: inTime }, { startedAt: inTime }),
      ' Earlier, it was stuck: without progress for more than 15 min.',
      ['noProgressFor'],
    ],
    [
      'queued, and standing still',
      slow({}, { startedAt: inTime }),
      ' Earlier, it was late: in the queue for more than 30 min. Earlier, it was stuck: without progress for more than 15 min.',
      ['queuedFor', 'noProgressFor'],
    ],
  ])('says so when it ends, and how long it took: %s', (_, record, said, exceeded) => {
    const message = told(record, 'completed');
    expect(message.summary).toBe(`The content is published.${said}`);
    expect(message.document).toMatchObject({
      exceeded,
      limit: null,
      limitMinutes: null,
      since: null,
      durationSeconds: 245,
    });
    expect(facts(message)['Took']).toBe('4 min 5 s, after 5 s in the queue');
  });

  test('that was lost and is found again is said to have been lost', () => {
    const job = read(jobOf('Running'));
    const found = after([0, job], [minute, notFound], [11 * minute, notFound], [12 * minute, job]);
    expect(told(found, 'lostTrack').summary).toBe(
      'Sitecore did not recognize this job from 2026-01-20 12:01 UTC on. It was found again later: its status is Running.',
    );
  });

  test('is not said to be over when it is lost', () => {
    const lost = after([0, read(waiting)], [minute, notFound], [11 * minute, notFound]);
    expect(told(lost, 'lostTrack').summary).not.toContain('late');
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
    expect(told(record).summary).toContain(` for 2 h. The limit is ${said}. `);
  });
});

describe('a job that is lost', () => {
  test.each<[sentence: string, record: JobRecord, summary: string]>([
    [
      'its own failures',
      after([0, read(jobOf('Queued'))], [day, unreadable], [8 * day, unreadable]),
      'The job has been unreadable since 2026-01-21 12:00 UTC. Its last known status is Queued. How it ended is unknown.',
    ],
    [
      'failures from the beginning',
      after([0, unreadable], [7 * day, unreadable]),
      'The job has been unreadable since 2026-01-20 12:00 UTC. It was never read. How it ended is unknown.',
    ],
    // It was read well for two days, so "since first seen" would be false.
    [
      'an environment that could not be asked',
      after(
        [0, read(jobOf('Running'))],
        [9 * day, { kind: 'notAsked', error: 'rests', since: new Date(start + 2 * day).toISOString() }],
      ),
      'The job has been unreadable since 2026-01-22 12:00 UTC. Its last known status is Running. How it ended is unknown.',
    ],
    [
      'an environment that could not be asked, from the beginning',
      after(
        [0, { kind: 'notAsked', error: 'rests', since: null }],
        [7 * day, { kind: 'notAsked', error: 'rests', since: new Date(start - day).toISOString() }],
      ),
      'The job has been unreadable since 2026-01-20 12:00 UTC. It was never read. How it ended is unknown.',
    ],
  ])('says since when, and what was last read: %s', (_, record, summary) => {
    expect(told(record, 'lostTrack').summary).toBe(summary);
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
      /^Sitecore did not recognize this job from 2026-01-20 12:01 UTC on\. .+ its status is Completed\.$/,
    ],
    [
      'unreadable, and then failed',
      after(...failed, [9 * day, read(jobOf('Failed')), asked]),
      /^The job was unreadable from 2026-01-21 12:00 UTC on\. .+ its status is Failed\.$/,
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
      title: 'Failed: job_41B25',
      facts: [{ label: 'Environment', text: 'production' }],
      mention: null,
      document: { outcome: 'failed', status: 'Queued', previousStatus: null, reason: 'finished', correction: false },
    });
    expect(message.facts).toHaveLength(1);
  });

  test.each<[Outcome, summary: string]>([
    [
      'completedWithWarnings',
      'The job completed, but some items failed and were not published. The rest is published.',
    ],
    ['lostTrack', 'How the job ended is unknown.'],
    ['late', 'The job has not ended.'],
  ])('says no more than is known: %s', (outcome, summary) => {
    expect(told(record, outcome).summary).toBe(summary);
  });
});

describe('the facts', () => {
  test('say who, where, when, how long and how many', () => {
    expect(facts(told(records.canceled))).toEqual({
      Environment: 'production',
      Source: 'Pages',
      'Started by': 'Release pipeline',
      'Canceled by': 'Alex Example',
      Took: '4 min 5 s, after 5 s in the queue',
      Ended: '2026-01-20T11:54:10.000Z',
      Items: '100 sent · 103 processed · 0 failed · 40 skipped · 3 additional',
      Job: 'job_41B25',
    });
  });

  test('leave out what is not known', () => {
    const message = told(after([0, read(bareJob('Failed'))]));
    expect(message.title).toBe('Failed: job_41B25');
    expect(message.facts).toEqual([
      { label: 'Environment', text: 'production' },
      { label: 'Noticed', moment: new Date(start).toISOString() },
    ]);
  });

  test('of a job that was never read are its names', () => {
    const message = told(after([0, unreadable], [7 * day, unreadable]));
    expect(message.title).toBe('Lost track: job_41B25');
    expect(facts(message)).toEqual({ Environment: 'production', Noticed: new Date(start + 7 * day).toISOString() });
  });

  test.each<[sentence: string, times: Partial<Job>, took: string | undefined, seconds: number | null]>([
    ['no time', { startedAt: '2026-01-20T11:54:10.000Z', queuedAt: null }, '0 s', 0],
    ['a moment', { startedAt: '2026-01-20T11:54:09.600Z', queuedAt: null }, '0 s', 0],
    ['a minute', { startedAt: '2026-01-20T11:53:10.000Z', queuedAt: null }, '1 min', 60],
    ['hours, without seconds', { startedAt: '2026-01-20T09:51:07.000Z', queuedAt: null }, '2 h 3 min', 7_383],
    ['an hour and seconds', { startedAt: '2026-01-20T10:54:05.000Z', queuedAt: null }, '1 h 5 s', 3_605],
    ['days, in hours', { startedAt: '2026-01-18T10:54:10.000Z', queuedAt: null }, '49 h', 176_400],
    ['a wait in the queue', { queuedAt: '2026-01-20T10:50:05.000Z' }, '4 min 5 s, after 1 h in the queue', 245],
    ['no wait in the queue', { queuedAt: '2026-01-20T11:50:05.000Z' }, '4 min 5 s', 245],
    ['a wait that is negative', { queuedAt: '2026-01-20T11:51:00.000Z' }, '4 min 5 s', 245],
    ['an unknown start', { startedAt: null }, undefined, null],
    ['an unknown end', { finishedAt: null }, undefined, null],
    ['an end before the start', { finishedAt: '2026-01-20T11:50:04.000Z' }, undefined, null],
  ])('say how long it took: %s', (_, times, took, seconds) => {
    const message = told(after([0, read(jobOf('Failed', times))]));
    expect(facts(message)['Took']).toBe(took);
    expect(message.document.durationSeconds).toBe(seconds);
  });

  test.each<[sentence: string, counts: Partial<Statistics>, items: string]>([
    [
      'large numbers are grouped',
      { sent: 1_234_567, processed: 19_000, failed: 999, skipped: 1_000 },
      '1,234,567 sent · 19,000 processed · 999 failed · 1,000 skipped · 3 additional',
    ],
    [
      'unknown ones are dashes',
      { sent: null, processed: null, failed: null, skipped: null, additional: null },
      '– sent · – processed · – failed · – skipped',
    ],
    [
      'others are shown when there are some',
      { deleted: 7, additional: 0 },
      '100 sent · 103 processed · 0 failed · 40 skipped · 7 deleted',
    ],
    [
      'more processed than sent is shown as it is',
      { sent: 7_821, processed: 7_848, additional: null },
      '7,821 sent · 7,848 processed · 0 failed · 40 skipped',
    ],
  ])('count: %s', (_, counts, items) => {
    expect(facts(told(after([0, read(jobOf('Canceled', { statistics: counted(counts) }))])))['Items']).toBe(items);
  });

  test('hold no percentage, whatever the counters are', () => {
    const count = fc.option(fc.nat());
    const counts = fc.record({ sent: count, processed: count, failed: count, skipped: count, deleted: count });
    fc.assert(
      fc.property(fc.constantFrom('Completed', 'Failed', 'Canceled'), counts, (status, values) => {
        const message = told(after([0, read(jobOf(status, { statistics: counted(values) }))]));
        expect(JSON.stringify(message)).not.toMatch(/%|NaN|undefined|percent/i);
      }),
    );
  });

  test.each<[sentence: string, asOf: string | null, shown: string | undefined]>([
    ['older than the end: say as of when', '2026-01-20T11:54:00.000Z', '2026-01-20T11:54:00.000Z'],
    ['of the end: say no more', '2026-01-20T11:54:10.000Z', undefined],
    ['of an unknown time: can say no more', null, undefined],
  ])('of counters that are %s', (_, asOf, shown) => {
    const message = told(after([0, read(jobOf('Completed', { statistics: counted({ asOf }) }))]));
    expect(facts(message)['Counters as of']).toBe(shown);
  });

  test('are ten at most, as Slack shows no more', () => {
    const all = jobOf('Canceled', { statistics: counted({ asOf: '2026-01-20T11:00:00.000Z', deleted: 1 }) });
    expect(told(after([0, read(all)])).facts.length).toBeLessThanOrEqual(10);
  });
});

describe('the link', () => {
  test('is made from the template, with the id encoded', () => {
    const record = { ...records.failed, jobId: 'job:1;2~3' };
    const url = 'https://example.org/jobs/job%3A1%3B2~3?job=job%3A1%3B2~3';
    const message = told(record, 'failed', 'https://example.org/jobs/{jobId}?job={jobId}');
    expect([message.url, message.document.url]).toEqual([url, url]);
  });

  test('is absent without a template', () => {
    expect([told(records.failed).url, told(records.failed).document.url]).toEqual([null, null]);
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
    });
    expect(Object.keys(document).sort()).toEqual([...schema.required].sort());
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
