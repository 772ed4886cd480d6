/** `notifier send-test`: a message marked TEST, on the way that every message takes. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName, JobRecord } from '../lib/domain/job.ts';
import { readEnvironment } from '../lib/http-api/request.ts';
import { sendTest as write } from '../lib/pipeline/send-test.ts';
import { readChannels } from './channel-names.ts';
import { type Answer, addCommand, type CommonOptions, onNotifier } from './command.ts';
import { deliveriesOf, deliveryLine } from './deliveries.ts';
import { createLiveLine, type LiveLine, noLine } from './live-line.ts';
import type { Target } from './target.ts';

export interface SendTestOptions extends CommonOptions {
  environment?: string;
}

/** A sweep comes every minute, and another one if the first had no time. */
const followMs = 150_000;
const lookEveryMs = 1_000;

export function addSendTest(program: Command): void {
  addCommand(program, 'send-test [channel...]')
    .description('send a message marked TEST to these channels, or to all, through the sweep')
    .option('--environment <name>', 'whose name the message shows, if there are several')
    .action((channels: string[], options: SendTestOptions) =>
      onNotifier(options, (deps, target) =>
        sendTest(deps, target, channels, options, options.json ? noLine : createLiveLine(process.stderr)),
      ),
    );
}

/** Writes the test and follows it until every channel has got it, or has refused it, or until no sweep has come. */
export async function sendTest(
  deps: Deps,
  target: Pick<Target, 'kind'>,
  channels: string[],
  { environment: named }: SendTestOptions,
  line: LiveLine,
): Promise<Answer> {
  const { environments, channels: all } = deps.config;
  const wanted = channels.length > 0 ? readChannels(channels, deps.config) : Object.keys(all);
  const environment = readEnvironment(named, Object.keys(environments));
  const job = await write(deps, { environment, channels: [...new Set(wanted)] });
  line.show('Written. The next sweep sends it, within a minute or so.');
  const record = await follow(deps, job);
  line.clear();
  return answer(job, record, target);
}

async function follow({ clock, store }: Deps, job: JobName): Promise<JobRecord | undefined> {
  const until = clock.now() + followMs;
  for (;;) {
    const record = await store.get(job);
    if (!record || deliveriesOf(record).every(isTried) || clock.now() >= until) return record;
    await clock.wait(lookEveryMs);
  }
}

const isTried = ({ state, attempts }: { state: string; attempts: number }): boolean =>
  state !== 'pending' || attempts > 0;

function answer(job: JobName, record: JobRecord | undefined, { kind }: Pick<Target, 'kind'>): Answer {
  const deliveries = record ? deliveriesOf(record) : [];
  const untried = deliveries.filter((one) => !isTried(one));
  const notCome =
    `No sweep has sent it to ${untried.map(({ channel }) => channel).join(', ')} within ${followMs / 1_000} s: ` +
    (kind === 'local'
      ? 'look at notifier.log in its data folder.'
      : 'look at the log and the schedule of the function sweep, and whether the channel rests (`npm run notifier -- jobs`).');
  const failed = deliveries.filter(({ state, attempts }) => state !== 'sent' && attempts > 0);
  return {
    document: { ...job, deliveries },
    text: [
      ...deliveries.map(deliveryLine),
      ...(failed.length > 0 ? ['What failed is tried again by the sweeps.'] : []),
      ...(untried.length > 0 ? [notCome] : []),
    ].join('\n'),
    exitCode: deliveries.length > 0 && deliveries.every(({ state }) => state === 'sent') ? 0 : 1,
  };
}
