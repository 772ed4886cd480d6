/** Writes an explanation as text. */

import type { Rule } from '../lib/domain/decision-context.ts';
import type { Decision, Job, JobName, JobRecord, Reading, Reason, SkipReason, Transition } from '../lib/domain/job.ts';
import type { exceededOf } from '../lib/http-api/responses.ts';
import { decisionWords, outcomeWords } from '../local/rule-words.ts';
import { type ActiveCooldown, cooldownLine } from './cooldowns.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { dim, formatFields, formatTime } from './output.ts';

/** A message as a channel would send it. */
export interface RenderedMessage {
  channel: string;
  type: string;
  text: string;
  payload: object;
}

export interface Explanation {
  name: JobName;
  known: JobRecord | undefined;
  reading: Reading;
  transition: Transition | null;
  decision: Decision | null;
  /** The limits that the job exceeds or has exceeded. */
  exceeded: ReturnType<typeof exceededOf>;
  /** All configured channels. */
  channels: string[];
  rules: Rule[] | null;
  cooldowns: ActiveCooldown[];
  messages: RenderedMessage[];
}

/** The explanation as text for people. */
export const explainText = (explanation: Explanation): string =>
  [decisionText(explanation), ...currentState(explanation), ...explanation.messages.map(messageText)].join('\n\n');

function decisionText(explanation: Explanation): string {
  const { name, known, reading, transition, decision, exceeded, channels, rules } = explanation;
  const notified = decision?.channels ?? [];
  const others = channels.filter((channel) => !notified.includes(channel));
  return formatFields({
    job: `${name.jobId} in ${name.environment}`,
    recorded: known
      ? `${known.status ?? 'not read yet'}, since ${formatTime(known.changedAt ?? known.firstSeenAt)}`
      : 'never seen',
    'in Sitecore': 'error' in reading ? reading.error : reading.kind === 'job' ? jobText(reading.job) : null,
    transition: transition
      ? `${transition.previousStatus ?? 'never seen'} -> ${decision?.status}, ${reasonText(transition.reason)}`
      : 'none: nothing has changed',
    decided: !transition && decision ? `${formatTime(decision.at)}, ${reasonText(decision.reason)}` : null,
    outcome: decision
      ? decision.outcome
        ? outcomeWords(decision.outcome)
        : 'none: there is nothing to announce'
      : null,
    why: decision?.outcome ? decisionWords(decision, rules) : null,
    channels: decision?.outcome ? notified.join(', ') || 'none' : null,
    'not notified': decision?.outcome ? others.map((name) => withReason(name, decision)).join(', ') : null,
    mention: decision?.mention ?? decision?.mentioned?.name,
    ...Object.fromEntries(exceeded.map((one) => [`${one.outcome} (${one.limit})`, exceededText(one, rules)])),
  });
}

const withReason = (channel: string, { skipped }: Decision): string => {
  const reason = skipped?.[channel];
  return reason ? `${channel} (${skipReasons[reason]})` : channel;
};

const skipReasons: Record<SkipReason, string> = {
  startedByApplication: 'an application started the job',
  notInPeople: 'people does not list who started the job',
};

function exceededText(one: Explanation['exceeded'][number], rules: Rule[] | null): string {
  return `${formatTime(one.at)}, ${reasonText(one.reason)} of ${one.minutes} min; ${decisionWords(one, rules)}`;
}

const jobText = ({ status, name }: Job): string => [status, name].filter(Boolean).join(', ');

const reasonText = (reason: Reason): string => `${reason}: ${reasons[reason]}`;

const reasons: Record<Reason, string> = {
  firstSeen: 'the job is new and has not ended',
  firstSeenFinished: 'the job is new and has ended',
  finishedLongAgo: 'the job had ended long before it was first seen, so it is not announced',
  statusChanged: 'the status has changed',
  foundAgain: 'the job can be read again',
  finished: 'the job has ended',
  corrected: 'the final statistics differ from those that were announced',
  notFound: 'Sitecore has never known the job',
  lostTrackNotFound: 'Sitecore no longer knows the job (404)',
  lostTrackUnreadable: 'the job could not be read for too long',
  environmentRemoved: 'the environment is no longer configured',
  queuedTooLong: 'the job has been queued for longer than its limit',
  runningTooLong: 'the job has run for longer than its limit',
  noProgress: 'the job has made no progress for longer than its limit',
  test: 'this is a test message',
  environmentUnreadable: 'the environment cannot be read',
  discoveryIncomplete: 'the list of jobs cannot be read',
  channelFailing: 'the channel does not accept messages',
  worksAgain: 'it works again',
};

function currentState({ known, cooldowns }: Explanation): string[] {
  const deliveries = known ? deliveriesOf(known) : [];
  const lines = [...deliveries.map(deliveryLine), ...cooldowns.map(cooldownLine)];
  return lines.length > 0 ? [[dim('current state'), ...lines].join('\n')] : [];
}

const messageText = ({ channel, type, text }: RenderedMessage): string =>
  [dim(`message to ${channel} (${type})`), ...text.split('\n').map((line) => `  ${line}`)].join('\n');
