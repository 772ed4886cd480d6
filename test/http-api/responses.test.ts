import { describe, expect, test } from 'vitest';
import type { Decision, Delivery, Job, JobRecord, Reading, Transition } from '../../lib/domain/job.ts';
import { acceptedResponse, detailsOf, isOnlyAccepted, jsonResponse, responseOf } from '../../lib/http-api/responses.ts';
import type { Checked } from '../../lib/pipeline/check.ts';

const at = '2026-01-20T12:00:00.000Z';
const job: Job = {
  status: 'Completed',
  name: 'Nightly site publish',
  source: 'Pages',
  startedBy: 'Release pipeline',
  startedByType: 'Application',
  canceledBy: null,
  queuedAt: at,
  startedAt: at,
  finishedAt: at,
  statistics: null,
};
const decision: Decision = {
  reason: 'finished',
  outcome: 'completed',
  status: 'Completed',
  previousStatus: 'Running',
  corrects: null,
  at,
  since: null,
  channels: ['team', 'events'],
  mention: null,
  rule: 'rules[0]',
};
const sent: Delivery = {
  state: 'sent',
  attempts: 2,
  createdAt: at,
  nextAt: null,
  at,
  receipt: 'ok',
  error: null,
  ambiguousSince: at,
};
const pending: Delivery = {
  ...sent,
  state: 'pending',
  nextAt: at,
  receipt: null,
  error: 'answered 500',
  ambiguousSince: null,
};
const record: JobRecord = {
  environment: 'production',
  jobId: 'job_41B25',
  revision: 7,
  writer: 'writer',
  status: 'Completed',
  job,
  firstSeenAt: at,
  changedAt: at,
  notFoundSince: null,
  check: { failures: 0, error: null, nextAt: null, failingSince: null },
  watch: 'jobs',
  dueAt: 1,
  pendingAt: at,
  lease: { owner: 'owner', since: 1, until: 2 },
  decision,
  superseded: {},
  exceeded: null,
  progress: null,
  deliveries: { 'completed/team': sent, 'completed/events': pending },
  expiresAt: null,
};
const unknown: JobRecord = { ...record, status: null, job: null, decision: null, deliveries: {} };
const transition: Transition = {
  reason: 'finished',
  previousStatus: 'Running',
  outcome: 'completed',
  corrects: null,
  announce: true,
};
const checked = (values: Partial<Checked> = {}): Checked => ({
  record,
  transition,
  previousStatus: 'Running',
  reading: { kind: 'job', job },
  ...values,
});
const toBeRead: JobRecord = { ...unknown, check: { ...unknown.check, nextAt: at } };

describe('what a caller is told of a check', () => {
  test('has exactly the members of the contract', () => {
    expect(responseOf(checked())).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: 'Completed',
      previousStatus: 'Running',
      changed: true,
      watching: true,
      outcome: 'completed',
      deliveries: [
        { channel: 'events', outcome: 'completed', state: 'pending' },
        { channel: 'team', outcome: 'completed', state: 'sent' },
      ],
    });
  });

  test('has the same members when nothing is known, each of them null', () => {
    expect(responseOf(checked({ record: unknown, transition: null, previousStatus: null }))).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: null,
      previousStatus: null,
      changed: false,
      watching: true,
      outcome: null,
      deliveries: [],
    });
  });

  test.each<[JobRecord['watch'], boolean]>([
    ['jobs', true],
    ['dead', false],
    [null, false],
  ])('says whether there is something to wait for: watch %s, %s', (watch, watching) => {
    expect(responseOf(checked({ record: { ...record, watch } })).watching).toBe(watching);
    expect(detailsOf({ ...record, watch })).toMatchObject({ watching });
  });

  test('names every delivery of every outcome', () => {
    const corrected = { ...record.deliveries, 'failed/team': pending, 'lostTrack/team': sent };
    const { deliveries } = responseOf(checked({ record: { ...record, deliveries: corrected } }));
    expect(deliveries.map(({ outcome, channel }) => `${outcome}/${channel}`)).toEqual([
      'completed/events',
      'completed/team',
      'failed/team',
      'lostTrack/team',
    ]);
  });
});

describe('what the table tells of a job', () => {
  test('has exactly the members of the contract', () => {
    const { state, attempts, createdAt, nextAt, receipt, error } = sent;
    expect(detailsOf(record)).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: 'Completed',
      previousStatus: 'Running',
      watching: true,
      outcome: 'completed',
      job,
      decision,
      check: record.check,
      deliveries: [
        {
          channel: 'events',
          outcome: 'completed',
          state: 'pending',
          attempts: 2,
          createdAt,
          nextAt: at,
          at,
          receipt: null,
          error: 'answered 500',
          ambiguous: false,
        },
        {
          channel: 'team',
          outcome: 'completed',
          state,
          attempts,
          createdAt,
          nextAt,
          at,
          receipt,
          error,
          ambiguous: true,
        },
      ],
    });
  });

  test('has the limits that the job exceeded, if there are any, in the order in which that was noticed', () => {
    const excess = (minutes: number, at: string) => ({ minutes, decision: { ...decision, at }, job });
    const exceeded = { runningFor: excess(60, '2026-01-20T13:00:00.000Z'), noProgressFor: excess(20, at) };
    const delayed = { ...record, exceeded, deliveries: { 'late/team/runningFor': sent, 'completed/team': sent } };
    expect(detailsOf(delayed)).toMatchObject({
      decision,
      exceeded: [
        { limit: 'noProgressFor', minutes: 20, ...decision, at },
        { limit: 'runningFor', minutes: 60, ...decision, at: '2026-01-20T13:00:00.000Z' },
      ],
      deliveries: [
        { outcome: 'completed', channel: 'team' },
        { outcome: 'late', channel: 'team', limit: 'runningFor' },
      ],
    });
    expect(
      responseOf({ record: delayed, transition, previousStatus: null, reading: { kind: 'job', job } }).deliveries,
    ).toEqual([
      { outcome: 'completed', channel: 'team', state: 'sent' },
      { outcome: 'late', channel: 'team', limit: 'runningFor', state: 'sent' },
    ]);
  });

  test('has the same members when nothing is known', () => {
    expect(detailsOf(unknown)).toEqual({
      jobId: 'job_41B25',
      environment: 'production',
      status: null,
      previousStatus: null,
      watching: true,
      outcome: null,
      job: null,
      decision: null,
      check: unknown.check,
      deliveries: [],
    });
  });
});

describe('a job whose environment rests', () => {
  const cooldown = { until: Date.parse('2026-01-01T10:15:00Z'), failures: 3, reason: 'a token was refused', since: at };
  const error = 'the environment rests: a token was refused';

  test('says so, and until when', () => {
    const check = { ...toBeRead.check, error, nextAt: '2026-01-01T10:15:00.000Z' };
    expect(detailsOf(toBeRead, cooldown)).toMatchObject({ check });
  });

  test('says nothing of it when nothing more is read', () => {
    const check = { ...record.check, nextAt: null };
    expect(detailsOf({ ...record, check }, cooldown)).toMatchObject({ check });
  });
});

describe('whether a check is only accepted', () => {
  test.each<[sentence: string, reading: Reading, record: JobRecord, expected: boolean]>([
    ['a job that was read is not', { kind: 'job', job }, record, false],
    ['a job that was read and is watched on is not', { kind: 'job', job }, toBeRead, false],
    ['a job that the API does not know yet is', { kind: 'notFound', error: '' }, toBeRead, true],
    ['a job that could not be read is', { kind: 'unreadable', error: '' }, toBeRead, true],
    ['a job whose environment rests is', { kind: 'notAsked', error: '', since: null }, toBeRead, true],
    ['a job that has ended is not, whatever the API says now', { kind: 'unreadable', error: '' }, record, false],
  ])('%s', (_, reading, of, expected) => {
    expect(isOnlyAccepted(checked({ reading, record: of }))).toBe(expected);
  });
});

describe('an answer that only accepts', () => {
  const answered = (reading: Reading) => {
    const {
      statusCode,
      headers,
      body = '',
    } = acceptedResponse(checked({ reading, record: toBeRead, transition: null }));
    return { statusCode, headers, body: JSON.parse(body) };
  };

  test('has the members of the contract, and a detail', () => {
    const { statusCode, body } = answered({ kind: 'unreadable', error: 'Publishing API of production: answered 500' });
    const { detail, ...members } = body;
    expect(statusCode).toBe(202);
    expect(members).toEqual(responseOf(checked({ record: toBeRead, transition: null })));
    expect(detail).toMatch(/^Recorded, .*Publishing API of production: answered 500$/);
  });

  test.each<[reading: Reading, seconds: string]>([
    [{ kind: 'notFound', error: 'no such job' }, '60'],
    [{ kind: 'unreadable', error: 'answered 500' }, '60'],
    [{ kind: 'unreadable', error: 'answered 503', retryAfterMs: 30_000 }, '30'],
    [{ kind: 'notAsked', error: 'rests', since: null, retryAfterMs: 1_001 }, '2'],
    [{ kind: 'notAsked', error: 'rests', since: null }, '60'],
  ])('says when to ask again, in whole seconds: %o, %s', (reading, seconds) => {
    expect(answered(reading).headers).toEqual({ 'content-type': 'application/json', 'retry-after': seconds });
  });
});

test('an answer is JSON, and says so', () => {
  expect(jsonResponse(200, { status: null })).toEqual({
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: '{"status":null}',
  });
});
