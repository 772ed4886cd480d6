/** Notices to operators about the notifier itself: when one is due, and its record. Pure. */

import { newRecord, withNotice } from './advance.ts';
import type { DecisionContext } from './decision-context.ts';
import type { JobName, JobRecord, Reason, Trouble } from './job.ts';

/** The last notice about a subject. `since` identifies the trouble. */
export interface LastNotice {
  since: string;
  /** When it was decided (ISO 8601). */
  at: string;
  /** The environment of its record. */
  environment: string;
  /** Whether it was followed by the notice that everything works again. */
  isOver: boolean;
}

const dayMs = 24 * 60 * 60_000;

/**
 * The notice that is due. Trouble is announced once it has lasted `afterMs`, and at most once a day for one subject.
 * `recovered` means that it is due if the trouble was announced, which its record shows.
 */
export function noticeDue(
  { since, recoveredAt }: { since: string; recoveredAt: string | null },
  last: LastNotice | undefined,
  { now, afterMs }: { now: number; afterMs: number },
): 'trouble' | 'recovered' | null {
  const isSame = last?.since === since;
  if (recoveredAt !== null) {
    if (isSame) return last.isOver ? null : 'recovered';
    // Trouble that ended sooner was never announced.
    return Date.parse(recoveredAt) - Date.parse(since) >= afterMs ? 'recovered' : null;
  }
  if (isSame || now - Date.parse(since) < afterMs) return null;
  return last && now - Date.parse(last.at) < dayMs ? null : 'trouble';
}

/** Identifies the trouble, so that two sweeps write one record. It is a valid job id. */
export const noticeId = ({ kind, name, since }: Trouble): string => `NOTICE-${kind}-${name}-${since}`;

type Context = Pick<DecisionContext, 'now' | 'writer' | 'timings'>;

/** The record of trouble: no job, and one delivery to each of these channels, sent as any other. */
export const troubleRecord = (name: JobName, trouble: Trouble, channels: string[], context: Context): JobRecord =>
  withNotice(
    newRecord(name, context.now),
    { outcome: 'trouble', reason: reasons[trouble.kind], trouble },
    channels,
    context,
  );

const reasons: Record<Trouble['kind'], Reason> = {
  environment: 'environmentUnreadable',
  discovery: 'discoveryIncomplete',
  channel: 'channelFailing',
};

/** Adds that it works again, for the channels that were notified of the trouble. Null: that is decided already. */
export function recoveredRecord(record: JobRecord, context: Context): JobRecord | null {
  const { outcome, trouble, channels = [] } = record.decision ?? {};
  if (outcome !== 'trouble') return null;
  return withNotice(record, { outcome: 'recovered', reason: 'worksAgain', trouble }, channels, context);
}
