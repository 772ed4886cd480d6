/** `notifier replay`: dead deliveries are sent again. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { replay as revive } from '../lib/pipeline/replay.ts';
import { readChannels } from './channel-names.ts';
import { type Answer, addCommand, type CommonOptions, onNotifier } from './command.ts';
import { spanOf } from './span.ts';

interface Options extends CommonOptions {
  channel?: string;
  since?: number;
  job?: string;
  environment?: string;
}

export function addReplay(program: Command): void {
  addCommand(program, 'replay')
    .description('send dead deliveries again, by the next sweep')
    .option('--channel <name>', 'only those to this channel')
    .option('--since <span>', 'only those last tried within this time: 30m, 2h, 3d', spanOf('--since'))
    .option('--job <id>', 'only those of this job')
    .option('--environment <name>', 'the environment of --job, if there are several')
    .action((options: Options) => onNotifier(options, (deps) => replay(deps, options)));
}

/** Makes dead deliveries pending again. */
async function replay(deps: Deps, { channel, since, job, environment }: Options): Promise<Answer> {
  const { environments } = deps.config;
  if (channel !== undefined) readChannels([channel], deps.config);
  const replayed = await revive(deps, {
    channel,
    since: since && deps.clock.now() - since,
    job: job === undefined ? undefined : readJobName({ jobId: job, environment }, Object.keys(environments)),
  });
  const revivals = replayed.map(({ job: { environment, jobId }, revived }) => ({
    environment,
    jobId,
    deliveries: revived,
  }));
  return { document: { replayed: revivals }, text: show(revivals) };
}

function show(replayed: { environment: string; jobId: string; deliveries: string[] }[]): string {
  const lines = replayed.map(
    ({ environment, jobId, deliveries }) => `${environment} ${jobId}: ${deliveries.join(', ')}`,
  );
  const count = replayed.reduce((sum, { deliveries }) => sum + deliveries.length, 0);
  const what = count === 1 ? '1 delivery is' : `${count} deliveries are`;
  return [...lines, count > 0 ? `${what} sent by the next sweep.` : 'There is nothing dead that fits.'].join('\n');
}
