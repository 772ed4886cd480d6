/** Dead deliveries sent again: an operator's verb, for when the channel works again. */

import type { Deps } from '../deps.ts';
import { revive } from '../domain/advance.ts';
import type { JobName } from '../domain/job.ts';
import type { NamedDelivery } from '../domain/outbox.ts';

/** Which dead deliveries are meant. What is left out does not restrict. */
export interface Wanted {
  channel?: string | undefined;
  /** Epoch milliseconds: those that were last tried, or decided if never tried, no longer ago. */
  since?: number | undefined;
  job?: JobName | undefined;
}

/** Makes dead deliveries pending again; the next sweep sends them. Gives their keys, job by job. */
export async function replay(deps: Deps, wanted: Wanted): Promise<{ job: JobName; revived: string[] }[]> {
  const replayed: { job: JobName; revived: string[] }[] = [];
  for await (const job of named(deps, wanted)) {
    const revived = await reviveOne(deps, job, wanted);
    if (revived.length > 0) replayed.push({ job, revived });
  }
  return replayed;
}

async function* named({ store }: Deps, { job }: Wanted): AsyncGenerator<JobName> {
  if (job) yield job;
  else for await (const page of store.dead()) yield* page.map(({ environment, jobId }) => ({ environment, jobId }));
}

async function reviveOne(deps: Deps, job: JobName, { channel, since = 0 }: Wanted): Promise<string[]> {
  const { store, clock, limits, newId, log } = deps;
  const isWanted = (one: NamedDelivery): boolean =>
    (channel === undefined || one.channel === channel) &&
    Date.parse(one.delivery.at ?? one.delivery.createdAt) >= since;

  let known = await store.get(job);
  while (known) {
    const { next, revived } = revive(known, isWanted, { now: clock.now(), writer: newId(), limits });
    if (revived.length === 0) return [];
    const saved = await store.save(next, known);
    if (saved.won) {
      log.info('deliveries revived', { ...job, deliveries: revived });
      return revived;
    }
    known = saved.record;
  }
  return [];
}
