/** One environment's part of a sweep: its jobs are read if that is due, and what is worth it is recorded. */

import type { Parts } from '../deps.ts';
import { type DueEntry, isTerminal, type Reading } from '../domain/job.ts';
import { type LimitTerms, mayExceed } from '../domain/time-limits.ts';
import type { Gate } from '../pipeline/api-breaker.ts';
import { inParallel } from '../platform/async.ts';
import { adopt, look } from './discover.ts';
import { createOverview, type Overview } from './job-reader.ts';
import type { Tally } from './sweep-run.ts';
import type { WorkList } from './work-list.ts';

/** So many known jobs denied, and none found, say something about the credential rather than about the jobs. */
const deniedThatMeanForeign = 5;

/** A job that was known, and that the API denies now. */
type Denied = { entry: DueEntry; reading: Reading };

/** Looks at the due jobs of a configured environment, and if `isLookedThrough`, for jobs that nobody named. */
export async function sweepEnvironment(
  parts: Parts,
  environment: string,
  { due, ids }: WorkList,
  tally: Tally,
  isLookedThrough: boolean,
): Promise<void> {
  const gate = tally.invocation.gate(environment);
  const { discover = false } = parts.config.environments[environment] ?? {};
  const findings = discover && isLookedThrough ? await look(parts, environment, tally) : null;
  const nothingYet = discover && !isLookedThrough ? { jobs: new Map(), isComplete: true } : null;
  const overview = createOverview(gate, findings?.listing ?? nothingYet, tally.invocation.readBefore);
  const denied: Denied[] = [];
  await tally.each(environment, due.get(environment) ?? [], async (entry) => {
    const begunAt = parts.clock.now();
    const reading = await read(parts, entry, overview, tally);
    if (reading?.kind === 'job' && !isTerminal(reading.job.status)) tally.running += 1;
    if (isUnchanged(entry, reading, { now: parts.clock.now(), limitRules: parts.config.limits })) return;
    // The job may be gone, or the credential a foreign one: that shows when all jobs are read.
    if (isDenied(entry, reading)) denied.push({ entry, reading });
    else await tally.record(entry, reading, { begunAt });
  });
  await judge(parts, gate, denied, tally);
  // A credential that belongs to another tenant now would show jobs of that one.
  if (findings && gate.isOpen()) await adopt(parts, environment, findings, ids.get(environment), tally);
}

/** Null: the API could not be asked, or need not be, but something else may be due. */
async function read(
  parts: Parts,
  { jobId, check }: DueEntry,
  overview: Overview,
  { result }: Tally,
): Promise<Reading | null> {
  if (!isReadDue(check, parts.clock.now())) return null;
  const reading = await overview.read(jobId);
  if (reading.kind === 'notAsked') return isLongSince(parts, reading.since) ? reading : null;
  result.checked += 1;
  if (reading.kind !== 'job') result.failedChecks += 1;
  return reading;
}

const isReadDue = ({ nextAt }: DueEntry['check'], now: number): boolean => nextAt !== null && Date.parse(nextAt) <= now;

const isLongSince = ({ clock, limits }: Parts, since: string | null): boolean =>
  since !== null && clock.now() - Date.parse(since) >= limits.unreadableForMs;

/** Whether there is nothing to record, as far as the entry shows: most jobs, most of the time. */
function isUnchanged(entry: DueEntry, reading: Reading | null, terms: LimitTerms): boolean {
  const { environment, status, check, notFoundSince, lease, pendingAt } = entry;
  if (lease || isTerminal(status) || (pendingAt !== null && Date.parse(pendingAt) <= terms.now)) return false;
  if (reading === null) return isReadDue(check, terms.now);
  const isSame = reading.kind === 'job' && reading.job.status === status && !notFoundSince && check.failures === 0;
  return isSame && !mayExceed(environment, reading.job, terms);
}

const isDenied = ({ status }: DueEntry, reading: Reading | null): reading is Reading =>
  reading?.kind === 'notFound' && status !== null && !isTerminal(status);

async function judge(parts: Parts, gate: Gate, denied: Denied[], tally: Tally): Promise<void> {
  if (denied.length >= deniedThatMeanForeign && gate.found() === 0) return await gate.closeAsForeign(denied.length);
  await inParallel(denied.values(), parts.config.settings.sweepConcurrency, ({ entry, reading }) =>
    tally.keepGoing(entry, () => tally.record(entry, reading)),
  );
}
