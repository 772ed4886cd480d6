/** One job: fetch, decide, record, deliver. The status of a job is written here and nowhere else. */

import type { Deps } from '../deps.ts';
import { advance, basisOf } from '../domain/advance.ts';
import type { DecisionContext } from '../domain/decision-context.ts';
import type { JobName, JobRecord, Reading, Transition } from '../domain/job.ts';
import { decide } from '../domain/transition.ts';
import { update } from '../table/update.ts';
import { deliver } from './deliver.ts';
import { beginInvocation, type ContextOptions, type Invocation } from './invocation.ts';
import { logCheck } from './log-check.ts';

/** The result of a check. */
export interface Checked {
  /** As the table holds it now. */
  record: JobRecord;
  /** Null: nothing changed. */
  transition: Transition | null;
  /** The last known status before this check. */
  previousStatus: string | null;
  reading: Reading;
}

/** Checks one job that a trigger names, and sends what follows. `deadline` is in epoch milliseconds. */
export async function check(deps: Deps, job: JobName, deadline: number): Promise<Checked> {
  const { invocation, begunAt, reading } = await begin(deps, job, deadline);
  const recorded = await record(deps, job, reading, invocation, { conclude: false }, invocation);
  const delivered = await deliver(deps, recorded, invocation);
  const checked = { ...recorded, record: delivered.record, reading };
  logCheck(deps, checked, begunAt);
  return checked;
}

/** Begins the invocation, and reads the job unless its environment is paused. */
async function begin(deps: Deps, job: JobName, deadline: number) {
  // Only the table says whether a request may be sent. Meanwhile a connection is opened: that takes two round trips.
  const connection = deps.api(job.environment).connect();
  try {
    const invocation = await beginInvocation(deps, { deadline, environments: [job.environment], job });
    const begunAt = deps.clock.now();
    const reading = await invocation.apiBreaker(job.environment).read(job.jobId, invocation.readBefore, connection);
    return { invocation, begunAt, reading };
  } finally {
    connection?.destroy();
  }
}

/** A record as it was written or found, and whether this worker wrote it and holds the lease. */
export interface Recorded extends Omit<Checked, 'reading'> {
  isWritten: boolean;
  leased: boolean;
}

/**
 * Decides about a reading and writes the result in one conditional write. Without a reading, only acquires the lease if
 * something can be sent. `read`: the caller has read the record already.
 */
export async function record(
  deps: Deps,
  job: JobName,
  reading: Reading | null,
  invocation: Invocation,
  options: ContextOptions,
  read?: { known: JobRecord | undefined },
): Promise<Recorded> {
  const decideFrom = (known: JobRecord | undefined) =>
    decideNext(known, job, reading, invocation.decisionContext(options));
  const updated = await update(deps.store, job, decideFrom, read);
  const { known, isWritten, change } = updated;
  const written = updated.record as JobRecord;
  const transition = isWritten ? change.transition : null;
  const leased = isWritten && written.lease?.owner === change.next?.writer;
  return { record: written, transition, previousStatus: known?.status ?? null, isWritten, leased };
}

/** The transition that a reading causes, and the record to write; null: there is nothing to write. Pure. */
export function decideNext(
  known: JobRecord | undefined,
  job: JobName,
  given: Reading | null,
  context: DecisionContext,
): { transition: Transition | null; next: JobRecord | null } {
  const { prior, reading } = basisOf(known, job, given, context);
  const transition = reading && decide(prior, reading, context);
  return { transition, next: advance(known, { prior, reading }, transition, context) };
}
