import { describe, expect, test } from 'vitest';
import { decisionOf } from '../../lib/domain/announce.ts';
import { isJobId, type Trouble } from '../../lib/domain/job.ts';
import {
  type LastNotice,
  noticeDue,
  noticeId,
  recoveredRecord,
  troubleRecord,
} from '../../lib/domain/operator-notice.ts';
import { ago, contextAt, day, jobName, minute, second, start } from '../support/builders.ts';

const afterMs = 15 * minute;
const last = (values: Partial<LastNotice> = {}): LastNotice => ({
  since: ago(2 * day),
  at: ago(2 * day - afterMs),
  environment: 'production',
  isOver: true,
  ...values,
});

describe('a notice is due', () => {
  const lasts = (ms: number) => ({ since: ago(ms), recoveredAt: null });
  const lasted = (ms: number, endedMs: number) => ({ since: ago(ms + endedMs), recoveredAt: ago(endedMs) });
  const rows: [string, Parameters<typeof noticeDue>[0], LastNotice | undefined, ReturnType<typeof noticeDue>][] = [
    ['not yet', lasts(afterMs - 1), undefined, null],
    ['once the trouble has lasted long enough', lasts(afterMs), undefined, 'trouble'],
    ['not twice about the same trouble', lasts(2 * day), last({ isOver: false }), null],
    ['about new trouble a day after the last notice', lasts(afterMs), last({ at: ago(day) }), 'trouble'],
    ['not about new trouble within a day', lasts(afterMs), last({ at: ago(day - 1) }), null],
    ['when announced trouble is over', lasted(2 * day - second, second), last({ isOver: false }), 'recovered'],
    [
      'when announced trouble ended early',
      { since: ago(2 * day), recoveredAt: ago(2 * day) },
      last({ isOver: false }),
      'recovered',
    ],
    ['not twice about the end', lasted(2 * day - second, second), last(), null],
    ['if trouble may have been announced by a worker that died', lasted(afterMs, second), last(), 'recovered'],
    ['not if the trouble was too short to be announced', lasted(afterMs - 1, second), undefined, null],
  ];
  test.each(rows)('%s', (_name, trouble, before, expected) => {
    expect(noticeDue(trouble, before, { now: start, afterMs })).toBe(expected);
  });
});

const trouble: Trouble = { kind: 'channel', name: 'team', reason: 'no_service', since: ago(afterMs) };

test.each(['environment', 'discovery', 'channel'] as const)('the id of a notice about %s is a valid job id', (kind) => {
  expect(isJobId(noticeId({ ...trouble, kind, name: 'x'.repeat(40) }))).toBe(true);
});

test('the record of trouble has one pending delivery to each channel, and no job to poll', () => {
  const record = troubleRecord(jobName, trouble, ['events', 'room'], contextAt(start));
  expect(record).toMatchObject({
    revision: 1,
    status: null,
    job: null,
    watch: 'jobs',
    dueAt: start,
    check: { nextAt: null },
    decision: {
      outcome: 'trouble',
      reason: 'channelFailing',
      since: trouble.since,
      trouble,
      rule: null,
      mention: null,
    },
  });
  expect(Object.keys(record.deliveries)).toEqual(['trouble/events', 'trouble/room']);
});

test('the end is added to the record once, after the trouble, for the same channels', () => {
  const before = troubleRecord(jobName, trouble, ['events'], contextAt(start));
  const record = recoveredRecord(before, contextAt(start + minute));
  if (!record) throw new Error('nothing was added');
  expect(record).toMatchObject({ revision: 2, decision: { outcome: 'recovered', reason: 'worksAgain', trouble } });
  expect(Object.keys(record.deliveries).sort()).toEqual(['recovered/events', 'trouble/events']);
  expect(decisionOf(record, { outcome: 'trouble' })).toEqual({ decision: before.decision, job: null });
  expect(recoveredRecord(record, contextAt(start + day))).toBeNull();
});
