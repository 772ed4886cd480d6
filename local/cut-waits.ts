/** The demo waits for nobody: what would be tried again in a minute is due at once, by the clock of the table. */
import type { Deps } from '../lib/deps.ts';
import type { Delivery, JobRecord } from '../lib/domain/job.ts';
import { lookAfterMs } from '../lib/domain/outbox.ts';

const dayMs = 24 * 60 * 60_000;

/**
 * Makes everything that waits in the work list due now, so that the next sweep takes it up. A lease is ended only if it
 * was taken before `killedAt` (epoch milliseconds): its worker was killed, and can do nothing under it any more.
 */
export async function cutWaits(deps: Pick<Deps, 'store' | 'clock' | 'newId'>, killedAt: number): Promise<void> {
  const { store, clock } = deps;
  for await (const entries of store.due(clock.now() + dayMs)) {
    for (const entry of entries) {
      const record = await store.get(entry);
      const isOrphaned = record?.lease != null && record.lease.since < killedAt;
      if (record && (record.lease === null || isOrphaned)) await cut(deps, record);
    }
  }
}

async function cut({ store, clock, newId }: Pick<Deps, 'store' | 'clock' | 'newId'>, record: JobRecord): Promise<void> {
  const now = clock.now();
  const at = new Date(now).toISOString();
  const isLater = (time: string | null): boolean => time !== null && time > at;
  // A lost message is looked up when everything under way has arrived, which here it does at once.
  const lookedUpAt = new Date(now - lookAfterMs).toISOString();
  const isTooEarly = (delivery: Delivery): boolean =>
    delivery.ambiguousSince !== null && delivery.at !== null && delivery.at > lookedUpAt;
  const waiting = Object.entries(record.deliveries).filter(
    ([, delivery]) => delivery.state === 'pending' && (isLater(delivery.nextAt) || isTooEarly(delivery)),
  );
  if (waiting.length === 0 && !isLater(record.check.nextAt) && record.lease === null) return;
  for (const [key, delivery] of waiting) {
    const due = { ...delivery, nextAt: at, ...(isTooEarly(delivery) && { at: lookedUpAt }) };
    await store.saveDelivery(record, key, due, delivery);
  }
  const { check, lease, pendingAt } = record;
  const next = {
    ...record,
    check: isLater(check.nextAt) ? { ...check, nextAt: at } : check,
    lease: lease && { ...lease, until: now },
    pendingAt: pendingAt && at,
    dueAt: now,
    revision: record.revision + 1,
    writer: newId(),
  };
  // Another worker that wrote meanwhile has made headway, which is as well.
  await store.save(next, record);
}
