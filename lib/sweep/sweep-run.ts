/** What one sweep has done so far, and its deliveries under way: a slow channel delays no check. */

import type { Deps } from '../deps.ts';
import type { DueEntry, JobName, Reading } from '../domain/job.ts';
import { record } from '../pipeline/check.ts';
import { deliver } from '../pipeline/deliver.ts';
import type { ContextOptions, Invocation } from '../pipeline/invocation.ts';
import { logCheck } from '../pipeline/log-check.ts';
import { inParallel } from '../platform/async.ts';
import { type Cursors, cursorOf, readCursors } from './work-list.ts';

/** What one sweep did. `left`: due, but not reached in time. */
export interface SweepResult {
  checked: number;
  changed: number;
  sent: number;
  failedChecks: number;
  failedDeliveries: number;
  left: number;
}

/** The result of a sweep that has done nothing yet. */
export const nothingDone = (): SweepResult => ({
  checked: 0,
  changed: 0,
  sent: 0,
  failedChecks: 0,
  failedDeliveries: 0,
  left: 0,
});

/** The state of one sweep. Only its methods change it. */
export interface SweepRun {
  invocation: Invocation;
  /**
   * Works on the entries of an environment, each by `isolate`, until little time is left. Keeps where it had to stop.
   * Work that had no time for its entry returns `left`.
   */
  each(environment: string, entries: DueEntry[], work: (entry: DueEntry) => Promise<'left' | undefined>): Promise<void>;
  /** Does some work for one job. If the work throws, this job backs off and the others go on. */
  isolate(job: JobName, work: () => Promise<void>): Promise<void>;
  /** Counts a reading of a watched job. */
  noteReading(reading: Reading): void;
  /** Records a reading (null: only its deliveries are due) and starts the deliveries that follow. */
  record(
    job: JobName,
    reading: Reading | null,
    options?: Partial<ContextOptions> & { begunAt?: number },
  ): Promise<void>;
  /** Where environments had to stop. */
  cursors(): Cursors;
  /** Resolves when no delivery is under way any more. */
  delivered(): Promise<unknown>;
  result(): SweepResult;
}

/** With less time left than this, no new work starts: it could not be finished. */
const lastStartMs = 15_000;

export function createSweepRun(deps: Deps, invocation: Invocation): SweepRun {
  const { clock, log, config } = deps;
  const result = nothingDone();
  const cursors: Cursors = {};
  const deliveries: Promise<void>[] = [];

  const run: SweepRun = {
    invocation,

    async each(environment, entries, work) {
      let started = 0;
      const left = new Set<DueEntry>();
      const inTime = (function* () {
        while (started < entries.length && clock.now() < invocation.deadline - lastStartMs)
          yield entries[started++] as DueEntry;
      })();
      await inParallel(inTime, config.settings.sweepConcurrency, (entry) =>
        run.isolate(entry, async () => {
          if ((await work(entry)) === 'left') left.add(entry);
        }),
      );
      for (const entry of entries.slice(started)) left.add(entry);
      if (left.size === 0) return;
      result.left += left.size;
      const last = entries[entries.findIndex((entry) => left.has(entry)) - 1];
      const cursor = last ? cursorOf(last) : readCursors(invocation.marks)[environment];
      if (cursor) cursors[environment] = cursor;
    },

    async isolate({ environment, jobId }, work) {
      try {
        await work();
      } catch (error) {
        result.failedChecks += 1;
        log.error('job check failed', { environment, jobId, error });
        const reading: Reading = { kind: 'unreadable', error: 'internal error: see the log' };
        await run.record({ environment, jobId }, reading).catch((cause: unknown) => {
          log.error('job backoff failed', { environment, jobId, error: cause });
        });
      }
    },

    noteReading(reading) {
      result.checked += 1;
      if (reading.kind !== 'job') result.failedChecks += 1;
    },

    async record(job, reading, { begunAt = clock.now(), ...options } = {}) {
      const observed = await record(deps, job, reading, invocation, { conclude: true, ...options });
      if (observed.transition) result.changed += 1;
      const delivery = deliver(deps, observed, invocation).then(
        ({ sent, failed, record: delivered }) => {
          result.sent += sent;
          result.failedDeliveries += failed;
          // A running job that exceeds a limit is not logged in every sweep.
          const isTrouble = reading !== null && reading.kind !== 'job';
          if (isTrouble || observed.isWritten) logCheck(deps, { ...observed, record: delivered, reading }, begunAt);
        },
        (error: unknown) => {
          result.failedDeliveries += 1;
          log.error('job delivery failed', { environment: job.environment, jobId: job.jobId, error });
        },
      );
      deliveries.push(delivery);
    },

    cursors: () => ({ ...cursors }),
    delivered: () => Promise.all(deliveries),
    result: () => ({ ...result }),
  };
  return run;
}
