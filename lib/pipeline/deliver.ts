/** Send what is pending, and store what came back. Only for records whose lease this worker holds. */

import type { Channel } from '../channels/channel.ts';
import type { Deps } from '../deps.ts';
import { release } from '../domain/advance.ts';
import { decisionOf } from '../domain/announce.ts';
import { deliveryWaitMs } from '../domain/backoff.ts';
import { type Delivery, isTerminal, type JobRecord } from '../domain/job.ts';
import { messageOf } from '../domain/message.ts';
import { type NamedDelivery as Due, dueDeliveries, isOverdue } from '../domain/outbox.ts';
import { UpstreamError } from '../platform/errors.ts';
import { type Invocation, sendTimeoutMs } from './invocation.ts';

/** What came of the deliveries of one record. */
export interface DeliverySummary {
  sent: number;
  failed: number;
  /** As the table has it now. */
  record: JobRecord;
}

type Tried = { key: string; result: Delivery; isStored: boolean };

/**
 * Tries every due delivery of a leased record once, all channels at the same time, stores each result as soon as it
 * is known, and gives the lease back. What was recorded meanwhile under this lease is delivered as well.
 */
export async function deliver(
  deps: Deps,
  { record, leased }: { record: JobRecord; leased: boolean },
  invocation: Invocation,
): Promise<DeliverySummary> {
  if (!leased) return { sent: 0, failed: 0, record };
  const due = dueDeliveries(record, invocation.decisionContext({ conclude: false }));
  const byChannel = [...Map.groupBy(due, ({ channel }) => channel).values()];
  const tried = (await Promise.all(byChannel.map((each) => inOrder(deps, record, each, invocation)))).flat();
  const sent = tried.filter(({ result }) => result.state === 'sent').length;
  const results = Object.fromEntries(tried.map(({ key, result }) => [key, result]));
  const summary = {
    sent,
    failed: tried.length - sent,
    record: { ...record, deliveries: { ...record.deliveries, ...results } },
  };
  // Without its receipt in the table a message is in doubt: the lease is left to run out, and says so.
  if (tried.some(({ isStored }) => !isStored)) return summary;
  return await settle(deps, summary, invocation);
}

/** Gives the lease back, unless somebody recorded more under it and left the sending to us. */
async function settle(deps: Deps, summary: DeliverySummary, invocation: Invocation): Promise<DeliverySummary> {
  const { record } = summary;
  const next = release(record, invocation.decisionContext({ conclude: false }));
  try {
    const saved = await deps.store.save(next, record, { settled: next.watch !== 'jobs' });
    if (!saved.record || saved.won) return { ...summary, record: saved.record ?? next };
    const leased = saved.record.lease?.owner === record.lease?.owner;
    const more = await deliver(deps, { record: saved.record, leased }, invocation);
    return { sent: summary.sent + more.sent, failed: summary.failed + more.failed, record: more.record };
  } catch (error) {
    deps.log.warn('a lease could not be given back; it runs out by itself', { ...nameOf(record), error });
    return summary;
  }
}

/** The deliveries to one channel, one after another: what corrects another one waits until that is no longer pending. */
async function inOrder(deps: Deps, record: JobRecord, due: Due[], invocation: Invocation): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const one of due) {
    const result = await attempt(deps, record, one, invocation);
    if (result !== null) tried.push(result);
    if (result?.result.state !== 'sent' && result?.result.state !== 'dead') break;
  }
  return tried;
}

/** One delivery, once. Null: it was not begun, and waits for another invocation. */
async function attempt(deps: Deps, record: JobRecord, due: Due, invocation: Invocation): Promise<Tried | null> {
  const { channel: name, delivery } = due;
  const breaker = invocation.channelBreaker(name);
  if (!breaker) return await store(deps, record, due, dead(delivery, 'the channel is no longer configured'));

  const overdue = isOverdue(delivery, { now: deps.clock.now(), timings: deps.timings });
  if (!(await breaker.enter())) {
    return overdue ? await store(deps, record, due, dead(delivery, delivery.error ?? 'the channel rests')) : null;
  }
  const channel = deps.channel(name);
  const at = deps.clock.now();
  const begun = { ...delivery, attempts: delivery.attempts + 1, at: new Date(at).toISOString() };
  const answer = await send(deps, record, due, channel);
  // The receipt first: until it is stored, the message is in doubt.
  if (!(answer instanceof UpstreamError)) {
    const tried = await store(deps, record, due, accepted(begun, answer, isRecognised(delivery, at, channel)));
    await breaker.succeeded();
    return tried;
  }
  const failed = refused(begun, answer, channel, deps.clock.now());
  deps.metrics.count('deliveryFailed', { channel: name, reason: answer.kind });
  const tried = await store(deps, record, due, overdue ? dead(failed, answer.message) : failed);
  await breaker.failed(answer);
  return tried;
}

/** Sends one message; what was thrown is returned. */
async function send(
  { config, log }: Deps,
  record: JobRecord,
  due: Due,
  channel: Channel,
): Promise<string | UpstreamError> {
  try {
    const { jobUrl } = config.environments[record.environment] ?? {};
    return await channel.send(messageOf(record, { ...due, jobUrl }), sendTimeoutMs);
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    log.error('a message could not be made', { ...about(record, due), error });
    return new UpstreamError('payloadRefused', 'internal error: see the log', { cause: error });
  }
}

async function store(deps: Deps, record: JobRecord, due: Due, result: Delivery): Promise<Tried> {
  const { store: table, log, metrics, clock } = deps;
  const { key, outcome, channel } = due;
  const { state, attempts, error, ambiguousSince } = result;
  if (state === 'dead') metrics.count('dead', { channel });
  if (state === 'sent') {
    metrics.count('sent', { channel, outcome });
    if (ambiguousSince) metrics.count('ambiguous', { channel });
    const seconds = secondsToNotify(record, due, clock.now());
    if (seconds !== null) metrics.measure('timeToNotify', seconds, { channel });
  }
  const said = { ...about(record, due), attempts, error, ambiguousSince };
  log[state === 'sent' ? 'info' : 'warn'](`delivery ${state}`, said);
  try {
    await table.saveDelivery(record, key, result);
    return { key, result, isStored: true };
  } catch (cause) {
    log.error('a receipt could not be stored', { ...about(record, due), error: cause });
    return { key, result, isStored: false };
  }
}

/** From a job's end to now; null where there is no such time: a job of no known end, or a correction of what was told. */
function secondsToNotify(record: JobRecord, due: Due, now: number): number | null {
  const { decision, job } = decisionOf(record, due);
  if (!job?.finishedAt || !isTerminal(job.status) || decision?.corrects) return null;
  // The clocks of Sitecore and of AWS are not the same.
  return Math.max(0, now - Date.parse(job.finishedAt)) / 1_000;
}

const nameOf = ({ environment, jobId }: JobRecord) => ({ environment, jobId });

const about = (record: JobRecord, { outcome, channel, limit }: Due) => ({
  ...nameOf(record),
  outcome,
  channel,
  ...(limit ? { limit } : {}),
});

const dead = (delivery: Delivery, error: string): Delivery => ({ ...delivery, state: 'dead', nextAt: null, error });

// A place that recognised the repetition has made sure that there is one message.
const accepted = (delivery: Delivery, receipt: string, recognised: boolean): Delivery => ({
  ...delivery,
  state: 'sent',
  nextAt: null,
  receipt,
  error: null,
  ambiguousSince: recognised ? null : delivery.ambiguousSince,
});

function refused(delivery: Delivery, error: UpstreamError, channel: Channel, now: number): Delivery {
  const ambiguousSince = delivery.ambiguousSince ?? (error.ambiguous ? delivery.at : null);
  const waitMs = deliveryWaitMs({
    attempts: delivery.attempts,
    needsOperator: error.kind === 'needsOperator' || error.kind === 'payloadRefused',
    retryAfterMs: error.retryAfterMs,
    recognisedStill: isRecognised({ ambiguousSince }, now, channel),
  });
  return { ...delivery, nextAt: new Date(now + waitMs).toISOString(), error: error.message, ambiguousSince };
}

// A place that recognises nothing does not do so either where the clock of this worker is behind.
const isRecognised = (
  { ambiguousSince }: Pick<Delivery, 'ambiguousSince'>,
  now: number,
  { dedupWindowMs }: Channel,
): boolean => dedupWindowMs > 0 && ambiguousSince !== null && now - Date.parse(ambiguousSince) < dedupWindowMs;
