import { expect, test } from 'vitest';
import type { Delivery } from '../../lib/domain/job.ts';
import { countMessages } from '../../local/counts.ts';
import type { ReceivedMessage } from '../../local/received.ts';
import { someDecision, someDelivery, someJob, someRecord } from '../support/builders.ts';

const since = Date.parse('2026-01-01T10:00:00Z');

const record = (team: Partial<Delivery>) =>
  someRecord({ jobId: 'job_1', decision: someDecision(), deliveries: { 'completed/team': someDelivery(team) } });
const message = (values: Partial<ReceivedMessage> = {}): ReceivedMessage => ({
  channel: 'team',
  type: 'slack',
  at: since + 1,
  jobId: 'job_1',
  title: 'Completed: Nightly site publish',
  text: '',
  payload: {},
  ...values,
});

test.each(['Stuck: Nightly site publish', 'Stuck, was without progress: Nightly site publish'])(
  'a delay is counted by either of its titles: %s',
  (title) => {
    const decision = someDecision({ outcome: 'stuck', status: 'Running' });
    const delayed = someRecord({
      jobId: 'job_1',
      status: 'Completed',
      job: someJob(),
      exceeded: { noProgressFor: { decision, minutes: 5, job: someJob('Running') } },
      deliveries: { 'stuck/team/noProgressFor': someDelivery({ state: 'sent' }) },
    });
    const received = [message({ title, at: since + 1 })];
    const counted = { due: 1, delivered: 1, waiting: 0, lost: 0, repeated: 0, unrecorded: 0 };
    expect(countMessages([delayed], received, since)).toEqual(counted);
  },
);

test.each([
  ['arrived once', { state: 'sent' }, [message()], { due: 1, delivered: 1 }],
  ['waits', { state: 'pending' }, [], { due: 1, waiting: 1 }],
  ['arrived before its receipt was stored', { state: 'pending' }, [message()], { due: 1, delivered: 1, unrecorded: 1 }],
  ['is said to be sent and did not arrive', { state: 'sent' }, [], { due: 1, lost: 1 }],
  ['was given up', { state: 'dead' }, [], { due: 1, lost: 1 }],
  ['arrived three times', { state: 'sent' }, [message(), message(), message()], { due: 1, delivered: 1, repeated: 2 }],
  [
    'of another outcome arrived',
    { state: 'sent' },
    [message(), message({ title: 'Failed: x' })],
    { due: 1, delivered: 1, repeated: 1 },
  ],
  [
    'of another job arrived',
    { state: 'sent' },
    [message(), message({ jobId: 'job_2' })],
    { due: 1, delivered: 1, repeated: 1 },
  ],
  ['was decided before', { state: 'sent', createdAt: '2026-01-01T09:59:59Z' }, [], {}],
] as const)('a message that %s', (_, delivery, received, counted) => {
  const none = { due: 0, delivered: 0, waiting: 0, lost: 0, repeated: 0, unrecorded: 0 };
  expect(countMessages([record(delivery)], [...received], since)).toEqual({ ...none, ...counted });
});
