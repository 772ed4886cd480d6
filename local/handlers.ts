/** The Lambda functions in this process. */
import { randomUUID } from 'node:crypto';
import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2, Context, ScheduledEvent } from 'aws-lambda';
import type { SweepResult } from '../lib/sweep/sweep-run.ts';

/** The functions, without what Lambda adds to them. */
export interface Handlers {
  webhook: (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyResultV2>;
  /** `event` comes from the sweep queue; without it, the call is one of the schedule. */
  sweep: (event?: object) => Promise<SweepResult>;
  /** Resolves when no call is in progress. */
  settled: () => Promise<void>;
}

/** The time-outs: callers of the webhook wait for up to 25 s, a sweep has 55 s. */
const webhookMs = 25_000;
const sweepMs = 55_000;

/** Loads the functions with these environment variables, which must be complete: the functions read them on load. */
export async function loadHandlers(env: Record<string, string>): Promise<Handlers> {
  Object.assign(process.env, env);
  const webhook = await import('../functions/webhook.ts');
  const sweep = await import('../functions/sweep.ts');

  const running = new Set<Promise<unknown>>();
  const track = <Result>(call: Promise<Result>): Promise<Result> => {
    running.add(call);
    const forget = () => running.delete(call);
    call.then(forget, forget);
    return call;
  };

  return {
    webhook: (event) => track(webhook.handler(event, lambdaContext('webhook', webhookMs))),
    sweep: (event = scheduledEvent()) => track(sweep.handler(event, lambdaContext('sweep', sweepMs))),
    settled: async () => {
      await Promise.allSettled(running);
    },
  };
}

function lambdaContext(functionName: string, timeoutMs: number): Context {
  const deadline = Date.now() + timeoutMs;
  const ignore = () => undefined;
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${functionName}`,
    memoryLimitInMB: '256',
    awsRequestId: randomUUID(),
    logGroupName: 'local',
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: ignore,
    fail: ignore,
    succeed: ignore,
  };
}

const scheduledEvent = (): ScheduledEvent => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Scheduled Event',
  source: 'aws.events',
  account: '000000000000',
  time: new Date().toISOString(),
  region: process.env['AWS_REGION'] ?? 'us-east-1',
  resources: [],
  detail: {},
});
