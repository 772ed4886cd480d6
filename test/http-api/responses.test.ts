import { describe, expect, test } from 'vitest';
import type { JobRecord, Reading } from '../../lib/domain/job.ts';
import { acceptedResponse, detailsOf, isOnlyAccepted, responseOf } from '../../lib/http-api/responses.ts';
import type { Checked } from '../../lib/pipeline/check.ts';
import {
  ago,
  sentDelivery,
  someCheck,
  someDecision,
  someDelivery,
  someJob,
  someRecord,
  someTransition,
} from '../support/builders.ts';

const at = ago(0);
const job = someJob('Completed', { queuedAt: at, startedAt: at, finishedAt: at, statistics: null });
const decision = someDecision({ at });
const sent = sentDelivery({ attempts: 2, ambiguousSince: at });
const pending = someDelivery({ attempts: 2, at, error: 'answered 500' });
const record = someRecord({
  status: 'Completed',
  job,
  check: someCheck({ nextAt: null }),
  pendingAt: at,
  lease: { owner: 'owner', since: 1, until: 2 },
  decision,
  deliveries: { 'completed/team': sent, 'completed/events': pending },
});
const unknown: JobRecord = { ...record, status: null, job: null, decision: null, deliveries: {} };
const transition = someTransition();
const checked = (values: Partial<Checked> = {}): Checked => ({
  record,
  transition,
  previousStatus: 'Running',
  reading: { kind: 'job', job },
  ...values,
});
const toBeRead: JobRecord = { ...unknown, check: { ...unknown.check, nextAt: at } };

describe('the response to a check', () => {
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

  test.each<[JobRecord['watch'], boolean]>([
    ['jobs', true],
    ['dead', false],
    [null, false],
  ])('says whether the job is watched: watch %s, %s', (watch, watching) => {
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

describe('the details of a job', () => {
  test('have exactly the members of the contract', () => {
    const { state, attempts, createdAt, nextAt, receipt, error, failingSince } = sent;
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
          failingSince: null,
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
          failingSince,
          ambiguous: true,
        },
      ],
    });
  });

  test('have the limits that the job exceeded, in the order of their decisions', () => {
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
});

describe('a job in a paused environment', () => {
  const cooldown = { until: Date.parse('2026-01-01T10:15:00Z'), failures: 3, reason: 'a token was refused', since: at };
  const error = 'the environment is paused: a token was refused';

  test('has the reason and the end of the pause', () => {
    const check = { ...toBeRead.check, error, nextAt: '2026-01-01T10:15:00.000Z' };
    expect(detailsOf(toBeRead, cooldown)).toMatchObject({ check });
  });

  test('has neither if no check follows', () => {
    const check = { ...record.check, nextAt: null };
    expect(detailsOf({ ...record, check }, cooldown)).toMatchObject({ check });
  });
});

describe('a job is only accepted (202)', () => {
  test.each<[sentence: string, reading: Reading, record: JobRecord, expected: boolean]>([
    ['not if it was read', { kind: 'job', job }, record, false],
    ['not if it was read and is still watched', { kind: 'job', job }, toBeRead, false],
    ['if the API does not know it yet', { kind: 'notFound', error: '' }, toBeRead, true],
    ['if it could not be read', { kind: 'unreadable', error: '' }, toBeRead, true],
    ['if its environment is paused', { kind: 'notAsked', error: '', since: null }, toBeRead, true],
    ['not if it has ended, whatever the API returns now', { kind: 'unreadable', error: '' }, record, false],
  ])('%s', (_, reading, of, expected) => {
    expect(isOnlyAccepted(checked({ reading, record: of }))).toBe(expected);
  });
});

describe('a 202 response', () => {
  test.each<[reading: Reading, seconds: string]>([
    [{ kind: 'notFound', error: 'no such job' }, '60'],
    [{ kind: 'unreadable', error: 'answered 500' }, '60'],
    [{ kind: 'unreadable', error: 'answered 503', retryAfterMs: 30_000 }, '30'],
    [{ kind: 'notAsked', error: 'paused', since: null, retryAfterMs: 1_001 }, '2'],
    [{ kind: 'notAsked', error: 'paused', since: null }, '60'],
  ])('says when to ask again, in whole seconds: %o, %s', (reading, seconds) => {
    const { headers } = acceptedResponse(checked({ reading, record: toBeRead }));
    expect(headers).toEqual({ 'content-type': 'application/json', 'retry-after': seconds });
  });
});
