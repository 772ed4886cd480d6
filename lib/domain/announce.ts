/** What is decided about a job, and the messages that follow from it. Pure. */

import type { DecisionContext } from './decision-context.ts';
import { type Decision, deliveryKey, type Job, type JobRecord, type Notice, type Transition } from './job.ts';
import { splitKey, withNew } from './outbox.ts';
import { route, traitsOf } from './routing.ts';
import { exceeding, progressOf } from './time-limits.ts';

type Context = Pick<DecisionContext, 'now' | 'rules' | 'channels' | 'people' | 'timeLimits'>;

/** A record after a transition: the decision, and a delivery to each channel that is to be told. */
export function announce(observed: JobRecord, prior: JobRecord, transition: Transition, context: Context): JobRecord {
  const decision = decideAbout(observed, transition, context);
  const { outcome, channels, at } = decision;
  const keys = outcome ? channels.map((channel) => deliveryKey(outcome, channel)) : [];
  return {
    ...observed,
    changedAt: at,
    decision,
    superseded: { ...supersede(prior), ...prior.superseded },
    deliveries: withNew(prior.deliveries, keys, context.now),
  };
}

/**
 * A record after a reading of a job that goes on: each limit that the job exceeds is decided once, beside the decision
 * about its last transition, which stands.
 */
export function announceDelays(observed: JobRecord, job: Job, prior: JobRecord, context: Context): JobRecord {
  let told = { ...observed, progress: progressOf(observed, job, context) };
  for (const { limit, minutes, ...excess } of exceeding(told, job, context)) {
    const said = { ...excess, previousStatus: prior.status, corrects: null, announce: true };
    const decision = decideAbout(told, said, context);
    const keys = decision.channels.map((channel) => deliveryKey(excess.outcome, channel, limit));
    told = {
      ...told,
      exceeded: { ...told.exceeded, [limit]: { minutes, decision, job } },
      deliveries: withNew(told.deliveries, keys, context.now),
    };
  }
  return told;
}

/** What was decided about an outcome of a job, or about a limit, with the job as it was then. */
export function decisionOf(
  record: JobRecord,
  { outcome, limit }: Notice,
): { decision: Decision | null; job: Job | null } {
  const decision = record.decision?.outcome === outcome ? record.decision : null;
  return (limit ? record.exceeded?.[limit] : record.superseded[outcome]) ?? { decision, job: record.job };
}

function decideAbout({ environment, status, job }: JobRecord, transition: Transition, context: Context): Decision {
  const { announce: isNews, since = null, ...said } = transition;
  const { outcome } = said;
  const told =
    outcome && isNews
      ? route({ outcome, ...traitsOf(environment, job) }, context)
      : { channels: [], mention: null, rule: null };
  return { ...said, ...told, status, since, at: new Date(context.now).toISOString() };
}

function supersede({ decision, job, deliveries }: JobRecord): JobRecord['superseded'] {
  const before = decision?.outcome;
  const told = Object.keys(deliveries)
    .map(splitKey)
    .find(({ outcome }) => outcome === before);
  return decision && told ? { [told.outcome]: { decision, job } } : {};
}
