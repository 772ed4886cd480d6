import { expect, test } from 'vitest';
import type { Delivery } from '../../lib/domain/job.ts';
import { dueDeliveries, sentBefore } from '../../lib/domain/outbox.ts';
import { contextAt, iso, minute, sentDelivery, someDelivery, someRecord, start } from '../support/builders.ts';

const at = (ms: number) => iso(start + ms);

test.each<[sentence: string, recoveredAt: number | null | undefined, delivery: Partial<Delivery>, isDue: boolean]>([
  ['waits until its time', undefined, { at: at(-2 * minute) }, false],
  ['waits while the channel never failed', null, { at: at(-2 * minute) }, false],
  ['is due at once if the channel has worked since its last attempt', -minute, { at: at(-2 * minute) }, true],
  ['waits if its last attempt was after the recovery', -minute, { at: at(0) }, false],
  ['waits if its last attempt was the recovery', -minute, { at: at(-minute) }, false],
  ['waits if it was never attempted', -minute, { at: null }, false],
])('a delivery that is scheduled later %s', (_, recovered, delivery, isDue) => {
  const record = someRecord({ deliveries: { 'failed/team': someDelivery({ nextAt: at(minute), ...delivery }) } });
  const recoveredAt = () => (recovered == null ? null : start + recovered);
  const context = contextAt(start, recovered === undefined ? {} : { recoveredAt });
  expect(dueDeliveries(record, context)).toHaveLength(isDue ? 1 : 0);
});

test('the deliveries before one are those that its channel accepted, in their order', () => {
  const created = (minutes: number) => ({ createdAt: at(minutes * minute) });
  const record = someRecord({
    deliveries: {
      'failed/team': someDelivery(created(4)),
      'stuck/team/noProgressFor': sentDelivery(created(3)),
      'late/events/runningFor': sentDelivery(created(2)),
      'late/team/runningFor': someDelivery(created(2)),
      'started/team': sentDelivery(created(1)),
      'completed/team': sentDelivery(created(5)),
    },
  });
  const keys = sentBefore(record, { key: 'failed/team', channel: 'team' }).map(({ key }) => key);
  expect(keys).toEqual(['started/team', 'stuck/team/noProgressFor']);
});
