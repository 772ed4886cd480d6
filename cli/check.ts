/** `publishing-job-notifier check`: fetches a job, as `POST /jobs` does, and optionally waits for its end. */

import { type Command, Option } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { isTerminal, type JobName, type JobRecord, type Outcome, type Statistics } from '../lib/domain/job.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { isOnlyAccepted, responseOf } from '../lib/http-api/responses.ts';
import { type Checked, check as checkJob } from '../lib/pipeline/check.ts';
import { clean } from '../lib/platform/text.ts';
import { outcomeWords } from '../local/rule-words.ts';
import { durationOf, readJobId } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withNotifier } from './command.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { formatFields } from './output.ts';
import { createProgressLine, noProgressLine, type ProgressLine } from './progress-line.ts';

export interface CheckOptions extends CommonOptions {
  job?: string;
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

/** The time limit of one check, as for a call of the webhook. */
const checkMs = 25_000;
/** How long to wait for deliveries after the end of a job. A failed delivery has been retried by then. */
const deliveryMs = 150_000;

export function addCheck(program: Command): void {
  addCommand(program, 'check [job]')
    .description('Fetch a job now and notify its channels, as POST /jobs does')
    .option('--job <id>', 'the same as [job]')
    .option('--environment <name>', 'environment of the job (required if several are configured)')
    .option('--wait', 'wait until the job has ended and its notifications are delivered')
    .addOption(durationOption('--timeout', 'with --wait: stop waiting after this time').default(30 * 60_000, '30m'))
    .addOption(durationOption('--every', 'with --wait: time between two checks').default(5_000, '5s'))
    .addHelpText('after', `\nExit codes of --wait, by the outcome of the job:\n${exitCodeLines()}`)
    .action((argument: string | undefined, options: CheckOptions) => {
      const jobId = readJobId(argument, options);
      return withNotifier(options, (deps) =>
        check(deps, jobId, options, options.json ? noProgressLine : createProgressLine(process.stdout)),
      );
    });
}

const durationOption = (name: string, description: string): Option =>
  new Option(`${name} <duration>`, description).argParser(durationOf(name));

/** Checks a job once, or until it has ended and its deliveries are sent or dead. */
export async function check(
  deps: Deps,
  jobId: string,
  options: CheckOptions,
  line: ProgressLine,
): Promise<CommandResult> {
  const job = readJobName({ jobId, environment: options.environment }, Object.keys(deps.config.environments));
  const first = await checkOnce(deps, job);
  if (!options.wait) return resultOf(first, isOnlyAccepted(first) ? 1 : 0);
  const last = await waitForEnd(deps, job, first, options, line);
  line.clear();
  return resultOf(last, waitExitCode(last.record));
}

const checkOnce = (deps: Deps, job: JobName): Promise<Checked> => checkJob(deps, job, deps.clock.now() + checkMs);

/** The last check: of a job that has ended and is delivered, that is no longer watched, or that ran out of time. */
async function waitForEnd(
  deps: Deps,
  job: JobName,
  first: Checked,
  { timeout, every }: CheckOptions,
  line: ProgressLine,
): Promise<Checked> {
  const { clock, store } = deps;
  let until = clock.now() + timeout;
  let last = first;
  let isEnding = false;
  for (;;) {
    line.show(progress(last));
    if (hasEnded(last.record) && !isEnding) {
      isEnding = true;
      until = Math.min(until, clock.now() + deliveryMs);
    }
    if (!isOpen(last.record) || clock.now() >= until) return last;
    await clock.wait(Math.min(every, until - clock.now()));
    // Only the table is read for a job that has ended or is no longer watched: a check would watch it again.
    const record = await store.get(job);
    last = record && (hasEnded(record) || !isOpen(record)) ? asRecorded(record, last) : await checkOnce(deps, job);
  }
}

/** What another worker recorded meanwhile, in place of what the last check read. */
const asRecorded = (record: JobRecord, { reading }: Checked): Checked => ({
  record,
  reading: record.job ? { kind: 'job', job: record.job } : reading,
  transition: null,
  previousStatus: record.decision?.previousStatus ?? null,
});

const hasEnded = ({ decision }: JobRecord): boolean => decision?.outcome != null;

/** Whether the job still has to be read or delivered. The last read of its statistics does not count. */
const isOpen = (record: JobRecord): boolean =>
  hasEnded(record) ? deliveriesOf(record).some(({ state }) => state === 'pending') : record.watch === 'jobs';

function waitExitCode(record: JobRecord): number {
  const outcome = record.decision?.outcome;
  return (outcome && exitCodes[outcome]) ?? (isOpen(record) ? notEnded : 1);
}

function progress({ record, reading }: Checked): string {
  if (reading.kind !== 'job') return clean(`not read: ${'error' in reading ? reading.error : ''}`, 300);
  const pending = deliveriesOf(record).filter(({ state }) => state === 'pending');
  const channels = pending.map(({ channel }) => channel).join(', ');
  const counts = counters(reading.job.statistics);
  return [reading.job.status, ...(counts ? [counts] : []), ...(channels ? [`pending: ${channels}`] : [])].join('  ');
}

function counters(statistics: Statistics | null): string {
  const { sent, processed, failed, skipped } = statistics ?? {};
  return Object.entries({ sent, processed, failed, skipped })
    .flatMap(([name, count]) => (count == null ? [] : [`${count} ${name}`]))
    .join(' · ');
}

function resultOf(checked: Checked, exitCode: number): CommandResult {
  const { record, reading } = checked;
  const detail = 'error' in reading ? reading.error : null;
  const response = responseOf(checked);
  // Another worker may have recorded the end of a job that this check read as running. A running job's record is older.
  const job = reading.kind === 'job' && !isTerminal(record.status) ? reading.job : record.job;
  return {
    document: { ...response, detail, job, deliveries: deliveriesOf(record) },
    text: [
      formatFields({
        job: `${response.jobId} in ${response.environment}`,
        name: job?.name,
        status: response.status ?? 'not read yet',
        before: response.changed ? (response.previousStatus ?? 'never seen') : null,
        outcome: response.outcome && outcomeWords(response.outcome),
        items: counters(job?.statistics ?? null),
        next: nextStep(record),
        error: detail,
      }),
      ...deliveriesOf(record).map(deliveryLine),
    ].join('\n'),
    exitCode,
  };
}

function nextStep(record: JobRecord): string {
  if (record.decision?.reason === 'finishedLongAgo') return 'nothing: the job ended too long ago to be announced';
  if (hasEnded(record)) return isOpen(record) ? 'the sweeps send the pending deliveries' : 'nothing: the job is done';
  return isOpen(record) ? 'the sweeps watch the job' : 'nothing: the job is no longer watched';
}

function exitCodeLines(): string {
  const outcomes = Object.entries(exitCodes).map(([outcome, code]) => `  ${code}  ${outcome}`);
  return [
    ...outcomes,
    `  ${notEnded}  not ended within --timeout`,
    '  1  an error, or Sitecore does not know the job',
    '  2  a mistake in the command line',
    'Without --wait: 0 if the job was read; 1 if not. In both cases it is recorded, and the sweeps watch it.',
  ].join('\n');
}
