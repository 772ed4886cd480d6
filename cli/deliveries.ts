/** The deliveries of a job, as commands show them. */

import type { Delivery, JobRecord } from '../lib/job.ts';
import { splitKey } from '../lib/record.ts';
import { clean } from '../lib/text.ts';
import { dim, moment, type Verdict, verdictLine } from './output.ts';

/** A delivery with its channel and outcome. */
export interface Shown extends Delivery {
  channel: string;
  outcome: string;
}

/** The deliveries of a record, in the order in which they were decided. */
export const deliveriesOf = ({ deliveries }: Pick<JobRecord, 'deliveries'>): Shown[] =>
  Object.entries(deliveries)
    .map(([key, delivery]) => ({ ...splitKey(key), ...delivery }))
    .sort((one, other) => Date.parse(one.createdAt) - Date.parse(other.createdAt));

const verdicts: Record<Delivery['state'], Verdict> = { sent: 'yes', dead: 'no', pending: 'unknown' };

/** One line: a tick when it was sent, a cross when it failed. */
export function deliveryLine(one: Shown): string {
  const { channel, outcome, state, attempts, at, error } = one;
  const verdict = state === 'pending' && error ? 'no' : verdicts[state];
  const when = at ? ` ${moment(at)}` : '';
  const tried = attempts > 1 || error ? `, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}` : '';
  const doubt = one.ambiguousSince ? ', may have arrived twice or before' : '';
  return verdictLine(
    verdict,
    `${channel} ${dim(`${outcome}, ${state}${when}${tried}${doubt}`)}`,
    clean(error ?? '', 500),
  );
}
