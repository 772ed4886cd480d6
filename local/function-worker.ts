/** The thread in which the functions run: it can be killed at any moment, as a process can, and takes nothing along. */
import { formatWithOptions } from 'node:util';
import { parentPort } from 'node:worker_threads';
import type { Context } from 'aws-lambda';
import type { FunctionCall, FunctionMessage } from './handlers.ts';

const post = (message: FunctionMessage): void => parentPort?.postMessage(message);

for (const method of ['debug', 'log', 'info', 'warn', 'error'] as const) {
  console[method] = (...values: unknown[]) =>
    post({ kind: 'log', method, line: formatWithOptions({ colors: false }, ...values) });
}

// They read the configuration while they load.
const [webhook, sweep] = await Promise.all([import('../functions/webhook.ts'), import('../functions/sweep.ts')]);
const handlers = { webhook: webhook.handler, sweep: sweep.handler } as Record<
  FunctionCall['name'],
  (event: unknown, context: Context) => Promise<unknown>
>;

parentPort?.on('message', async ({ id, name, event, timeoutMs }: FunctionCall) => {
  try {
    post({ kind: 'result', id, result: await handlers[name](event, lambdaContext(id, name, timeoutMs)) });
  } catch (error) {
    post({ kind: 'error', id, error: error as Error });
  }
});
post({ kind: 'ready' });

function lambdaContext(id: string, functionName: string, timeoutMs: number): Context {
  const deadline = Date.now() + timeoutMs;
  const ignore = () => undefined;
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:local:000000000000:function:${functionName}`,
    memoryLimitInMB: '256',
    awsRequestId: id,
    logGroupName: 'local',
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: ignore,
    fail: ignore,
    succeed: ignore,
  };
}
