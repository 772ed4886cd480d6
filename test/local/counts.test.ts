import { expect, test } from 'vitest';
import type { Delivery } from '../../lib/domain/job.ts';
import { countMessages } from '../../local/counts.ts';
import type { ReceivedMessage } from '../../local/received.ts';
import type { MessageChange } from '../../local/slack/workspace.ts';
import { someDecision, someDelivery, someJob, someRecord } from '../support/builders.ts';

const since = Date.parse('2026-01-01T10:00:00Z');

const record = (team: Partial<Delivery>) =>
  someRecord({ jobId: 'job_1', decision: someDecision(), deliveries: { 'completed/team': someDelivery(team) } });
const message = (values: Partial<ReceivedMessage> = {}): ReceivedMessage => ({
  channel: 'team',
  type: 'slack',
  at: since + 1,
  jobId: 'job_1',
  title: 'Completed in production: Nightly site publish',
  text: '',
  payload: {},
  ...values,
});
const change = (kind: MessageChange, replyTo: string | null = null) =>
  message({ change: { id: '1', kind, replyTo, isBroadcast: replyTo !== null, isMarked: kind === 'edited' } });

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
    [message(), message({ title: 'Failed in production: x' })],
    { due: 1, delivered: 1, repeated: 1 },
  ],
  [
    'of another job arrived',
    { state: 'sent' },
    [message(), message({ jobId: 'job_2' })],
    { due: 1, delivered: 1, repeated: 1 },
  ],
  ['was edited twice', { state: 'sent' }, [change('edited'), change('edited')], { due: 1, delivered: 1 }],
  [
    'was edited, and told in the thread',
    { state: 'sent' },
    [change('edited'), change('posted', '1')],
    { due: 1, delivered: 1 },
  ],
  [
    'was told twice in the thread',
    { state: 'sent' },
    [change('posted', '1'), change('posted', '1')],
    { due: 1, delivered: 1, repeated: 1 },
  ],
  ['was deleted by a person', { state: 'sent' }, [change('posted'), change('deleted')], { due: 1, delivered: 1 }],
  ['was decided before', { state: 'sent', createdAt: '2026-01-01T09:59:59Z' }, [], {}],
] as const)('a message that %s', (_, delivery, received, counted) => {
  const none = { due: 0, delivered: 0, waiting: 0, lost: 0, repeated: 0, unrecorded: 0 };
  expect(countMessages([record(delivery)], [...received], since)).toEqual({ ...none, ...counted });
});

test('a message about a delay is the one that is due, also once the delay is over', () => {
  const delayed = (job: string, limit: 'noProgressFor' | 'runningFor', outcome: 'stuck' | 'late') =>
    someRecord({
      jobId: job,
      status: 'Completed',
      exceeded: {
        [limit]: { minutes: 5, decision: someDecision({ outcome, status: 'Running' }), job: someJob('Running') },
      },
      deliveries: { [`${outcome}/team/${limit}`]: someDelivery({ state: 'sent' }) },
    });
  const records = [delayed('job_1', 'noProgressFor', 'stuck'), delayed('job_2', 'runningFor', 'late')];
  const received = [
    message({ title: 'Stuck in production: x' }),
    message({ jobId: 'job_2', title: 'Late in production, still running: x' }),
  ];
  expect(countMessages(records, received, since)).toMatchObject({ due: 2, delivered: 2, lost: 0, repeated: 0 });
});
