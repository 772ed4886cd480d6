/** `publishing-job-notifier replay`: sends dead deliveries again, or retries waiting ones now. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { replay as replayDead, type Wanted } from '../lib/pipeline/replay.ts';
import { retryNow } from '../lib/pipeline/retry-now.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { durationOf, readChannels } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withNotifier } from './command.ts';

interface Options extends CommonOptions {
  pending?: boolean;
  channel?: string;
  since?: number;
  job?: string;
  environment?: string;
}

export function addReplay(program: Command): void {
  addCommand(program, 'replay')
    .description('Send dead deliveries again with the next sweep, or retry the waiting ones')
    .option('--pending', 'retry deliveries that wait for a later attempt, instead of dead ones')
    .option('--channel <name>', 'only deliveries to this channel')
    .option('--since <duration>', 'only deliveries last attempted within this time: 30m, 2h, 3d', durationOf('--since'))
    .option('--job <id>', 'only deliveries of this job')
    .option('--environment <name>', 'environment of --job (required if several are configured)')
    .action((options: Options) => withNotifier(options, (deps) => replay(deps, options)));
}

/** Makes dead deliveries pending again, or waiting ones due. The next sweep sends them. */
async function replay(
  deps: Deps,
  { pending = false, channel, since, job, environment }: Options,
): Promise<CommandResult> {
  if (channel !== undefined) readChannels([channel], deps.config);
  if (environment !== undefined && job === undefined) throw new RequestError(400, '--environment needs --job.');
  const wanted: Wanted = {
    channel,
    since: since && deps.clock.now() - since,
    job:
      job === undefined ? undefined : readJobName({ jobId: job, environment }, Object.keys(deps.config.environments)),
  };
  const replayed = pending
    ? (await retryNow(deps, wanted)).map(({ job, retried }) => ({ ...job, deliveries: retried }))
    : (await replayDead(deps, wanted)).map(({ job, revived }) => ({ ...job, deliveries: revived }));
  const none = pending ? 'No waiting delivery matches.' : 'No dead delivery matches.';
  return { document: { replayed }, text: textOf(replayed, none) };
}

function textOf(replayed: { environment: string; jobId: string; deliveries: string[] }[], none: string): string {
  const lines = replayed.map(
    ({ environment, jobId, deliveries }) => `${environment} ${jobId}: ${deliveries.join(', ')}`,
  );
  const count = replayed.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
  const deliveries = count === 1 ? '1 delivery' : `${count} deliveries`;
  return [...lines, count > 0 ? `The next sweep sends ${deliveries}.` : none].join('\n');
}
