/** `publishing-job-notifier redrive`: processes the events in the queue of failed events again. */

import { DeleteMessageCommand, type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { JobName } from '../lib/domain/job.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { check } from '../lib/pipeline/check.ts';
import { requestHandler } from '../lib/platform/aws.ts';
import { ConfigError, RequestError } from '../lib/platform/errors.ts';
import { clean } from '../lib/platform/text.ts';
import { addressOf } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withNotifier } from './command.ts';
import { errorMessage } from './error-message.ts';
import { verdictLine } from './output.ts';
import type { Target } from './target.ts';

interface Options extends CommonOptions {
  queue?: string;
}

/** The result for one message of the queue. */
interface Redriven {
  messageId: string;
  environment: string | null;
  jobId: string | null;
  status: string | null;
  /** Whether the message stays in the queue. */
  kept: boolean;
  error: string | null;
}

/** A received message becomes visible again after this time. Until then, this run does not receive it twice. */
const visibilitySeconds = 120;
const checkMs = 25_000;

export function addRedrive(program: Command): void {
  addCommand(program, 'redrive')
    .description('Check the jobs of failed events, and delete the events from their queue')
    .option('--queue <url>', 'queue of failed events (default: the queue of --stage)', addressOf('--queue'))
    .action((options: Options) => withNotifier(options, (deps, target) => redrive(deps, queueOf(target, options))));
}

/** Checks the job of each message, and deletes the message once the job is recorded. */
export async function redrive(deps: Deps, queueUrl: string): Promise<CommandResult> {
  // AWS_ENDPOINT_URL must apply, but by default the SDK sends requests to the host of the queue's URL.
  const client = new SQSClient({ maxAttempts: 3, requestHandler, useQueueUrlAsEndpoint: false });
  const redriven: Redriven[] = [];
  for await (const message of messages(client, queueUrl))
    redriven.push(await redriveOne(deps, client, queueUrl, message));
  return {
    document: { redriven },
    text: redriven.length > 0 ? redriven.map(lineOf).join('\n') : 'The queue is empty.',
    exitCode: redriven.some(({ kept }) => kept) ? 1 : 0,
  };
}

/** Every message of the queue, once. */
async function* messages(client: SQSClient, QueueUrl: string): AsyncGenerator<Message> {
  const seen = new Set<string>();
  for (;;) {
    // Long polling asks all servers of the queue; short polling asks only some.
    const request = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: visibilitySeconds };
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
    const { record } = await check(deps, job, deps.clock.now() + checkMs);
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
    return { messageId, ...job, status: record.status, kept: false, error: record.check.error };
  } catch (error) {
    const body = job ? '' : ` The message: ${clean(Body, 300)}`;
    const { environment = null, jobId = null } = job ?? {};
    return { messageId, environment, jobId, status: null, kept: true, error: errorMessage(error) + body };
  }
}

/**
 * The job that a message names. The function's failure destination wraps the event as `requestPayload`; the dead-letter
 * queue of the EventBridge rule holds the event itself.
 */
function detailOf(body: string): unknown {
  const outer = membersOf(parse(body));
  const event = membersOf('requestPayload' in outer ? outer['requestPayload'] : outer);
  return 'detail' in event ? event['detail'] : event;
}

const membersOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new RequestError(400, 'The message is not JSON.');
  }
}

function queueOf({ kind, failedEventsUrl }: Target, { queue }: Options): string {
  if (queue ?? failedEventsUrl) return (queue ?? failedEventsUrl) as string;
  if (kind === 'local') {
    throw new ConfigError('`npm start` has no queue of failed events. Add --stage dev or --queue URL.');
  }
  if (kind === 'table') throw new RequestError(400, 'Add --queue URL or --stage dev to select a queue.');
  throw new ConfigError('The stack has no output FailedEventsUrl. Deploy it again, or add --queue URL.');
}

function lineOf({ environment, jobId, status, kept, error, messageId }: Redriven): string {
  const name = jobId ? `${environment} ${jobId}` : `message ${messageId}`;
  if (kept) return verdictLine('failed', name, `kept in the queue. ${error}`);
  return verdictLine('ok', name, status ?? `recorded, and the sweeps watch the job. ${error ?? ''}`.trim());
}
