/** `notifier check`: the main job from the command line, and waiting for a job's end. */

import { type Command, Option } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName, JobRecord, Outcome, Statistics } from '../lib/domain/job.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { isOnlyAccepted, responseOf } from '../lib/http-api/responses.ts';
import { type Checked, check as look } from '../lib/pipeline/check.ts';
import { clean } from '../lib/platform/text.ts';
import { type Answer, addCommand, type CommonOptions, onNotifier } from './command.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { createLiveLine, type LiveLine, noLine } from './live-line.ts';
import { facts } from './output.ts';
import { spanOf } from './span.ts';

export interface CheckOptions extends CommonOptions {
  environment?: string;
  wait?: boolean;
  /** Milliseconds. */
  timeout: number;
  every: number;
}

const exitCodes: Partial<Record<Outcome, number>> = {
  completed: 0,
  completedWithWarnings: 3,
  publishedNothing: 4,
  failed: 5,
  canceled: 6,
  lostTrack: 7,
};
const notEnded = 8;

/** The time for one look, as a webhook call has it. */
const lookMs = 25_000;
/** For so long after the end, deliveries are waited for: one that failed has been tried again by then. */
const settleMs = 150_000;

export function addCheck(program: Command): void {
  addCommand(program, 'check <job>')
    .description('look at a job now, and tell whom it concerns, as POST /jobs does')
    .option('--environment <name>', 'its environment, if there are several')
    .option('--wait', 'follow the job until it has ended and everybody is told')
    .addOption(spanOption('--timeout', 'with --wait: give up after this time').default(30 * 60_000, '30m'))
    .addOption(spanOption('--every', 'with --wait: look this often').default(5_000, '5s'))
    .addHelpText('after', `\nExit codes of --wait, by how the job ended:\n${exitCodeLines()}`)
    .action((jobId: string, options: CheckOptions) =>
      onNotifier(options, (deps) =>
        check(deps, jobId, options, options.json ? noLine : createLiveLine(process.stdout)),
      ),
    );
}

const spanOption = (name: string, description: string): Option =>
  new Option(`${name} <span>`, description).argParser(spanOf(name));

/** Looks once, or until the job has ended and its deliveries are sent or dead. */
export async function check(deps: Deps, jobId: string, options: CheckOptions, line: LiveLine): Promise<Answer> {
  const job = readJobName({ jobId, environment: options.environment }, Object.keys(deps.config.environments));
  const first = await lookAt(deps, job);
  if (!options.wait) return answer(first, isOnlyAccepted(first) ? 1 : 0);
  const last = await follow(deps, job, first, options, line);
  line.clear();
  return answer(last, waitExitCode(last.record));
}

const lookAt = (deps: Deps, job: JobName): Promise<Checked> => look(deps, job, deps.clock.now() + lookMs);

/** What was seen last: when the job has ended and everybody is told, when nobody watches it any more, or when time is up. */
async function follow(
  deps: Deps,
  job: JobName,
  first: Checked,
  { timeout, every }: CheckOptions,
  line: LiveLine,
): Promise<Checked> {
  const { clock, store } = deps;
  let until = clock.now() + timeout;
  let seen = first;
  let isEnding = false;
  for (;;) {
    line.show(progress(seen));
    if (hasEnded(seen.record) && !isEnding) {
      isEnding = true;
      until = Math.min(until, clock.now() + settleMs);
    }
    if (!isOpen(seen.record) || clock.now() >= until) return seen;
    await clock.wait(Math.min(every, until - clock.now()));
    // A job that ended, or that a sweep has given up, is only followed: to look at it would begin anew.
    const record = await store.get(job);
    seen = record && (hasEnded(record) || !isOpen(record)) ? { ...seen, record } : await lookAt(deps, job);
  }
}

const hasEnded = ({ decision }: JobRecord): boolean => decision?.outcome != null;

/** Whether somebody still has to read it or to send something. A last look at its counters is not waited for. */
const isOpen = (record: JobRecord): boolean =>
  hasEnded(record) ? deliveriesOf(record).some(({ state }) => state === 'pending') : record.watch === 'jobs';

function waitExitCode(record: JobRecord): number {
  const outcome = record.decision?.outcome;
  return (outcome && exitCodes[outcome]) ?? (isOpen(record) ? notEnded : 1);
}

function progress({ record, reading }: Checked): string {
  if (reading.kind !== 'job') return clean(`not read: ${'error' in reading ? reading.error : ''}`, 300);
  const pending = deliveriesOf(record).filter(({ state }) => state === 'pending');
  const to = pending.map(({ channel }) => channel).join(', ');
  const counted = counters(reading.job.statistics);
  return [reading.job.status, ...(counted ? [counted] : []), ...(to ? [`still to be told: ${to}`] : [])].join('  ');
}

function counters(statistics: Statistics | null): string {
  const { sent, processed, failed, skipped } = statistics ?? {};
  return Object.entries({ sent, processed, failed, skipped })
    .flatMap(([name, count]) => (count == null ? [] : [`${count} ${name}`]))
    .join(' · ');
}

function answer(checked: Checked, exitCode: number): Answer {
  const { record, reading } = checked;
  const detail = 'error' in reading ? reading.error : null;
  const told = responseOf(checked);
  const job = reading.kind === 'job' ? reading.job : record.job;
  return {
    document: { ...told, detail, job, deliveries: deliveriesOf(record) },
    text: [
      facts({
        job: `${told.jobId} in ${told.environment}`,
        name: job?.name,
        status: told.status ?? 'not known yet',
        before: told.changed ? (told.previousStatus ?? 'never seen') : null,
        outcome: told.outcome,
        items: counters(job?.statistics ?? null),
        next: nextOf(record),
        problem: detail,
      }),
      ...deliveriesOf(record).map(deliveryLine),
    ].join('\n'),
    exitCode,
  };
}

function nextOf(record: JobRecord): string {
  if (record.decision?.reason === 'finishedLongAgo') return 'nothing: it ended too long ago to be news';
  if (hasEnded(record)) return isOpen(record) ? 'what is pending is sent by the sweeps' : 'nothing: it is done with';
  return isOpen(record) ? 'watched by the sweeps' : 'nothing: it is no longer watched';
}

function exitCodeLines(): string {
  const outcomes = Object.entries(exitCodes).map(([outcome, code]) => `  ${code}  ${outcome}`);
  return [
    ...outcomes,
    `  ${notEnded}  not ended within --timeout`,
    '  1  something is wrong, or Sitecore knows no such job',
    '  2  the command line is not understood',
    'Without --wait: 0 when the job was read, 1 when it could not be (it is recorded, and the sweeps go on).',
  ].join('\n');
}
