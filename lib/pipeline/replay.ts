/** Replays dead deliveries: an operator does this once a channel works again. */

import type { Deps } from '../deps.ts';
import { revive } from '../domain/advance.ts';
import type { JobName } from '../domain/job.ts';
import type { NamedDelivery } from '../domain/outbox.ts';
import { update } from '../table/update.ts';

/** Selects deliveries. A member that is left out does not restrict the selection. */
export interface Wanted {
  channel?: string | undefined;
  /** Epoch milliseconds: selects deliveries whose last attempt, or decision if there was none, is no older than this. */
  since?: number | undefined;
  job?: JobName | undefined;
}

/** Makes dead deliveries pending again; the next sweep sends them. Returns their keys by job. */
export async function replay(deps: Deps, wanted: Wanted): Promise<{ job: JobName; revived: string[] }[]> {
  const replayed: { job: JobName; revived: string[] }[] = [];
  for await (const job of jobsOf(deps, wanted)) {
    const revived = await replayOne(deps, job, wanted);
    if (revived.length > 0) replayed.push({ job, revived });
  }
  return replayed;
}

async function* jobsOf({ store }: Deps, { job }: Wanted): AsyncGenerator<JobName> {
  if (job) yield job;
  else for await (const page of store.dead()) yield* page.map(({ environment, jobId }) => ({ environment, jobId }));
}

/** Whether a delivery is selected by its channel and time. */
export const isWanted = ({ channel, delivery }: NamedDelivery, wanted: Wanted): boolean =>
  (wanted.channel === undefined || channel === wanted.channel) &&
  Date.parse(delivery.at ?? delivery.createdAt) >= (wanted.since ?? 0);

async function replayOne(deps: Deps, job: JobName, wanted: Wanted): Promise<string[]> {
  const { store, clock, timings, newId, log } = deps;
  const { change, isWritten } = await update(store, job, (known) => {
    if (!known) return { next: null, revived: [] };
    const { next, revived } = revive(known, (one) => isWanted(one, wanted), {
      now: clock.now(),
      writer: newId(),
      timings,
    });
    return { next: revived.length > 0 ? next : null, revived };
  });
  if (isWritten) log.info('deliveries replayed', { ...job, deliveries: change.revived });
  return change.revived;
}
