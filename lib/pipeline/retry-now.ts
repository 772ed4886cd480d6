/** Makes waiting deliveries due now: an operator does this once a channel works again. */

import type { Deps } from '../deps.ts';
import { release } from '../domain/advance.ts';
import type { Cooldown, JobName, JobRecord } from '../domain/job.ts';
import { isPending, type NamedDelivery, namedDeliveries } from '../domain/outbox.ts';
import { update } from '../table/update.ts';
import { cooldownKey } from './cooldown.ts';
import { isWanted, type Wanted } from './replay.ts';

/** Long enough for the writes of one job. */
const leaseMs = 30_000;

/**
 * Makes the selected deliveries that wait for a later attempt due now, and lets their channels be probed; the next sweep
 * sends them. A job whose lease is held by a worker is left out. Returns the keys of the deliveries by job.
 */
export async function retryNow(deps: Deps, wanted: Wanted): Promise<{ job: JobName; retried: string[] }[]> {
  const results: { job: JobName; retried: string[] }[] = [];
  for await (const job of jobsOf(deps, wanted)) {
    const retried = await retryOne(deps, job, wanted);
    if (retried.length > 0) results.push({ job, retried });
  }
  if (results.length > 0) await endCooldowns(deps, wanted);
  return results;
}

async function* jobsOf({ store }: Deps, { job }: Wanted): AsyncGenerator<JobName> {
  if (job) return yield job;
  for await (const page of store.due(Number.MAX_SAFE_INTEGER))
    yield* page.filter(({ pendingAt }) => pendingAt !== null);
}

/** Takes the lease meanwhile, so that no worker attempts the same deliveries. */
async function retryOne(deps: Deps, { environment, jobId }: JobName, wanted: Wanted): Promise<string[]> {
  const { store, clock, newId, timings } = deps;
  const job = { environment, jobId };
  const now = clock.now();
  const writer = newId();
  const lease = { owner: writer, since: now, until: now + leaseMs };
  const { change, isWritten } = await update(store, job, (known) => {
    const waiting = known && known.lease === null ? waitingIn(known, wanted, now) : [];
    if (!known || waiting.length === 0) return { next: null, waiting };
    return { next: { ...known, lease, revision: known.revision + 1, writer }, waiting };
  });
  if (!isWritten) return [];
  const at = new Date(now).toISOString();
  for (const { key, delivery } of change.waiting)
    await store.saveDelivery(job, key, { ...delivery, nextAt: at }, delivery);
  await update(store, job, (known) => ({
    next: known?.lease?.owner === writer ? release(known, { now, writer: newId(), timings }) : null,
  }));
  return change.waiting.map(({ key }) => key);
}

const waitingIn = (record: JobRecord, wanted: Wanted, now: number): NamedDelivery[] =>
  namedDeliveries(record).filter(
    (one) => isPending(one.delivery) && Date.parse(one.delivery.nextAt ?? '') > now && isWanted(one, wanted),
  );

/** The next sweep probes each of these channels with one message, and sends the others if it succeeds. */
async function endCooldowns({ store, config, clock }: Deps, { channel }: Wanted): Promise<void> {
  const keys = (channel === undefined ? Object.keys(config.channels) : [channel]).map((name) =>
    cooldownKey('channel', name),
  );
  for (const [key, mark] of await store.readMarks(keys)) {
    const cooldown = mark as Cooldown;
    if (cooldown.until > clock.now()) await store.writeMark(key, { ...cooldown, until: clock.now() });
  }
}
