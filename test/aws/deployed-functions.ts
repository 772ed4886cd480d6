/**
 * The deployed functions, run on this machine: the code of the uploaded zip in a new process for each call, as at a cold
 * start, with the environment variables of the deployed function. Emulators run functions only where there is Docker,
 * and there these would not reach the servers on this machine.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FunctionConfiguration, GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { AwsSettings } from './endpoint.ts';

export interface DeployedFunction {
  /** Calls it once, and gives what its handler returned. Rejects with what it threw. */
  call(event: unknown): Promise<unknown>;
  /** All that it has logged. */
  logs(): string;
}

/** A deployed function whose zip was unpacked into `folder`. `env` is added to its environment variables. */
export async function loadFunction(
  aws: AwsSettings,
  { name, folder, env }: { name: string; folder: string; env: Record<string, string> },
): Promise<DeployedFunction> {
  const configuration = await new LambdaClient(aws).send(new GetFunctionConfigurationCommand({ FunctionName: name }));
  const variables = { ...configuration.Environment?.Variables, ...runtimeVariables(aws, configuration), ...env };
  let logs = '';
  return {
    async call(event) {
      const task = {
        event,
        folder,
        handler: configuration.Handler ?? '',
        timeoutMs: (configuration.Timeout ?? 3) * 1000,
      };
      const child = spawn(process.execPath, ['--eval', `(${runInProcess})(${JSON.stringify(task)})`], {
        env: variables,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      let answer: { result?: unknown; error?: string } = { error: 'it ended without an answer' };
      child.on('message', (message) => {
        answer = message as typeof answer;
      });
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (logs += data));
      const timer = setTimeout(() => child.kill('SIGKILL'), task.timeoutMs);
      await once(child, 'close');
      clearTimeout(timer);
      if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`);
      return answer.result;
    },
    logs: () => logs,
  };
}

/** What Lambda adds. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html */
const runtimeVariables = (aws: AwsSettings, { FunctionName = '', MemorySize }: FunctionConfiguration) => ({
  AWS_REGION: aws.region,
  AWS_ENDPOINT_URL: aws.endpoint,
  AWS_ACCESS_KEY_ID: aws.credentials?.accessKeyId,
  AWS_SECRET_ACCESS_KEY: aws.credentials?.secretAccessKey,
  AWS_LAMBDA_FUNCTION_NAME: FunctionName,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${MemorySize}`,
});

/** The process gets this function as text: nothing around it can be used in it. */
async function runInProcess(task: { event: unknown; folder: string; handler: string; timeoutMs: number }) {
  const [, file, name] = /^(.+)\.(\w+)$/.exec(task.handler) ?? [];
  const deadline = Date.now() + task.timeoutMs;
  try {
    const { [name ?? '']: handler } = require(`${task.folder}/${file}.cjs`);
    const context = { awsRequestId: 'request-1', getRemainingTimeInMillis: () => deadline - Date.now() };
    process.send?.({ result: await handler(task.event, context) }, () => process.exit());
  } catch (error) {
    process.send?.({ error: `${error}` }, () => process.exit());
  }
}
