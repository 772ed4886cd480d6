/** Fetch, compare, record. What a job is known to be is written here, and nowhere else. */

import type { Deps } from '../deps.ts';
import { advance } from '../domain/advance.ts';
import type { JobName, JobRecord, Reading, Transition } from '../domain/job.ts';
import { inTime } from '../platform/async.ts';
import { RequestError } from '../platform/errors.ts';
import { deliver } from './deliver.ts';
import { beginInvocation, type Invocation, type TermsOptions } from './invocation.ts';

/** What a check brought to light. */
export interface Checked {
  /** As the table has it now. */
  record: JobRecord;
  /** Null: nothing changed. */
  transition: Transition | null;
  /** Last known status before. */
  previousStatus: string | null;
  reading: Reading;
}

/** How often a record is compared anew because somebody else wrote meanwhile. Each time, somebody has made headway. */
const attempts = 10;

/** Looks at one job now, for a trigger that names it, and tells whom it concerns. */
export async function check(deps: Deps, job: JobName, deadline: number): Promise<Checked> {
  const begunAt = deps.clock.now();
  const invocation = await beginInvocation(deps, { deadline, environments: [job.environment] });
  const reading = await invocation.apiBreaker(job.environment).read(job.jobId, invocation.readBefore);
  const observed = await record(deps, job, reading, invocation, { conclude: false });
  const delivered = await deliver(deps, observed, invocation);
  const checked = { ...observed, record: delivered.record, reading };
  logCheck(deps, checked, begunAt);
  return checked;
}

/** Callers wait no longer than this, whatever happens behind it. */
const answerWithinMs = 25_000;

/** Looks at one job for a caller who waits. Throws a `RequestError` (503) if it could not be recorded in time. */
export async function checkInTime(deps: Deps, job: JobName, remainingMs: number): Promise<Checked> {
  const ms = Math.min(remainingMs, answerWithinMs);
  try {
    return await inTime(ms, () => check(deps, job, deps.clock.now() + ms));
  } catch (error) {
    deps.log.error('a job could not be recorded', { ...job, error });
    throw new RequestError(503, 'The job could not be recorded. Ask again later.');
  }
}

/** A record as it was written or found, and whether this worker wrote it and has the lease. */
export interface Observed {
  record: JobRecord;
  transition: Transition | null;
  previousStatus: string | null;
  isWritten: boolean;
  leased: boolean;
}

/**
 * Compares a reading with the record and writes what follows, in one conditional write. Who loses the race compares
 * again with what the winner wrote. Without a reading, only the lease is taken, if something can be sent.
 */
export async function record(
  deps: Deps,
  job: JobName,
  reading: Reading | null,
  invocation: Invocation,
  options: TermsOptions,
): Promise<Observed> {
  let known = await deps.store.get(job);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const terms = invocation.terms(options);
    const { next, transition } = advance(known, job, reading, terms);
    const previousStatus = known?.status ?? null;
    if (next === null) {
      return { record: known as JobRecord, transition: null, previousStatus, isWritten: false, leased: false };
    }

    const saved = await deps.store.save(next, known);
    if (saved.won && saved.record) {
      if (transition) deps.metrics.count('changed', { environment: job.environment });
      const leased = saved.record.lease?.owner === terms.writer;
      return { record: saved.record, transition, previousStatus, isWritten: true, leased };
    }
    known = saved.record;
  }
  throw new Error(`${job.jobId} of ${job.environment} was written by others ${attempts} times in a row`);
}

/** One line that says of a check what it was about, what was found, what was decided and why, and how long it took. */
export function logCheck(
  { log, clock }: Pick<Deps, 'log' | 'clock'>,
  checked: Omit<Checked, 'reading'> & { reading: Reading | null },
  begunAt: number,
): void {
  const { record: known, transition, previousStatus, reading } = checked;
  const { environment, jobId, status, decision, exceeded, check: itsCheck, deliveries } = known;
  const isWell = reading === null || reading.kind === 'job';
  log[isWell ? 'info' : 'warn']('job checked', {
    environment,
    jobId,
    status,
    previousStatus,
    reading: reading?.kind,
    transition: transition?.reason ?? null,
    outcome: decision?.outcome,
    rule: decision?.rule,
    channels: decision?.channels,
    exceeded: exceeded ? Object.keys(exceeded) : undefined,
    deliveries: Object.fromEntries(Object.entries(deliveries).map(([key, { state }]) => [key, state])),
    ...(isWell
      ? {}
      : { failures: itsCheck.failures, error: reading && 'error' in reading ? reading.error : undefined }),
    tookMs: clock.now() - begunAt,
  });
}
