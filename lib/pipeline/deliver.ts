/** Sends the pending deliveries of a record and stores the results. Only for records whose lease this worker holds. */

import type { Channel, Sent } from '../channels/channel.ts';
import type { Deps } from '../deps.ts';
import { release } from '../domain/advance.ts';
import { decisionOf } from '../domain/announce.ts';
import { deliveryWaitMs } from '../domain/backoff.ts';
import { type Delivery, isTerminal, type JobRecord } from '../domain/job.ts';
import { messageOf } from '../domain/message.ts';
import { type NamedDelivery as Due, dueDeliveries, failingSinceOf, isOverdue } from '../domain/outbox.ts';
import { UpstreamError } from '../platform/errors.ts';
import { type Invocation, sendTimeoutMs } from './invocation.ts';

/** The result of delivering for one record. */
export interface DeliverySummary {
  sent: number;
  failed: number;
  /** As the table holds it now. */
  record: JobRecord;
}

type Tried = { key: string; result: Delivery; isStored: boolean };

/**
 * Tries every due delivery of a leased record once, all channels in parallel, stores each result as soon as it is known,
 * and releases the lease. Also delivers what other workers recorded under this lease meanwhile.
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
  // Without a stored receipt the delivery is ambiguous: the lease is left to expire, which marks it so.
  if (tried.some(({ isStored }) => !isStored)) return summary;
  return await releaseLease(deps, summary, invocation);
}

/** Releases the lease, unless another worker recorded more under it and left the sending to this one. */
async function releaseLease(deps: Deps, summary: DeliverySummary, invocation: Invocation): Promise<DeliverySummary> {
  const { record } = summary;
  const next = release(record, invocation.decisionContext({ conclude: false }));
  try {
    const saved = await deps.store.save(next, record, { settled: next.watch !== 'jobs' });
    if (!saved.record || saved.won) return { ...summary, record: saved.record ?? next };
    const leased = saved.record.lease?.owner === record.lease?.owner;
    const more = await deliver(deps, { record: saved.record, leased }, invocation);
    return { sent: summary.sent + more.sent, failed: summary.failed + more.failed, record: more.record };
  } catch (error) {
    // The lease expires without help.
    deps.log.warn('lease release failed', { ...nameOf(record), error });
    return summary;
  }
}

/** Tries the deliveries to one channel one after another: a correction waits until what it corrects is sent or dead. */
async function inOrder(deps: Deps, record: JobRecord, due: Due[], invocation: Invocation): Promise<Tried[]> {
  const tried: Tried[] = [];
  for (const one of due) {
    const result = await attempt(deps, record, one, invocation);
    if (result !== null) tried.push(result);
    if (result?.result.state !== 'sent' && result?.result.state !== 'dead') break;
  }
  return tried;
}

/** Tries one delivery once. Null: the channel is closed, and the delivery waits for another invocation. */
async function attempt(deps: Deps, record: JobRecord, due: Due, invocation: Invocation): Promise<Tried | null> {
  const { channel: name, delivery } = due;
  const breaker = invocation.channelBreaker(name);
  if (!breaker) return await store(deps, record, due, dead(delivery, 'the channel is no longer configured'));

  if (!(await breaker.enter())) return null;
  const at = deps.clock.now();
  const begun = { ...delivery, attempts: delivery.attempts + 1, at: new Date(at).toISOString() };
  const result = await send(deps, record, due, deps.channel(name));
  // The receipt first: until it is stored, the delivery is ambiguous.
  if (!(result instanceof UpstreamError)) {
    const tried = await store(deps, record, due, accepted(begun, result, at), result.dedupWindowMs);
    await breaker.succeeded();
    return tried;
  }
  const failed = afterFailure(deps, record, due, begun, result);
  const tried = await store(deps, record, due, failed);
  await breaker.failed(result);
  return tried;
}

/** Sends one message. Returns the error instead of throwing it. */
async function send(
  { config, log }: Deps,
  record: JobRecord,
  due: Due,
  channel: Channel,
): Promise<Sent | UpstreamError> {
  try {
    const { jobUrl } = config.environments[record.environment] ?? {};
    return await channel.send(messageOf(record, { ...due, jobUrl }), sendTimeoutMs);
  } catch (error) {
    if (error instanceof UpstreamError) return error;
    log.error('message render failed', { ...about(record, due), error });
    return new UpstreamError('payloadRefused', 'internal error: see the log', { cause: error });
  }
}

const logMessages = { sent: 'delivery sent', pending: 'delivery retry scheduled', dead: 'delivery dead' };

async function store(deps: Deps, record: JobRecord, due: Due, result: Delivery, dedupWindowMs = 0): Promise<Tried> {
  const { store: table, log, metrics, clock } = deps;
  const { key } = due;
  const { state, attempts, error, ambiguousSince } = result;
  if (state === 'dead') metrics.count('dead');
  // Queries test whether a member is present: what is null is left out.
  const members = {
    ...about(record, due),
    attempts,
    error: error ?? undefined,
    ambiguousSince: ambiguousSince ?? undefined,
    secondsToNotify: state === 'sent' ? secondsToNotify(record, due, clock.now()) : undefined,
  };
  log[state === 'sent' ? 'info' : 'warn'](logMessages[state], members);
  try {
    const stored = await table.saveDelivery(record, key, result, due.delivery);
    if (stored) await noteSecondReceipt(deps, record, due, { stored, result, dedupWindowMs });
    return { key, result, isStored: true };
  } catch (cause) {
    log.error('receipt write failed', { ...about(record, due), error: cause });
    return { key, result, isStored: false };
  }
}

/** Another worker has stored a receipt: the channel accepted two messages, unless it certainly dropped one of them. */
async function noteSecondReceipt(
  { store: table, log, clock }: Deps,
  record: JobRecord,
  due: Due,
  { stored, result, dedupWindowMs }: { stored: Delivery; result: Delivery; dedupWindowMs: number },
): Promise<void> {
  // Our own receipt, whose write the SDK repeated.
  if (stored.at === result.at && stored.attempts === result.attempts && stored.receipt === result.receipt) return;
  // The channel accepted this message at some time between these two, and other ones at those moments.
  const times = [Date.parse(result.at ?? ''), clock.now()];
  const others = [stored.at, stored.ambiguousSince, result.ambiguousSince].filter((moment) => moment !== null);
  const isOne = others.every((moment) => times.every((time) => Math.abs(time - Date.parse(moment)) < dedupWindowMs));
  const since = isOne ? null : (stored.ambiguousSince ?? result.ambiguousSince ?? result.at);
  if (since === stored.ambiguousSince) return;
  log.warn('delivery sent again', {
    ...about(record, due),
    receipt: result.receipt,
    ambiguousSince: since ?? undefined,
  });
  await table.setAmbiguous(record, due.key, since);
}

/** Seconds from the end of a job to now. Undefined if the end is unknown, or if this is a correction. */
function secondsToNotify(record: JobRecord, due: Due, now: number): number | undefined {
  const { decision, job } = decisionOf(record, due);
  if (!job?.finishedAt || !isTerminal(job.status) || decision?.corrects) return undefined;
  // The clocks of Sitecore and of AWS differ.
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

/** `at` is when the attempt began. Within the deduplication window the channel has made sure that there is one message. */
const accepted = (delivery: Delivery, { receipt, dedupWindowMs = 0 }: Sent, at: number): Delivery => ({
  ...delivery,
  state: 'sent',
  nextAt: null,
  receipt,
  error: null,
  failingSince: null,
  ambiguousSince: isWithin(dedupWindowMs, delivery.ambiguousSince, at) ? null : delivery.ambiguousSince,
});

/** Only a failed attempt makes a delivery dead, and only when its retry window has passed. A busy channel does not. */
function afterFailure({ clock, timings }: Deps, record: JobRecord, due: Due, begun: Delivery, error: UpstreamError) {
  const now = clock.now();
  const isBusy = error.kind === 'rateLimited';
  const failingSince = isBusy && !due.delivery.failingSince ? null : failingSinceOf(record, due, error.message, now);
  const failed = { ...refused(begun, error, now), failingSince };
  return !isBusy && isOverdue(failed, { now, timings }) ? dead(failed, error.message) : failed;
}

function refused(delivery: Delivery, error: UpstreamError, now: number): Delivery {
  const ambiguousSince = delivery.ambiguousSince ?? (error.ambiguous ? delivery.at : null);
  const waitMs = deliveryWaitMs({
    attempts: delivery.attempts,
    needsOperator: error.kind === 'needsOperator' || error.kind === 'payloadRefused',
    retryAfterMs: error.retryAfterMs,
    isDeduplicated: isWithin(error.dedupWindowMs, ambiguousSince, now),
  });
  return { ...delivery, nextAt: new Date(now + waitMs).toISOString(), error: error.message, ambiguousSince };
}

// Without deduplication the window is 0; clock skew must not make it look open.
const isWithin = (dedupWindowMs: number, since: string | null, now: number): boolean =>
  dedupWindowMs > 0 && since !== null && now - Date.parse(since) < dedupWindowMs;
