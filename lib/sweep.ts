/** One pass over the work list: the poller, the retry engine and the crash recovery at once. */

import { deliver } from './deliver.ts';
import { beginInvocation, type Invocation } from './invocation.ts';
import { type DueEntry, isTerminal, type JobName, type Reading } from './job.ts';
import { logCheck, record } from './observe.ts';
import type { Parts } from './parts.ts';
import { inParallel, placeIn, placeKey, type WorkList, walkFrom } from './walk.ts';

/** What one sweep did. `left`: due, but not reached in time. */
export interface SweepResult {
  checked: number;
  changed: number;
  sent: number;
  failedChecks: number;
  failedDeliveries: number;
  left: number;
}

/** No new work is taken when less than this is left: it could not be finished. */
const lastStartMs = 15_000;
/** So many known jobs denied, and none found, say something about the credential rather than about the jobs. */
const deniedThatMeanForeign = 5;

/** Looks at everything that is due, and delivers what is to be delivered, until little time is left. */
export async function sweep(parts: Parts, deadline: number): Promise<SweepResult> {
  const environments = Object.keys(parts.config.environments);
  const invocation = await beginInvocation(parts, {
    deadline,
    environments,
    marks: [placeKey, ...environments.map(removedKey)],
  });
  const tally = createTally(parts, invocation);

  for (const environment of environments) await welcomeBack(parts, environment, invocation);
  const walk = walkFrom(placeIn(invocation.marks), parts, deadline - lastStartMs);
  const concurrency = parts.config.settings.sweepConcurrency;
  let workList: WorkList;
  try {
    await inParallel(walk.entries(), concurrency, (entry) =>
      keepGoing(parts, entry, tally, () => tend(parts, entry, tally)),
    );
    for (const environment of environments) await judgeDenied(parts, environment, tally);
    workList = await walk.finish();
  } finally {
    // Whatever happens: what is being sent gets its receipt.
    await tally.delivered();
  }

  const result = { ...tally.result, left: workList.left };
  report(parts, result, workList);
  return result;
}

/** What is zero is left out: an idle night costs nothing. */
function report({ metrics, log }: Parts, result: SweepResult, { left, watched, oldestMs }: WorkList): void {
  if (result.checked > 0) metrics.count('checked', {}, result.checked);
  if (left > 0) metrics.count('left', {}, left);
  if (watched > 0) {
    metrics.measure('watched', watched);
    metrics.measure('oldestEntry', Math.round(oldestMs / 1_000));
  }
  log.info('swept', { ...result, watched, oldestEntrySeconds: Math.round(oldestMs / 1_000) });
}

type Tally = ReturnType<typeof createTally>;

/** What a sweep has seen so far, and the deliveries under way: a slow channel holds up no check. */
function createTally(parts: Parts, invocation: Invocation) {
  const result = { checked: 0, changed: 0, sent: 0, failedChecks: 0, failedDeliveries: 0 };
  const deliveries: Promise<void>[] = [];
  return {
    invocation,
    result,
    /** Jobs that were known, and that the API denies now, by environment. */
    denied: new Map<string, { job: JobName; reading: Reading }[]>(),
    /** Environments that are no longer configured, each with the writing of its mark. */
    removed: new Map<string, Promise<void>>(),
    delivered: () => Promise.all(deliveries),
    /** Records a reading, counts, and begins the deliveries. */
    async record(job: JobName, reading: Reading | null, begunAt = parts.clock.now()): Promise<void> {
      const observed = await record(parts, job, reading, invocation, { conclude: true });
      if (observed.transition) result.changed += 1;
      const delivery = deliver(parts, observed, invocation).then(
        ({ sent, failed, record: delivered }) => {
          result.sent += sent;
          result.failedDeliveries += failed;
          if (reading !== null || observed.leased)
            logCheck(parts, { ...observed, record: delivered, reading }, begunAt);
        },
        (error: unknown) => {
          result.failedDeliveries += 1;
          parts.log.error('a job could not be delivered', { environment: job.environment, jobId: job.jobId, error });
        },
      );
      deliveries.push(delivery);
    },
  };
}

/** One entry of the work list: read it if that is due, and record what is worth it. */
async function tend(parts: Parts, entry: DueEntry, tally: Tally): Promise<void> {
  const { environment, status } = entry;
  const begunAt = parts.clock.now();
  const reading = await read(parts, entry, tally);
  if (isUnchanged(entry, reading, parts.clock.now())) return;
  if (reading?.kind === 'notFound' && status !== null && !isTerminal(status)) {
    // The job may be gone, or the credential a foreign one: that shows when all jobs are read.
    const denied = tally.denied.get(environment) ?? [];
    tally.denied.set(environment, denied);
    denied.push({ job: entry, reading });
    return;
  }
  await tally.record(entry, reading, begunAt);
}

/** Does some work for one job. If that throws, the job steps back, and the others go on. */
async function keepGoing(parts: Parts, job: JobName, tally: Tally, work: () => Promise<void>): Promise<void> {
  const { environment, jobId } = job;
  try {
    await work();
  } catch (error) {
    tally.result.failedChecks += 1;
    parts.metrics.count('checkFailed', { environment, reason: 'internal' });
    parts.log.error('a job could not be tended', { environment, jobId, error });
    await tally.record(job, { kind: 'unreadable', error: 'internal error: see the log' }).catch((cause: unknown) => {
      parts.log.error('a job could not step back', { environment, jobId, error: cause });
    });
  }
}

/** Null: the API could not be asked, or need not be, but something else may be due. */
async function read(parts: Parts, entry: DueEntry, { invocation, result, removed }: Tally): Promise<Reading | null> {
  const { environment, jobId, check } = entry;
  if (!Object.hasOwn(parts.config.environments, environment)) {
    if (!removed.has(environment)) removed.set(environment, markRemoved(parts, environment));
    await removed.get(environment);
    return { kind: 'environmentRemoved' };
  }
  if (!isReadDue(check, parts.clock.now())) return null;

  const reading = await invocation.gate(environment).read(jobId, invocation.readBefore);
  if (reading.kind === 'notAsked') return isLongSince(parts, reading.since) ? reading : null;
  result.checked += 1;
  if (reading.kind !== 'job') result.failedChecks += 1;
  return reading;
}

const isReadDue = ({ nextAt }: DueEntry['check'], now: number): boolean => nextAt !== null && Date.parse(nextAt) <= now;

const isLongSince = ({ clock, limits }: Parts, since: string | null): boolean =>
  since !== null && clock.now() - Date.parse(since) >= limits.unreadableForMs;

/** Whether there is nothing to record, as far as the entry shows: most jobs, most of the time. */
function isUnchanged(entry: DueEntry, reading: Reading | null, now: number): boolean {
  const { status, check, notFoundSince, lease, pendingAt } = entry;
  if (lease || isTerminal(status) || (pendingAt !== null && Date.parse(pendingAt) <= now)) return false;
  if (reading === null) return isReadDue(check, now);
  return reading.kind === 'job' && reading.job.status === status && !notFoundSince && check.failures === 0;
}

async function judgeDenied(parts: Parts, environment: string, tally: Tally): Promise<void> {
  const denied = tally.denied.get(environment) ?? [];
  const gate = tally.invocation.gate(environment);
  if (denied.length >= deniedThatMeanForeign && gate.found() === 0) await gate.closeAsForeign(denied.length);
  else
    await inParallel(denied.values(), parts.config.settings.sweepConcurrency, ({ job, reading }) =>
      keepGoing(parts, job, tally, () => tally.record(job, reading)),
    );
}

/** For so long after the mark was written, whoever wrote it may be at work: a sweep's time-out, and clocks apart. */
const stillRemovingMs = 2 * 60_000;

/** The key of the mark that jobs of an environment left the work list because it was no longer configured. */
const removedKey = (environment: string): string => `removed#${environment}`;

/** Remembers that jobs of this environment wait for it to come back. */
async function markRemoved({ store, clock, log, metrics }: Parts, environment: string): Promise<void> {
  metrics.count('environmentRemoved', { environment });
  log.warn('environment is no longer configured; its jobs leave the work list', { environment });
  await store.writeMark(removedKey(environment), { since: new Date(clock.now()).toISOString() });
}

/** Watches the jobs of an environment again that was not configured for a while. */
async function welcomeBack(parts: Parts, environment: string, invocation: Invocation): Promise<void> {
  const mark = invocation.marks.get(removedKey(environment)) as { since: string } | undefined;
  if (!mark) return;
  const reading: Reading = { kind: 'notAsked', error: 'the environment is configured again', since: null };
  try {
    for await (const records of parts.store.removedWith(environment)) {
      await Promise.all(records.map((job) => record(parts, job, reading, invocation, { conclude: false })));
    }
    // Before that, a sweep of the deployment before may still be taking jobs out.
    if (parts.clock.now() - Date.parse(mark.since) > stillRemovingMs)
      await parts.store.removeMark(removedKey(environment), mark.since);
  } catch (error) {
    parts.log.error('jobs of an environment that came back could not all be watched again; the next sweep goes on', {
      environment,
      error,
    });
  }
}
