/** `notifier explain`: which transition, which rule, which channels, which messages. Sends nothing, writes nothing. */

import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName, JobRecord, Notice, Reading } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { exceededOf } from '../lib/http-api/responses.ts';
import { decideNext } from '../lib/pipeline/check.ts';
import { decisionContext } from '../lib/pipeline/invocation.ts';
import { RequestError, UpstreamError } from '../lib/platform/errors.ts';
import { readJob } from '../lib/sitecore/responses.ts';
import { type Answer, addCommand, type CommonOptions, onConfiguration, onNotifier } from './command.ts';
import { type CoolingDown, coolingDownNow } from './cooling-down.ts';
import { deliveriesOf } from './deliveries.ts';
import { inWords, type Rendered } from './explanation.ts';

export interface ExplainOptions extends CommonOptions {
  job?: string;
  file?: string;
  environment?: string;
}

const askMs = 15_000;

export function addExplain(program: Command): void {
  addCommand(program, 'explain')
    .description('why somebody is (not) told of a job: the transition, the rule, the channels, the messages')
    .option('--job <id>', 'a job, as Sitecore has it now and as the table knows it')
    .option('--file <path>', 'a job as the Publishing API gives it, in JSON; - is standard input')
    .option('--environment <name>', 'its environment, if there are several')
    .addHelpText(
      'after',
      '\nSends nothing and writes nothing. A file needs no notifier, only the configuration, and is read as if the job\n' +
        'had just ended and were new.',
    )
    .action((options: ExplainOptions) => {
      if ((options.job === undefined) === (options.file === undefined)) {
        throw new RequestError(400, 'Name a job by --job ID or by --file PATH.');
      }
      const open = options.file === undefined ? onNotifier : onConfiguration;
      return open(options, (deps) => explain(deps, options));
    });
}

/** What would be decided about a job now, and what was decided before. */
export async function explain(deps: Deps, options: ExplainOptions): Promise<Answer> {
  const { job, file = '-' } = options;
  const situation = job === undefined ? await fromFile(deps, file, options) : await fromTable(deps, job, options);
  return answer(deps, situation);
}

/** A job, what is known of it, what was read, and the time of the decision. */
interface Situation {
  name: JobName;
  known: JobRecord | undefined;
  reading: Reading;
  now: number;
  resting: CoolingDown[];
}

async function fromTable(deps: Deps, jobId: string, { environment }: ExplainOptions): Promise<Situation> {
  const name = readJobName({ jobId, environment }, Object.keys(deps.config.environments));
  const now = deps.clock.now();
  const [known, reading, resting] = await Promise.all([
    deps.store.get(name),
    read(deps, name, now + askMs),
    coolingDownNow(deps, [name.environment]),
  ]);
  return { name, known, reading, now, resting };
}

async function read(deps: Deps, { environment, jobId }: JobName, deadline: number): Promise<Reading> {
  try {
    return { kind: 'job', job: await deps.api(environment).getJob(jobId, deadline) };
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return { kind: error.kind === 'notFound' ? 'notFound' : 'unreadable', error: error.message };
  }
}

async function fromFile(deps: Deps, file: string, { environment }: ExplainOptions): Promise<Situation> {
  const body = await readText(file);
  const job = readJob(body, file === '-' ? 'standard input' : file);
  const { id } = JSON.parse(body) as { id?: unknown };
  const jobId = typeof id === 'string' ? id : 'job_of_the_file';
  const name = readJobName({ jobId, environment }, Object.keys(deps.config.environments));
  // Else a job that was kept in a file for some days would be no news.
  const now = job.finishedAt ? Date.parse(job.finishedAt) : deps.clock.now();
  return { name, known: undefined, reading: { kind: 'job', job }, now, resting: [] };
}

async function readText(file: string): Promise<string> {
  if (file === '-') return await textOf(process.stdin);
  return await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new RequestError(400, `${file} cannot be read (${code}).`);
  });
}

function answer(deps: Deps, situation: Situation): Answer {
  const { name, known, reading, now, resting } = situation;
  const { config } = deps;
  const channels = Object.keys(config.channels);
  const worker = { now, writer: 'explain', leaseUntil: now, conclude: false, isOpen: () => true };
  const { next, transition } = decideNext(known, name, reading, decisionContext(deps, worker));
  // Without a transition, what was decided before stands.
  const record = (transition && next) ?? known ?? null;
  const decision = record?.decision ?? null;
  const seen = next ?? known;
  const exceeded = seen ? exceededOf(seen) : [];
  const messages = seen ? messagesOf(deps, seen) : [];
  return {
    document: {
      ...name,
      known: known
        ? { status: known.status, changedAt: known.changedAt, watch: known.watch, check: known.check }
        : null,
      read: reading,
      transition,
      decision,
      exceeded,
      messages,
      resting,
      deliveries: known ? deliveriesOf(known) : [],
    },
    text: inWords({ ...situation, transition, decision, exceeded, channels, rules: config.rules, messages }),
    exitCode: record || !('error' in reading) ? 0 : 1,
  };
}

function messagesOf(deps: Deps, record: JobRecord): Rendered[] {
  const { config } = deps;
  const { jobUrl } = config.environments[record.environment] ?? {};
  const decided: (Notice & { channels: string[] })[] = [
    ...exceededOf(record),
    ...(record.decision ? [record.decision] : []),
  ].flatMap(({ outcome, ...about }) => (outcome ? [{ ...about, outcome }] : []));
  return decided.flatMap(({ outcome, limit, channels }) =>
    channels
      .filter((channel) => Object.hasOwn(config.channels, channel))
      .map((channel) => ({
        channel,
        type: config.channels[channel]?.type ?? '',
        ...deps.channel(channel).render(messageOf(record, { outcome, limit, channel, jobUrl })),
      })),
  );
}
