/** Jobs of an environment that is no longer configured leave the work list, and come back with it. */

import type { Deps } from '../deps.ts';
import type { DueEntry, Reading } from '../domain/job.ts';
import type { SweepRun } from './sweep-run.ts';

/** For so long after the mark was written, whoever wrote it may be at work: a sweep's time-out, and clocks apart. */
const stillRemovingMs = 2 * 60_000;

/** The key of the mark that jobs of an environment left the work list. */
export const removedKey = (environment: string): string => `removed#${environment}`;

/** Remembers that jobs of this environment wait for it to come back, then takes them out of the work list. */
export async function unwatch(deps: Deps, environment: string, entries: DueEntry[], run: SweepRun): Promise<void> {
  const { store, clock, log, metrics } = deps;
  metrics.count('environmentRemoved', { environment });
  log.warn('environment is no longer configured; its jobs leave the work list', { environment });
  try {
    await store.writeMark(removedKey(environment), { since: new Date(clock.now()).toISOString() });
  } catch (error) {
    log.error('jobs of an environment that was removed stay in the work list; the next sweep goes on', {
      environment,
      error,
    });
    return;
  }
  await run.each(environment, entries, (entry) => run.record(entry, { kind: 'environmentRemoved' }));
}

/** Watches the jobs of an environment again that was not configured for a while. */
export async function restoreJobs(deps: Deps, environment: string, run: SweepRun): Promise<void> {
  const mark = run.invocation.marks.get(removedKey(environment)) as { since: string } | undefined;
  if (!mark) return;
  const reading: Reading = { kind: 'notAsked', error: 'the environment is configured again', since: null };
  try {
    for await (const records of deps.store.removedWith(environment)) {
      await Promise.all(records.map((job) => run.record(job, reading, { conclude: false })));
    }
    // Before that, a sweep of the deployment before may still be taking jobs out.
    if (deps.clock.now() - Date.parse(mark.since) > stillRemovingMs)
      await deps.store.removeMark(removedKey(environment), mark.since);
  } catch (error) {
    deps.log.error('jobs of an environment that came back could not all be watched again; the next sweep goes on', {
      environment,
      error,
    });
  }
}
