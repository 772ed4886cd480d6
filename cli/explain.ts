/** `publishing-job-notifier explain`: shows the transition, rule, channels and messages of a job. Sends and writes nothing. */

import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { Job, JobName, JobRecord, Notice, Reading } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { exceededOf } from '../lib/http-api/responses.ts';
import { decideNext } from '../lib/pipeline/check.ts';
import { decisionContext } from '../lib/pipeline/invocation.ts';
import { RequestError, UpstreamError } from '../lib/platform/errors.ts';
import { readJob } from '../lib/sitecore/responses.ts';
import { readJobId } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withConfiguration, withNotifier } from './command.ts';
import { type ActiveCooldown, activeCooldowns } from './cooldowns.ts';
import { deliveriesOf } from './deliveries.ts';
import { explainText, type RenderedMessage } from './explain-text.ts';

export interface ExplainOptions extends CommonOptions {
  job?: string;
  file?: string;
  environment?: string;
}

/** The time limit of reading the job from Sitecore. */
const readMs = 15_000;

export function addExplain(program: Command): void {
  addCommand(program, 'explain [job]')
    .description('Explain why a job notifies a channel or not: transition, rule, channels, messages')
    .option('--job <id>', 'the same as [job]: a job, as it is in Sitecore and in the table now')
    .option('--file <path>', 'a job as JSON of the Publishing API; - reads standard input')
    .option('--environment <name>', 'environment of the job (required if several are configured)')
    .addHelpText(
      'after',
      '\nSends and writes nothing. --file needs only the configuration, and treats the job as new and as just ended.',
    )
    .action((argument: string | undefined, options: ExplainOptions) => {
      const isFile = options.file !== undefined;
      if (isFile === (argument !== undefined || options.job !== undefined)) {
        throw new RequestError(400, 'Add either the id of a job or --file PATH.');
      }
      if (isFile) return withConfiguration(options, (deps) => explain(deps, options));
      const job = readJobId(argument, options);
      return withNotifier(options, (deps) => explain(deps, { ...options, job }));
    });
}

/** Shows the decision that would be made about a job now, and the one that is recorded. */
export async function explain(deps: Deps, options: ExplainOptions): Promise<CommandResult> {
  const { job, file = '-' } = options;
  const situation = job === undefined ? await fromFile(deps, file, options) : await fromTable(deps, job, options);
  return resultOf(deps, situation);
}

/** The input of a decision: the recorded job, the reading, and the time. */
interface Situation {
  name: JobName;
  known: JobRecord | undefined;
  reading: Reading;
  now: number;
  cooldowns: ActiveCooldown[];
}

async function fromTable(deps: Deps, jobId: string, { environment }: ExplainOptions): Promise<Situation> {
  const name = readJobName({ jobId, environment }, Object.keys(deps.config.environments));
  const now = deps.clock.now();
  const [known, reading, cooldowns] = await Promise.all([
    deps.store.get(name),
    read(deps, name, now + readMs),
    activeCooldowns(deps, [name.environment]),
  ]);
  return { name, known, reading, now, cooldowns };
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
  const job = jobIn(body, file === '-' ? 'standard input' : file);
  const { id } = JSON.parse(body) as { id?: unknown };
  const jobId = typeof id === 'string' ? id : 'job_from_file';
  const name = readJobName({ jobId, environment }, Object.keys(deps.config.environments));
  // A job in an older file would otherwise count as ended too long ago.
  const now = job.finishedAt ? Date.parse(job.finishedAt) : deps.clock.now();
  return { name, known: undefined, reading: { kind: 'job', job }, now, cooldowns: [] };
}

function jobIn(body: string, source: string): Job {
  try {
    return readJob(body, source);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    throw new RequestError(400, `${error.message}. --file takes a job as JSON of the Publishing API.`);
  }
}

async function readText(file: string): Promise<string> {
  if (file === '-') return await textOf(process.stdin);
  return await readFile(file, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new RequestError(400, `Cannot read ${file} (${code}).`);
  });
}

function resultOf(deps: Deps, situation: Situation): CommandResult {
  const { name, known, reading, now, cooldowns } = situation;
  const { config } = deps;
  const channels = Object.keys(config.channels);
  const worker = { now, writer: 'explain', leaseUntil: now, conclude: false, acceptsMessages: () => true };
  const { next, transition } = decideNext(known, name, reading, decisionContext(deps, worker));
  // Without a transition, the recorded decision stands.
  const record = (transition && next) ?? known ?? null;
  const decision = record?.decision ?? null;
  const current = next ?? known;
  const exceeded = current ? exceededOf(current) : [];
  const messages = current ? messagesOf(deps, current) : [];
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
      cooldowns,
      deliveries: known ? deliveriesOf(known) : [],
    },
    text: explainText({ ...situation, transition, decision, exceeded, channels, rules: config.rules, messages }),
    exitCode: record || !('error' in reading) ? 0 : 1,
  };
}

function messagesOf(deps: Deps, record: JobRecord): RenderedMessage[] {
  const { config } = deps;
  const { jobUrl } = config.environments[record.environment] ?? {};
  const notices: (Notice & { channels: string[] })[] = [
    ...exceededOf(record),
    ...(record.decision ? [record.decision] : []),
  ].flatMap(({ outcome, ...others }) => (outcome ? [{ ...others, outcome }] : []));
  return notices.flatMap(({ outcome, limit, channels }) =>
    channels
      .filter((channel) => Object.hasOwn(config.channels, channel))
      .map((channel) => ({
        channel,
        type: config.channels[channel]?.type ?? '',
        ...deps.channel(channel).render(messageOf(record, { outcome, limit, channel, jobUrl })),
      })),
  );
}
