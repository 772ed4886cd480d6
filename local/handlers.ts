/** The Lambda functions, run in a thread of their own that can be killed. */
import { randomUUID } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2, ScheduledEvent } from 'aws-lambda';
import { ConfigError } from '../lib/platform/errors.ts';
import type { SweepResult } from '../lib/sweep/sweep-run.ts';

/** The functions, without what Lambda adds to them. */
export interface Handlers {
  webhook: (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyResultV2>;
  /** `event` comes from the sweep queue; without it, the call is one of the schedule. */
  sweep: (event?: object) => Promise<SweepResult>;
  /** The functions that are running now. */
  running: () => FunctionName[];
  /** Ends the thread immediately, even during a call. The next call starts another thread. */
  kill: () => Promise<void>;
  /** Resolves when no call is in progress. */
  settled: () => Promise<void>;
  close: () => Promise<void>;
}

type FunctionName = 'webhook' | 'sweep';

/** A call that is sent to the thread. */
export interface FunctionCall {
  id: string;
  name: FunctionName;
  event: unknown;
  timeoutMs: number;
}

/** A message from the thread. */
export type FunctionMessage =
  | { kind: 'ready' }
  | { kind: 'log'; method: 'debug' | 'log' | 'info' | 'warn' | 'error'; line: string }
  | { kind: 'result'; id: string; result: unknown }
  | { kind: 'error'; id: string; error: Error };

/** The functions were killed while they worked on this call. */
export class WorkerKilled extends Error {
  override name = 'WorkerKilled';
}

/** The time-outs: callers of the webhook wait for up to 25 s, a sweep has 55 s. */
const timeoutsMs: Record<FunctionName, number> = { webhook: 25_000, sweep: 55_000 };

/** A running thread and its calls in progress. */
interface Thread {
  worker: Worker;
  ready: Promise<void>;
  calls: Map<string, PromiseWithResolvers<unknown> & { name: FunctionName }>;
}

/** Loads the functions. The environment variables must be complete, because the functions read them on load. */
export async function loadHandlers(): Promise<Handlers> {
  let thread: Thread | undefined;
  const start = () =>
    startThread((worker) => {
      if (thread?.worker === worker) thread = undefined;
    });

  const call = async (name: FunctionName, event: unknown): Promise<unknown> => {
    thread ??= start();
    const { worker, ready, calls } = thread;
    const id = randomUUID();
    const pending = { ...Promise.withResolvers<unknown>(), name };
    calls.set(id, pending);
    // If the thread cannot start, the caller's promise is rejected.
    ready.then(
      () => worker.postMessage({ id, name, event, timeoutMs: timeoutsMs[name] } satisfies FunctionCall),
      pending.reject,
    );
    return await pending.promise.finally(() => calls.delete(id));
  };

  const kill = async () => {
    const killed = thread;
    thread = undefined;
    if (killed === undefined) return;
    await killed.worker.terminate();
    for (const { reject } of killed.calls.values()) reject(new WorkerKilled('The functions were killed.'));
  };

  thread = start();
  await thread.ready;
  return {
    webhook: (event) => call('webhook', event) as Promise<APIGatewayProxyResultV2>,
    sweep: (event = scheduledEvent()) => call('sweep', event) as Promise<SweepResult>,
    running: () => [...(thread?.calls.values() ?? [])].map(({ name }) => name),
    kill,
    settled: async () => {
      await Promise.allSettled([...(thread?.calls.values() ?? [])].map(({ promise }) => promise));
    },
    close: kill,
  };
}

function startThread(onExit: (worker: Worker) => void): Thread {
  const worker = new Worker(new URL('function-worker.ts', import.meta.url));
  const calls: Thread['calls'] = new Map();
  const start = Promise.withResolvers<void>();
  start.promise.catch(() => undefined);
  worker.on('message', (message: FunctionMessage) => {
    if (message.kind === 'ready') start.resolve();
    else if (message.kind === 'log') console[message.method](message.line);
    else if (message.kind === 'result') calls.get(message.id)?.resolve(message.result);
    else calls.get(message.id)?.reject(message.error);
  });
  worker.on('exit', () => onExit(worker));
  worker.on('error', (error: Error) => {
    // A class does not survive the way out of a thread; its name does.
    const cause = error.name === 'ConfigError' ? new ConfigError(error.message) : error;
    start.reject(cause);
    for (const { reject } of calls.values()) reject(cause);
  });
  return { worker, ready: start.promise, calls };
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
