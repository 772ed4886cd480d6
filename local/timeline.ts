/** The story of one job, from its record: what happened when, what was decided, and what happens next. Pure. */

import type { Rule } from '../lib/domain/decision-context.ts';
import { type Decision, type Delivery, isTerminal, type JobRecord, type Notice } from '../lib/domain/job.ts';
import { namedDeliveries } from '../lib/domain/outbox.ts';
import { decisionWords, outcomeWords } from './rule-words.ts';

/** One moment of a job. */
export interface Moment {
  /** ISO 8601; null: not yet. */
  at: string | null;
  tone: 'plain' | 'good' | 'warning' | 'bad' | 'waiting';
  what: string;
  /** More about it: a rule, an error, what happens next. */
  details: string[];
}

/** The moments of a job in their order; `isDiscovered` says whether discovery found the job, as far as that is known. */
export function timelineOf(record: JobRecord, rules: Rule[] | null, isDiscovered: boolean): Moment[] {
  const moments = [...fromSitecore(record, isDiscovered), ...decisions(record, rules), ...deliveries(record)];
  const dated = moments.filter(({ at }) => at !== null);
  const sorted = dated.sort((one, other) => Date.parse(one.at ?? '') - Date.parse(other.at ?? ''));
  return [...sorted, ...moments.filter(({ at }) => at === null), ...next(record)];
}

function fromSitecore({ job, firstSeenAt, status, check }: JobRecord, isDiscovered: boolean): Moment[] {
  const end = isTerminal(status) ? (status ?? '') : '';
  const who = job?.canceledBy && status === 'Canceled' ? [`canceled by ${job.canceledBy}`] : [];
  return [
    ...(job?.queuedAt ? [moment(job.queuedAt, 'plain', 'Queued in Sitecore', startedBy(job.startedBy))] : []),
    moment(
      firstSeenAt,
      'plain',
      isDiscovered ? 'Discovered by the notifier: not handed over' : 'First seen by the notifier',
    ),
    ...(job?.startedAt ? [moment(job.startedAt, 'plain', 'Running')] : []),
    ...(end && job?.finishedAt ? [moment(job.finishedAt, toneOf(end), `Ended: ${end}`, who)] : []),
    ...(check.failingSince && check.error
      ? [moment(check.failingSince, 'bad', 'Sitecore cannot be read', [check.error, again(check.nextAt)])]
      : []),
  ];
}

const startedBy = (name: string | null): string[] => (name ? [`started by ${name}`] : []);
const toneOf = (status: string): Moment['tone'] =>
  status === 'Completed' ? 'good' : status === 'Failed' ? 'bad' : 'plain';

function decisions({ decision, superseded, exceeded }: JobRecord, rules: Rule[] | null): Moment[] {
  const earlier = Object.values(superseded ?? {}).map((one) => one.decision);
  const delays = Object.values(exceeded ?? {}).map((one) => one.decision);
  const all = [...earlier, ...delays, ...(decision ? [decision] : [])];
  return all
    .filter(
      ({ outcome, reason }) => outcome !== null || reason === 'finishedLongAgo' || reason === 'environmentRemoved',
    )
    .map((one) => moment(one.at, toneOfOutcome(one), `Decided: ${sentenceOf(one)}`, [decisionWords(one, rules)]));
}

const sentenceOf = ({ outcome, corrects }: Decision): string =>
  outcome === null
    ? 'nothing to announce'
    : `${outcomeWords(outcome)}${corrects ? `, which corrects ${outcomeWords(corrects)}` : ''}`;

const toneOfOutcome = ({ outcome }: Decision): Moment['tone'] =>
  outcome === 'late' || outcome === 'stuck' || outcome === 'lostTrack' ? 'warning' : 'plain';

const deliveries = (record: JobRecord): Moment[] =>
  namedDeliveries(record).map(({ channel, delivery, ...notice }) => deliveryMoment(channel, notice, delivery));

function deliveryMoment(channel: string, notice: Notice, delivery: Delivery): Moment {
  const { state, attempts, at, createdAt, error, nextAt, ambiguousSince } = delivery;
  const about = outcomeWords(notice.outcome);
  const unsure = ambiguousSince
    ? [
        state === 'sent'
          ? 'an earlier attempt may have arrived as well'
          : 'whether the last attempt arrived is not known',
      ]
    : [];
  if (state === 'sent') {
    return moment(at ?? createdAt, 'good', `Delivered to ${channel}: ${about}`, [attemptWords(attempts), ...unsure]);
  }
  if (state === 'dead') {
    const remedy = 'given up after the retry window: `npx publishing-job-notifier replay` sends it again';
    return moment(at ?? createdAt, 'bad', `Not delivered to ${channel}: ${about}`, [error ?? '', remedy, ...unsure]);
  }
  if (attempts === 0) return moment(createdAt, 'waiting', `About to be sent to ${channel}: ${about}`, unsure);
  return moment(at ?? createdAt, 'warning', `Waits for ${channel}: ${about}`, [
    ...(error ? [`attempt ${attempts} failed: ${error}`] : []),
    ...unsure,
    again(nextAt),
  ]);
}

const attemptWords = (attempts: number): string =>
  attempts === 1 ? 'with the first attempt' : `with attempt ${attempts}`;

/** Times within sentences stand in braces: the page writes them in the reader's time zone. */
const again = (nextAt: string | null): string => (nextAt ? `tried again at {${nextAt}}` : '');

function next({ status, watch, lease }: JobRecord): Moment[] {
  if (lease)
    return [
      moment(null, 'waiting', 'Now: a worker is sending', [`its lease ends at {${iso(lease.until)}} at the latest`]),
    ];
  if (watch === 'jobs' && !isTerminal(status))
    return [moment(null, 'waiting', 'Next: read again with every sweep until it ends')];
  return [];
}

const iso = (ms: number): string => new Date(ms).toISOString();

const moment = (at: string | null, tone: Moment['tone'], what: string, details: string[] = []): Moment => ({
  at,
  tone,
  what,
  details: details.filter((text) => text !== ''),
});
