/** What a sweep has done so far, and the deliveries under way: a slow channel holds up no check. */

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

export interface SweepRun {
  invocation: Invocation;
  result: SweepResult;
  /** How many jobs were seen that go on. */
  running: number;
  /** Where environments had to stop. */
  cursors: Cursors;
  /** Works on the entries of an environment until little time is left, each as by `keepGoing`. */
  each(environment: string, entries: DueEntry[], work: (entry: DueEntry) => Promise<void>): Promise<void>;
  /** Does some work for one job. If that throws, the job steps back, and the others go on. */
  keepGoing(job: JobName, work: () => Promise<void>): Promise<void>;
  /** Records a reading, counts, and begins the deliveries. */
  record(
    job: JobName,
    reading: Reading | null,
    options?: Partial<ContextOptions> & { begunAt?: number },
  ): Promise<void>;
  /** Resolves when no delivery is under way any more. */
  delivered(): Promise<unknown>;
}

/** No new work is taken when less than this is left: it could not be finished. */
const lastStartMs = 15_000;

export function createSweepRun(deps: Deps, invocation: Invocation): SweepRun {
  const { clock, log, metrics, config } = deps;
  const result = { checked: 0, changed: 0, sent: 0, failedChecks: 0, failedDeliveries: 0, left: 0 };
  const cursors: Cursors = {};
  const deliveries: Promise<void>[] = [];

  const settle: SweepRun['record'] = async (job, reading, { begunAt = clock.now(), ...options } = {}) => {
    const observed = await record(deps, job, reading, invocation, { conclude: true, ...options });
    if (observed.transition) result.changed += 1;
    const delivery = deliver(deps, observed, invocation).then(
      ({ sent, failed, record: delivered }) => {
        result.sent += sent;
        result.failedDeliveries += failed;
        // A job that goes on, though for too long, is no line with every sweep.
        const isTrouble = reading !== null && reading.kind !== 'job';
        if (isTrouble || observed.isWritten) logCheck(deps, { ...observed, record: delivered, reading }, begunAt);
      },
      (error: unknown) => {
        result.failedDeliveries += 1;
        log.error('a job could not be delivered', { environment: job.environment, jobId: job.jobId, error });
      },
    );
    deliveries.push(delivery);
  };

  const keepGoing = async ({ environment, jobId }: JobName, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      result.failedChecks += 1;
      metrics.count('checkFailed', { environment, reason: 'internal' });
      log.error('a job could not be tended', { environment, jobId, error });
      const reading: Reading = { kind: 'unreadable', error: 'internal error: see the log' };
      await settle({ environment, jobId }, reading).catch((cause: unknown) => {
        log.error('a job could not step back', { environment, jobId, error: cause });
      });
    }
  };

  return {
    invocation,
    result,
    running: 0,
    cursors,
    async each(environment, entries, work) {
      let begun = 0;
      const inTime = (function* () {
        while (begun < entries.length && clock.now() < invocation.deadline - lastStartMs)
          yield entries[begun++] as DueEntry;
      })();
      await inParallel(inTime, config.settings.sweepConcurrency, (entry) => keepGoing(entry, () => work(entry)));
      if (begun === entries.length) return;
      result.left += entries.length - begun;
      const last = entries[begun - 1];
      const cursor = last ? cursorOf(last) : readCursors(invocation.marks)[environment];
      if (cursor) cursors[environment] = cursor;
    },
    keepGoing,
    record: settle,
    delivered: () => Promise.all(deliveries),
  };
}
