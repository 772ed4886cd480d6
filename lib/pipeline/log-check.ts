/** The log line of a check. */

import type { Deps } from '../deps.ts';
import type { Reading } from '../domain/job.ts';
import type { Checked } from './check.ts';

/** Logs what a check read, what it decided and why, and how long it took. `begunAt` is in epoch milliseconds. */
export function logCheck(
  { log, clock }: Pick<Deps, 'log' | 'clock'>,
  checked: Omit<Checked, 'reading'> & { reading: Reading | null },
  begunAt: number,
): void {
  const { record, transition, previousStatus, reading } = checked;
  const { environment, jobId, status, decision, exceeded, check, deliveries } = record;
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
    ...(isWell ? {} : { failures: check.failures, error: 'error' in reading ? reading.error : undefined }),
    tookMs: clock.now() - begunAt,
  });
}
