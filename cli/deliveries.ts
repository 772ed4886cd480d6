/** The deliveries of a job, as commands show them. */

import type { Delivery, JobRecord, Notice } from '../lib/domain/job.ts';
import { splitKey } from '../lib/domain/outbox.ts';
import { clean } from '../lib/platform/text.ts';
import { dim, moment, type Verdict, verdictLine } from './output.ts';

/** A delivery with its channel and outcome. */
export interface Shown extends Delivery, Notice {
  channel: string;
}

/** The deliveries of a record, in the order in which they were decided. */
export const deliveriesOf = ({ deliveries }: Pick<JobRecord, 'deliveries'>): Shown[] =>
  Object.entries(deliveries)
    .map(([key, delivery]) => ({ ...splitKey(key), ...delivery }))
    .sort((one, other) => Date.parse(one.createdAt) - Date.parse(other.createdAt));

const verdicts: Record<Delivery['state'], Verdict> = { sent: 'yes', dead: 'no', pending: 'unknown' };

/** One line: a tick when it was sent, a cross when it failed. */
export function deliveryLine(one: Shown): string {
  const { channel, outcome, limit, state, attempts, at, nextAt, error, ambiguousSince } = one;
  const said = [
    limit ? `${outcome} (${limit})` : outcome,
    state === 'sent' && at ? `sent at ${moment(at)}` : state,
    ...(state !== 'sent' && at ? [`last tried at ${moment(at)}`] : []),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...(nextAt && attempts > 0 ? [`next try at ${moment(nextAt)}`] : []),
    ...(ambiguousSince ? ['may have arrived all the same'] : []),
  ];
  const verdict = state === 'pending' && error ? 'no' : verdicts[state];
  return verdictLine(verdict, `${channel} ${dim(said.join(', '))}`, clean(error ?? '', 500));
}
