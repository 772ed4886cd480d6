/** `publishing-job-notifier send-test`: sends a message marked TEST by the path of every message, a sweep. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName, JobRecord } from '../lib/domain/job.ts';
import { readEnvironment } from '../lib/http-api/request.ts';
import { sendTest as recordTest } from '../lib/pipeline/send-test.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { readChannels } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withNotifier } from './command.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { createProgressLine, noProgressLine, type ProgressLine } from './progress-line.ts';
import type { Target } from './target.ts';

export interface SendTestOptions extends CommonOptions {
  environment?: string;
}

/** Long enough for two sweeps, which run every minute. */
const waitMs = 150_000;
const pollMs = 1_000;

export function addSendTest(program: Command): void {
  addCommand(program, 'send-test [channel...]')
    .description('Send a message marked TEST with the next sweep: to the given channels, or to all')
    .option('--environment <name>', 'environment that the message shows (required if several are configured)')
    .action((channels: string[], options: SendTestOptions) =>
      withNotifier(options, (deps, target) =>
        sendTest(deps, target, channels, options, options.json ? noProgressLine : createProgressLine(process.stderr)),
      ),
    );
}

/** Records a test message, and waits until a sweep has tried every channel or the time is up. */
export async function sendTest(
  deps: Deps,
  target: Pick<Target, 'kind'>,
  names: string[],
  options: SendTestOptions,
  line: ProgressLine,
): Promise<CommandResult> {
  const { environments, channels: configured } = deps.config;
  const isPersonal = (name: string): boolean => deps.channel(name).personal !== undefined;
  const channels =
    names.length > 0 ? readChannels(names, deps.config) : Object.keys(configured).filter((name) => !isPersonal(name));
  const personal = channels.find(isPersonal);
  if (personal !== undefined) {
    throw new RequestError(422, `The channel ${personal} writes to the person who started a job, and a test has none.`);
  }
  const environment = readEnvironment(options.environment, Object.keys(environments));
  const job = await recordTest(deps, { environment, channels: [...new Set(channels)] });
  line.show('Recorded. The next sweep sends it, within about a minute.');
  const record = await waitForAttempts(deps, job);
  line.clear();
  return resultOf(job, record, target);
}

async function waitForAttempts({ clock, store }: Deps, job: JobName): Promise<JobRecord | undefined> {
  const until = clock.now() + waitMs;
  for (;;) {
    const record = await store.get(job);
    if (!record || deliveriesOf(record).every(isAttempted) || clock.now() >= until) return record;
    await clock.wait(pollMs);
  }
}

const isAttempted = ({ state, attempts }: { state: string; attempts: number }): boolean =>
  state !== 'pending' || attempts > 0;

function resultOf(job: JobName, record: JobRecord | undefined, { kind }: Pick<Target, 'kind'>): CommandResult {
  const deliveries = record ? deliveriesOf(record) : [];
  const unattempted = deliveries.filter((one) => !isAttempted(one)).map(({ channel }) => channel);
  const failed = deliveries.filter(({ state, attempts }) => state !== 'sent' && attempts > 0);
  return {
    document: { ...job, deliveries },
    text: [
      ...deliveries.map(deliveryLine),
      ...(failed.length > 0 ? ['The sweeps retry the failed deliveries.'] : []),
      ...(unattempted.length > 0 ? [noSweepText(unattempted, kind)] : []),
    ].join('\n'),
    exitCode: deliveries.length > 0 && deliveries.every(({ state }) => state === 'sent') ? 0 : 1,
  };
}

function noSweepText(channels: string[], kind: Target['kind']): string {
  const remedy =
    kind === 'local'
      ? 'Read notifier.log in the data folder.'
      : 'Check the log and the schedule of the sweep function, and whether the channel is paused (`npx publishing-job-notifier jobs`).';
  return `No sweep has sent it to ${channels.join(', ')} within ${waitMs / 1_000} s. ${remedy}`;
}
