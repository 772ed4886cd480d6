/** Sends the pending deliveries of a record and stores the results. Only for records whose lease this worker holds. */

import type { Channel, Sent } from '../channels/channel.ts';
import type { Deps } from '../deps.ts';
import { release } from '../domain/advance.ts';
import { decisionOf } from '../domain/announce.ts';
import { deliveryWaitMs } from '../domain/backoff.ts';
import { type Delivery, isTerminal, type JobRecord } from '../domain/job.ts';
import { messageOf } from '../domain/message.ts';
import { type NamedDelivery as Due, dueDeliveries, failingSinceOf, isOverdue, sentBefore } from '../domain/outbox.ts';
import { UpstreamError } from '../platform/errors.ts';
import { type Invocation, sendTimeoutMs } from './invocation.ts';

/** The result of delivering for one record. */
export interface DeliverySummary {
  sent: number;
  failed: number;
  /** As the table holds it now. */
  record: JobRecord;
}

interface Tried {
  key: string;
  result: Delivery;
  isStored: boolean;
  /** As the table holds it, if the same write released the lease. */
  released?: JobRecord | undefined;
}

/**
 * Tries every due delivery of a leased record once, all channels in parallel, stores each result as soon as it is known,
 * and releases the lease: in the same write, if there is only one. Also delivers what other workers recorded under this
 * lease meanwhile.
 */
export async function deliver(
  deps: Deps,
  { record, leased }: { record: JobRecord; leased: boolean },
  invocation: Invocation,
): Promise<DeliverySummary> {
  if (!leased) return { sent: 0, failed: 0, record };
  const due = dueDeliveries(record, invocation.decisionContext({ conclude: false }));
  const byChannel = [...Map.groupBy(due, ({ channel }) => channel).values()];
  const work: Work = { deps, invocation, isAlone: due.length === 1 };
  const tried = (await Promise.all(byChannel.map((each) => inOrder(work, record, each)))).flat();
  const sent = tried.filter(({ result }) => result.state === 'sent').length;
  const results = Object.fromEntries(tried.map(({ key, result }) => [key, result]));
  const released = tried.find((one) => one.released)?.released;
  const summary = {
    sent,
    failed: tried.length - sent,
    record: released ?? { ...record, deliveries: { ...record.deliveries, ...results } },
  };
  if (released) return summary;
  // Without a stored receipt the delivery is ambiguous: the lease is left to expire, which marks it so.
  if (tried.some(({ isStored }) => !isStored)) return summary;
  return await releaseLease(deps, summary, invocation);
}

/** What the attempts of one worker for one record share. */
interface Work {
  deps: Deps;
  invocation: Invocation;
  /** Whether there is only one delivery. */
  isAlone: boolean;
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

/**
 * Tries the deliveries to one channel one after another: a correction waits until what it corrects is sent or dead, and
 * each one knows the receipts of those before it.
 */
async function inOrder(work: Work, record: JobRecord, due: Due[]): Promise<Tried[]> {
  const tried: Tried[] = [];
  const deliveries = { ...record.deliveries };
  for (const one of due) {
    const result = await attempt(work, { ...record, deliveries }, one);
    if (result !== null) tried.push(result);
    if (result?.result.state !== 'sent' && result?.result.state !== 'dead') break;
    deliveries[one.key] = result.result;
  }
  return tried;
}

/** Tries one delivery once. Null: the channel is closed, and the delivery waits for another invocation. */
async function attempt(work: Work, record: JobRecord, due: Due): Promise<Tried | null> {
  const { deps } = work;
  const { channel: name, delivery } = due;
  const breaker = work.invocation.channelBreaker(name);
  if (!breaker) return await store(work, record, due, dead(delivery, 'the channel is no longer configured'));

  if (!(await breaker.enter())) return null;
  const at = deps.clock.now();
  const attempts = delivery.attempts + 1;
  const { result, ambiguousSince } = await send(deps, record, due, deps.channel(name));
  const begun = { ...delivery, attempts, at: new Date(at).toISOString(), ambiguousSince };
  // The receipt first: until it is stored, the delivery is ambiguous.
  if (!(result instanceof UpstreamError)) {
    const tried = await store(work, record, due, accepted(begun, result, at), result);
    await breaker.succeeded();
    return tried;
  }
  const failed = afterFailure(deps, record, due, begun, result);
  const tried = await store(work, record, due, failed);
  await breaker.failed(result);
  return tried;
}

/**
 * Sends one message. If the fate of an earlier attempt is unknown, asks the channel for it first, where that is possible.
 * Returns the error instead of throwing it, and since when the delivery is ambiguous, not counting this attempt.
 */
async function send(
  { config, log, clock }: Deps,
  record: JobRecord,
  due: Due,
  channel: Channel,
): Promise<{ result: Sent | UpstreamError; ambiguousSince: string | null }> {
  let { ambiguousSince } = due.delivery;
  try {
    const { jobUrl } = config.environments[record.environment] ?? {};
    const message = messageOf(record, { ...due, jobUrl });
    const earlier = sentBefore(record, due).map((one) => ({
      message: messageOf(record, { ...one, jobUrl }),
      receipt: one.delivery.receipt ?? '',
    }));
    const deadline = clock.now() + sendTimeoutMs;
    if (ambiguousSince !== null && channel.lookUp) {
      const look = await channel.lookUp(message, sendTimeoutMs, ambiguousSince, earlier);
      if ('refused' in look) log.warn('delivery not looked up', { ...about(record, due), reason: look.refused });
      else ambiguousSince = null;
      if ('found' in look && look.found) return { result: look.found, ambiguousSince };
    }
    return { result: await channel.send(message, deadline - clock.now(), earlier), ambiguousSince };
  } catch (error) {
    if (error instanceof UpstreamError) return { result: error, ambiguousSince };
    log.error('message render failed', { ...about(record, due), error });
    return {
      result: new UpstreamError('payloadRefused', 'internal error: see the log', { cause: error }),
      ambiguousSince,
    };
  }
}

const logMessages = { sent: 'delivery sent', pending: 'delivery retry scheduled', dead: 'delivery dead' };

async function store(work: Work, record: JobRecord, due: Due, result: Delivery, sent?: Sent): Promise<Tried> {
  const { deps } = work;
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
    const released = work.isAlone ? await releaseWith(work, record, key, result) : undefined;
    if (released) return { key, result, isStored: true, released };
    const stored = await table.saveDelivery(record, key, result, due.delivery);
    if (stored) await noteSecondReceipt(deps, record, due, { stored, result, sent });
    return { key, result, isStored: true };
  } catch (cause) {
    log.error('receipt write failed', { ...about(record, due), error: cause });
    return { key, result, isStored: false };
  }
}

/** Stores a result and releases the lease in one write. Undefined: another worker has written since. */
async function releaseWith(
  { deps, invocation }: Work,
  record: JobRecord,
  key: string,
  result: Delivery,
): Promise<JobRecord | undefined> {
  const deliveries = { ...record.deliveries, [key]: result };
  const next = release({ ...record, deliveries }, invocation.decisionContext({ conclude: false }));
  const saved = await deps.store.save(next, record, { settled: next.watch !== 'jobs', result: key });
  return saved.won ? saved.record : undefined;
}

/** Another worker has stored a receipt: the channel accepted two messages, unless it certainly dropped one of them. */
async function noteSecondReceipt(
  { store: table, log, clock }: Deps,
  record: JobRecord,
  due: Due,
  { stored, result, sent }: { stored: Delivery; result: Delivery; sent: Sent | undefined },
): Promise<void> {
  // Our own receipt, whose write the SDK repeated.
  const isSameReceipt = stored.receipt === result.receipt;
  if (stored.at === result.at && stored.attempts === result.attempts && isSameReceipt) return;
  // Another worker looked this message up, or made the same change to an earlier one.
  if (sent?.identifiesMessage && isSameReceipt) return;
  // The channel accepted this message at some time between these two, and other ones at those moments.
  const times = [Date.parse(result.at ?? ''), clock.now()];
  const others = [stored.at, stored.ambiguousSince, result.ambiguousSince].filter((moment) => moment !== null);
  const { dedupWindowMs = 0 } = sent ?? {};
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
