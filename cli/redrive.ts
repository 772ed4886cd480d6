/** `notifier redrive`: events that could not be recorded, taken from their queue and tried again. */

import { DeleteMessageCommand, type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName } from '../lib/domain/job.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { check } from '../lib/pipeline/check.ts';
import { requestHandler } from '../lib/platform/aws.ts';
import { ConfigError, RequestError } from '../lib/platform/errors.ts';
import { clean } from '../lib/platform/text.ts';
import { type Answer, addCommand, type CommonOptions, onNotifier } from './command.ts';
import { verdictLine } from './output.ts';
import { explain } from './problem.ts';
import type { Target } from './target.ts';

interface Options extends CommonOptions {
  queue?: string;
}

/** What became of one message of the queue. `stays`: it is still there. */
interface Redriven {
  messageId: string;
  environment: string | null;
  jobId: string | null;
  status: string | null;
  stays: boolean;
  error: string | null;
}

/** A message that is not deleted comes back after so many seconds; until then this run does not meet it again. */
const hiddenSeconds = 120;
const lookMs = 25_000;

export function addRedrive(program: Command): void {
  addCommand(program, 'redrive')
    .description('look at the jobs of events that could not be recorded, and empty their queue')
    .option('--queue <url>', 'the queue, if it is not that of --stage')
    .action((options: Options) => onNotifier(options, (deps, target) => redrive(deps, queueOf(target, options))));
}

/** Looks at the job that each message names, and deletes the message once the job is recorded. */
export async function redrive(deps: Deps, queueUrl: string): Promise<Answer> {
  // The host in a queue's address is none that AWS_ENDPOINT_URL leads to.
  const client = new SQSClient({ maxAttempts: 3, requestHandler, useQueueUrlAsEndpoint: false });
  const redriven: Redriven[] = [];
  for await (const message of messages(client, queueUrl))
    redriven.push(await redriveOne(deps, client, queueUrl, message));
  return {
    document: { redriven },
    text: redriven.length > 0 ? redriven.map(lineOf).join('\n') : 'The queue is empty.',
    exitCode: redriven.some(({ stays }) => stays) ? 1 : 0,
  };
}

/** Every message once. */
async function* messages(client: SQSClient, QueueUrl: string): AsyncGenerator<Message> {
  const seen = new Set<string>();
  for (;;) {
    // Waiting a second asks all servers of the queue, where asking at once asks some.
    const request = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: hiddenSeconds };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
    const fresh = Messages.filter(({ MessageId = '' }) => !seen.has(MessageId));
    if (fresh.length === 0) return;
    for (const { MessageId = '' } of fresh) seen.add(MessageId);
    yield* fresh;
  }
}

async function redriveOne(deps: Deps, client: SQSClient, QueueUrl: string, message: Message): Promise<Redriven> {
  const { MessageId: messageId = '', ReceiptHandle, Body = '' } = message;
  let job: JobName | null = null;
  try {
    job = readJobName(detailOf(Body), Object.keys(deps.config.environments));
    const { record } = await check(deps, job, deps.clock.now() + lookMs);
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    return { messageId, ...job, status: record.status, stays: false, error: record.check.error };
  } catch (error) {
    const shown = job ? '' : ` The message: ${clean(Body, 300)}`;
    const { environment = null, jobId = null } = job ?? {};
    return { messageId, environment, jobId, status: null, stays: true, error: explain(error) + shown };
  }
}

/**
 * What an event says of its job: the queue holds what the function's failure destination wrote (with the event as
 * `requestPayload`), or the event itself, as the rule's own dead-letter queue gets it.
 */
function detailOf(body: string): unknown {
  const outer = membersOf(parsed(body));
  const event = membersOf('requestPayload' in outer ? outer['requestPayload'] : outer);
  return 'detail' in event ? event['detail'] : event;
}

const membersOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new RequestError(400, 'The message is not JSON.');
  }
}

function queueOf({ kind, failedEventsUrl }: Target, { queue }: Options): string {
  if (queue ?? failedEventsUrl) return (queue ?? failedEventsUrl) as string;
  if (kind === 'local')
    throw new ConfigError('`npm start` keeps no failed events: add --stage dev, or name a --queue.');
  if (kind === 'table') throw new RequestError(400, 'Name the queue of failed events: --queue URL, or --stage dev.');
  throw new ConfigError('The stack names no queue of failed events: deploy it again, or name a --queue.');
}

function lineOf({ environment, jobId, status, stays, error, messageId }: Redriven): string {
  const what = jobId ? `${environment} ${jobId}` : `message ${messageId}`;
  if (stays) return verdictLine('no', what, `stays in the queue. ${error}`);
  return verdictLine('yes', what, status ?? `recorded; the sweeps go on. ${error ?? ''}`.trim());
}
