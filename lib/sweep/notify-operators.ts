/** Notifies operators of trouble with the notifier itself, and when it is over. */

import type { Deps } from '../deps.ts';
import { longestWaitMs } from '../domain/backoff.ts';
import { type LastNotice, noticeDue, noticeId, recoveredRecord, troubleRecord } from '../domain/operator-notice.ts';
import { update } from '../table/update.ts';
import { isOngoing, type KnownTrouble, markKey, readTrouble, type Subject, subjectsOf } from './health.ts';

const minuteMs = 60_000;

/** The key of the last notice about a subject. */
const noticeKey = ({ kind, name }: Subject): string => `operators#${kind}#${name}`;

/**
 * Counts what does not work, for the alarm, and records the notices that are due; the next sweep sends them. `before` are
 * the marks that the sweep has read at its beginning: if they show no trouble, nothing is read or written. Logs errors of
 * its own.
 */
export async function notifyOperators(deps: Deps, before: Map<string, object>): Promise<void> {
  const { config, store, log, metrics } = deps;
  const seen = subjectsOf(config).flatMap((subject) => readTrouble(subject, before) ?? []);
  if (seen.length === 0) return;
  const ongoing = seen.filter(isOngoing).length;
  if (ongoing > 0) metrics.count('trouble', ongoing);
  try {
    const keys = config.operators.length > 0 ? seen.flatMap((one) => [markKey(one), noticeKey(one)]) : [];
    const marks = keys.length > 0 ? await store.readMarks(keys) : before;
    const now = seen.map((one) => readTrouble(one, marks) ?? one);
    for (const trouble of now) {
      if (isPartOfOutage(trouble, now)) continue;
      await notify(deps, trouble, marks.get(noticeKey(trouble)) as LastNotice | undefined);
      await forget(deps, trouble);
    }
  } catch (error) {
    log.error('operator notice failed', { error });
  }
}

// An environment that cannot be read shows no list either.
const isPartOfOutage = ({ kind, name }: KnownTrouble, others: KnownTrouble[]): boolean =>
  kind === 'discovery' &&
  others.some((other) => other.kind === 'environment' && other.name === name && isOngoing(other));

/** Decides about one trouble. The record comes first: a worker that dies after it is followed by one that finds it. */
async function notify(deps: Deps, trouble: KnownTrouble, last: LastNotice | undefined): Promise<void> {
  const { config, store, clock, timings, newId, log } = deps;
  const { kind, name, since, reason } = trouble;
  // A channel does not report on itself.
  const channels = config.operators.filter((channel) => kind !== 'channel' || channel !== name);
  const afterMs = config.settings.operatorNoticeAfterMinutes * minuteMs;
  const due = channels.length > 0 ? noticeDue(trouble, last, { now: clock.now(), afterMs }) : null;
  if (due === null) return;

  const [anyEnvironment = ''] = Object.keys(config.environments);
  const environment = last?.since === since ? last.environment : kind === 'channel' ? anyEnvironment : name;
  const job = { environment, jobId: noticeId(trouble) };
  const context = { now: clock.now(), writer: newId(), timings };
  const { change, record, isWritten } = await update(store, job, (known) => {
    if (due === 'recovered') return { next: known ? recoveredRecord(known, context) : null };
    return { next: known ? null : troubleRecord(job, { kind, name, since, reason }, channels, context) };
  });
  if (isWritten) log.info('operator notice recorded', { ...job, outcome: change.next?.decision?.outcome, channels });
  // Trouble that was not announced needs no notice of its end.
  if (!record?.decision) return;
  const { at } = (record.superseded.trouble ?? record).decision ?? record.decision;
  await store.writeMark(noticeKey(trouble), {
    since,
    at,
    environment,
    isOver: due === 'recovered',
  } satisfies LastNotice);
}

/** Removes the mark of trouble that ended, once no delivery can wait any more for its channel. */
async function forget({ store, clock }: Deps, trouble: KnownTrouble): Promise<void> {
  if (isOngoing(trouble) || trouble.kind === 'discovery') return;
  const endedMs = clock.now() - Date.parse(trouble.recoveredAt ?? '');
  if (endedMs > longestWaitMs + minuteMs) await store.removeMark(markKey(trouble));
}
