/** Adds the decision about a transition to a record, and the deliveries that follow from it. Pure. */

import type { DecisionContext } from './decision-context.ts';
import { type Decision, deliveryKey, type Job, type JobRecord, type Notice, type Transition } from './job.ts';
import { splitKey, withNew } from './outbox.ts';
import { route, traitsOf } from './routing.ts';
import { exceeding, progressOf } from './time-limits.ts';

type Context = Pick<DecisionContext, 'now' | 'rules' | 'channels' | 'people' | 'personal' | 'timeLimits'>;

/** Adds a transition to a record: the decision, and one delivery for each channel to notify. */
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
 * Adds the time limits that a running job exceeds to its record. Each limit is decided once. The decision about the last
 * transition stays.
 */
export function announceDelays(observed: JobRecord, job: Job, prior: JobRecord, context: Context): JobRecord {
  let next = { ...observed, progress: progressOf(observed, job, context) };
  for (const { limit, minutes, ...excess } of exceeding(next, job, context)) {
    const transition = { ...excess, previousStatus: prior.status, corrects: null, announce: true };
    const decision = decideAbout(next, transition, context);
    const keys = decision.channels.map((channel) => deliveryKey(excess.outcome, channel, limit));
    next = {
      ...next,
      exceeded: { ...next.exceeded, [limit]: { minutes, decision, job } },
      deliveries: withNew(next.deliveries, keys, context.now),
    };
  }
  return next;
}

/** The decision about an outcome or about a time limit of a job, with the job as it was then. */
export function decisionOf(
  record: JobRecord,
  { outcome, limit }: Notice,
): { decision: Decision | null; job: Job | null } {
  const decision = record.decision?.outcome === outcome ? record.decision : null;
  return (limit ? record.exceeded?.[limit] : record.superseded[outcome]) ?? { decision, job: record.job };
}

function decideAbout({ environment, status, job }: JobRecord, transition: Transition, context: Context): Decision {
  const { announce: isNews, since = null, ...facts } = transition;
  const { outcome } = facts;
  const nobody = { channels: [], mention: null, rule: null };
  const routed = outcome && isNews ? route({ outcome, ...traitsOf(environment, job) }, context) : nobody;
  const made = { status, since, at: new Date(context.now).toISOString() };
  // Without a rule that names it, the start of a job is nothing to announce.
  if (outcome === 'started' && routed.rule === 'noRule') return { ...facts, ...nobody, ...made, outcome: null };
  return { ...facts, ...routed, ...made };
}

function supersede({ decision, job, deliveries }: JobRecord): JobRecord['superseded'] {
  const announced = Object.keys(deliveries)
    .map(splitKey)
    .find(({ outcome }) => outcome === decision?.outcome);
  return decision && announced ? { [announced.outcome]: { decision, job } } : {};
}
