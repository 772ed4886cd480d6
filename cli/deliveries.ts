/** Shows the deliveries of a job. */

import type { Delivery, JobRecord, Notice } from '../lib/domain/job.ts';
import { splitKey } from '../lib/domain/outbox.ts';
import { clean } from '../lib/platform/text.ts';
import { outcomeWords } from '../local/rule-words.ts';
import { dim, formatTime, type Verdict, verdictLine } from './output.ts';

/** A delivery with its channel and outcome. */
export interface ShownDelivery extends Delivery, Notice {
  channel: string;
}

/** The deliveries of a job, oldest first. */
export const deliveriesOf = ({ deliveries }: Pick<JobRecord, 'deliveries'>): ShownDelivery[] =>
  Object.entries(deliveries)
    .map(([key, delivery]) => ({ ...splitKey(key), ...delivery }))
    .sort((one, other) => Date.parse(one.createdAt) - Date.parse(other.createdAt));

const verdicts: Record<Delivery['state'], Verdict> = { sent: 'ok', dead: 'failed', pending: 'unknown' };

/** One line: a tick for a sent delivery, a cross for one that failed or is dead, a dash for one that is pending. */
export function deliveryLine(delivery: ShownDelivery): string {
  const { channel, outcome, limit, state, attempts, at, nextAt, error, ambiguousSince } = delivery;
  const details = [
    limit ? `${outcomeWords(outcome)} (${limit})` : outcomeWords(outcome),
    state === 'sent' && at ? `sent at ${formatTime(at)}` : state,
    ...(state !== 'sent' && at ? [`last attempt at ${formatTime(at)}`] : []),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
    ...(nextAt && attempts > 0 ? [`next attempt at ${formatTime(nextAt)}`] : []),
    ...(ambiguousSince ? ['ambiguous: an earlier attempt may have arrived'] : []),
  ];
  const verdict = state === 'pending' && error ? 'failed' : verdicts[state];
  return verdictLine(verdict, `${channel} ${dim(details.join(', '))}`, clean(error ?? '', 500));
}
