/** An explanation in words. */

import type { Rule } from '../lib/domain/decision-context.ts';
import type { Decision, Job, JobName, JobRecord, Reading, Reason, Transition } from '../lib/domain/job.ts';
import type { exceededOf } from '../lib/http-api/responses.ts';
import { type CoolingDown, restingLine } from './cooling-down.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { dim, facts, moment } from './output.ts';

/** A message as a channel would send it. */
export interface Rendered {
  channel: string;
  type: string;
  text: string;
  payload: object;
}

/** All that was found out about a job. */
export interface Explained {
  name: JobName;
  known: JobRecord | undefined;
  reading: Reading;
  transition: Transition | null;
  decision: Decision | null;
  /** The limits that it exceeds, or had exceeded. */
  exceeded: ReturnType<typeof exceededOf>;
  /** All that are configured. */
  channels: string[];
  rules: Rule[] | null;
  resting: CoolingDown[];
  messages: Rendered[];
}

/** The explanation, for people. */
export const inWords = (explained: Explained): string =>
  [head(explained), ...asItStands(explained), ...explained.messages.map(messageText)].join('\n\n');

function head({ name, known, reading, transition, decision, exceeded, channels, rules }: Explained): string {
  const told = decision?.channels ?? [];
  const others = channels.filter((channel) => !told.includes(channel));
  return facts({
    job: `${name.jobId} in ${name.environment}`,
    known: known
      ? `${known.status ?? 'not read yet'}, since ${moment(known.changedAt ?? known.firstSeenAt)}`
      : 'never seen',
    now: 'error' in reading ? reading.error : reading.kind === 'job' ? named(reading.job) : null,
    transition: transition
      ? `${transition.previousStatus ?? 'never seen'} -> ${decision?.status}, ${transition.reason}: ${meanings[transition.reason]}`
      : 'none: nothing has changed',
    decided:
      !transition && decision ? `${moment(decision.at)}, ${decision.reason}: ${meanings[decision.reason]}` : null,
    outcome: decision ? (decision.outcome ?? 'none: there is nothing to tell') : null,
    rule: decision?.outcome ? ruleText(decision.rule, rules) : null,
    channels: decision?.outcome ? told.join(', ') || 'none' : null,
    'not told': decision?.outcome ? others.join(', ') : null,
    mention: decision?.mention,
    ...Object.fromEntries(exceeded.map((one) => [`${one.outcome} (${one.limit})`, excessText(one, rules)])),
  });
}

const excessText = ({ at, reason, minutes, rule }: Explained['exceeded'][number], rules: Rule[] | null): string =>
  `${moment(at)}, ${reason}: ${meanings[reason]} of ${minutes} min; ${ruleText(rule, rules)}`;

const named = ({ status, name }: Job): string => [status, name].filter(Boolean).join(', ');

function ruleText(rule: string | null, rules: Rule[] | null): string {
  if (rule === null) return 'none was asked';
  if (rule === 'everyChannel') return 'there are no rules: every channel is told everything';
  if (rule === 'noRule') return 'no rule matches: nobody is told';
  const { when, notify = [] } = rules?.[Number(/\d+/.exec(rule)?.[0])] ?? {};
  const conditions = Object.entries(when ?? {}).map(([member, values]) => `${member} is ${values?.join(' or ')}`);
  return `${rule}: ${conditions.length > 0 ? `when ${conditions.join(' and ')}` : 'always'}, tell ${notify.join(', ') || 'nobody'}`;
}

const meanings: Record<Reason, string> = {
  firstSeen: 'it is new here, and has not ended',
  firstSeenFinished: 'it is new here, and has ended',
  finishedLongAgo: 'it had ended long before it was first seen, so it is no news',
  statusChanged: 'it goes on',
  foundAgain: 'it can be read again',
  finished: 'it has ended',
  corrected: 'its last counters say otherwise than what was told',
  notFound: 'Sitecore never knew it',
  lostTrackNotFound: 'Sitecore denies a job that it knew',
  lostTrackUnreadable: 'it could not be read for too long',
  environmentRemoved: 'its environment is no longer configured',
  queuedTooLong: 'it has been queued for longer than its limit',
  runningTooLong: 'it has run for longer than its limit',
  noProgress: 'nothing of it has moved for longer than its limit',
  test: 'somebody tried out the notifier',
};

function asItStands({ known, resting }: Explained): string[] {
  const deliveries = known ? deliveriesOf(known) : [];
  const lines = [...deliveries.map(deliveryLine), ...resting.map(restingLine)];
  return lines.length > 0 ? [[dim('as it stands'), ...lines].join('\n')] : [];
}

const messageText = ({ channel, type, text }: Rendered): string =>
  [dim(`message to ${channel} (${type})`), ...text.split('\n').map((line) => `  ${line}`)].join('\n');
