/** Finds the notifier that a command works on: a deployed stack, a table, or the `npm start` of this folder. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { parseConfig, parseJson } from '../lib/config/config.ts';
import type { Deps } from '../lib/deps.ts';
import { requestHandler } from '../lib/platform/aws.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { wire } from '../lib/wire.ts';
import { forStage, readDocument, readStageDocument, type StageDocument } from '../local/notifier-document.ts';
import { runningEnvironment } from '../local/running.ts';

/** The notifier that a command works on. */
export interface Target {
  kind: 'stack' | 'table' | 'local';
  /** Its name for people. */
  name: string;
  /** The environment variables of its functions. They override those of this process. */
  env: Record<string, string>;
  webhookUrl: string | null;
  failedEventsUrl: string | null;
  /** The outputs of the stack. */
  outputs?: Record<string, string>;
}

/** The options that select a notifier. */
export interface TargetOptions {
  stage?: string | undefined;
  region?: string | undefined;
}

type Env = Record<string, string | undefined>;

/** The name of the service in `serverless.yml`. Every stack name begins with it. */
const service = 'publishing-job-notifier';

/** Finds the target. Throws a `ConfigError` with a remedy if there is none. */
export async function findTarget({ stage, region }: TargetOptions, env: Env): Promise<Target> {
  if (stage) return await findStack(stage, regionOf({ region }, env));
  if (!env['TABLE_NAME']) return await findRunning(env);
  return {
    kind: 'table',
    name: `the table ${env['TABLE_NAME']}`,
    env: { TABLE_NAME: env['TABLE_NAME'], ...(region && { AWS_REGION: region }) },
    webhookUrl: null,
    failedEventsUrl: null,
  };
}

/** The region of a deployed notifier, chosen as `serverless.yml` chooses it. */
export const regionOf = ({ region }: TargetOptions, env: Env): string => region || env['AWS_REGION'] || 'eu-west-1';

/** Sets the target's environment variables in this process, where the AWS SDK reads them. */
export const applyTarget = ({ env }: Pick<Target, 'env'>): void => void Object.assign(process.env, env);

/**
 * The configuration, in the form that the functions read: from `NOTIFIER_CONFIG`, or from `notifier.yml` of this folder or
 * of the checkout. Throws a `ConfigError` that names its source.
 */
export async function configuration(env: Env): Promise<{ NOTIFIER_CONFIG: string }> {
  const { document, source } = await configurationDocument(env);
  parseConfig(document, { source });
  return { NOTIFIER_CONFIG: JSON.stringify(document) };
}

/** The folder of the checkout. */
export const checkout = fileURLToPath(new URL('..', import.meta.url));

/** The document of `configuration`, as it is deployed to the stage `STAGE`, and where it comes from. */
export async function configurationDocument(env: Env): Promise<StageDocument> {
  const { STAGE: stage, NOTIFIER_CONFIG: text } = env;
  if (text) return { document: stage ? forStage(parseJson(text), stage) : parseJson(text), source: 'NOTIFIER_CONFIG' };
  const folder = existsSync('notifier.yml') ? process.cwd() : checkout;
  if (stage) return await readStageDocument(stage, folder);
  return { document: await readDocument(join(folder, 'notifier.yml')), source: 'notifier.yml' };
}

/** Makes the target's dependencies. They write no log, because a command reports by its result. */
export const wireTarget = async (env: Env): Promise<Deps> =>
  wire({ ...env, ...(await configuration(env)) }, { write: () => undefined });

async function findStack(stage: string, region: string): Promise<Target> {
  const StackName = `${service}-${stage}`;
  const outputs = await outputsOf(StackName, region, stage);
  const { TableName: TABLE_NAME, TopicArn: TOPIC_ARN, WebhookUrl, FailedEventsUrl } = outputs;
  if (!TABLE_NAME) {
    throw new ConfigError(`The stack ${StackName} has no output TableName. Deploy it again with this version.`);
  }
  return {
    kind: 'stack',
    name: `the stack ${StackName} in ${region}`,
    env: { TABLE_NAME, ...(TOPIC_ARN && { TOPIC_ARN }), AWS_REGION: region, STAGE: stage },
    outputs,
    webhookUrl: WebhookUrl ?? null,
    failedEventsUrl: FailedEventsUrl ?? null,
  };
}

async function outputsOf(StackName: string, region: string, stage: string): Promise<Record<string, string>> {
  const client = new CloudFormationClient({ region, maxAttempts: 2, requestHandler });
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName })).catch((error: Error) => {
    if (!/does not exist/.test(error.message)) throw error;
    throw new ConfigError(
      `The stack ${StackName} does not exist in ${region}. Deploy it with \`npx serverless deploy --stage ${stage}\`, ` +
        'or correct --stage or --region.',
    );
  });
  const outputs = Stacks[0]?.Outputs ?? [];
  return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

async function findRunning(env: Env): Promise<Target> {
  const running = await runningEnvironment(env).catch(() => {
    throw new ConfigError(
      'No notifier found. Add --stage dev to use a deployed one, set TABLE_NAME to its table, or start one with `npm start`.',
    );
  });
  // A profile would override the credentials of the embedded table.
  const keys = 'AWS_ACCESS_KEY_ID' in running ? { AWS_PROFILE: '', AWS_SESSION_TOKEN: '' } : {};
  return {
    kind: 'local',
    name: 'the running npm start',
    env: { ...running, ...keys },
    webhookUrl: env['PORT'] === '0' ? null : `http://localhost:${env['PORT'] || 3000}`,
    failedEventsUrl: null,
  };
}
