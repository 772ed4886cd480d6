/** Which notifier a command works on: a deployed stack, a table, or the `npm start` of this folder. */

import { fileURLToPath } from 'node:url';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { requestHandler } from '../lib/aws.ts';
import { ConfigError } from '../lib/errors.ts';
import { createParts, type Parts, type PartsOptions } from '../lib/parts.ts';
import { readDocument } from '../local/notifier-document.ts';
import { runningEnvironment } from '../local/running.ts';

/** The notifier that is meant. */
export interface Target {
  kind: 'stack' | 'table' | 'local';
  /** What people call it. */
  name: string;
  /** What its functions have in their environment; it wins over what is set here. */
  env: Record<string, string>;
  webhookUrl: string | null;
  failedEventsUrl: string | null;
}

/** How a command line names a notifier. */
export interface TargetOptions {
  stage?: string | undefined;
  region?: string | undefined;
}

type Env = Record<string, string | undefined>;

/** The service's name in `serverless.yml`, which all of its stacks begin with. */
const service = 'publishing-job-notifier';

/** Finds the notifier that is meant. A `ConfigError` says what to do when there is none. */
export async function findTarget({ stage, region }: TargetOptions, env: Env): Promise<Target> {
  if (stage) return await findStack(stage, regionOf({ region }, env), env);
  if (env['TABLE_NAME']) {
    const name = `the table ${env['TABLE_NAME']}`;
    const settings = {
      TABLE_NAME: env['TABLE_NAME'],
      ...(await configuration(env)),
      ...(region && { AWS_REGION: region }),
    };
    return { kind: 'table', name, env: settings, webhookUrl: null, failedEventsUrl: null };
  }
  return await findRunning(env);
}

/** The region of what is deployed, as `serverless.yml` chooses it. */
export const regionOf = ({ region }: TargetOptions, env: Env): string => region || env['AWS_REGION'] || 'eu-west-1';

/** The configuration as the environment variable that the parts read: `NOTIFIER_CONFIG`, or else `notifier.yml`. */
export async function configuration(env: Env): Promise<{ NOTIFIER_CONFIG: string }> {
  const path = fileURLToPath(new URL('../notifier.yml', import.meta.url));
  return { NOTIFIER_CONFIG: env['NOTIFIER_CONFIG'] || JSON.stringify(await readDocument(path)) };
}

/**
 * The parts of a notifier, without a log: what a command did is its answer. The clients of the AWS SDK read their
 * settings from the process, so they are put there.
 */
export function partsOf({ env }: Pick<Target, 'env'>, options: PartsOptions = {}): Parts {
  Object.assign(process.env, env);
  return createParts(process.env, { write: () => undefined, ...options });
}

async function findStack(stage: string, region: string, env: Env): Promise<Target> {
  const StackName = `${service}-${stage}`;
  const outputs = await outputsOf(StackName, region, stage);
  const { TableName: TABLE_NAME, TopicArn: TOPIC_ARN, WebhookUrl, FailedEventsUrl } = outputs;
  if (!TABLE_NAME) throw new ConfigError(`The stack ${StackName} names no table: deploy it again by this version.`);
  return {
    kind: 'stack',
    name: `the stack ${StackName} in ${region}`,
    env: { TABLE_NAME, ...(TOPIC_ARN && { TOPIC_ARN }), AWS_REGION: region, ...(await configuration(env)) },
    webhookUrl: WebhookUrl ?? null,
    failedEventsUrl: FailedEventsUrl ?? null,
  };
}

async function outputsOf(StackName: string, region: string, stage: string): Promise<Record<string, string>> {
  const client = new CloudFormationClient({ region, maxAttempts: 2, requestHandler });
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName })).catch((error: Error) => {
    if (!/does not exist/.test(error.message)) throw error;
    throw new ConfigError(
      `There is no stack ${StackName} in ${region}: deploy it by \`npx serverless deploy --stage ${stage}\`, or name ` +
        'another --stage or --region.',
    );
  });
  const outputs = Stacks[0]?.Outputs ?? [];
  return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

async function findRunning(env: Env): Promise<Target> {
  const running = await runningEnvironment(env).catch(() => {
    throw new ConfigError(
      'No notifier is named: add --stage dev for a deployed one, set TABLE_NAME to its table, or begin with `npm start`.',
    );
  });
  // A profile would win over the keys of the embedded table.
  const keys = 'AWS_ACCESS_KEY_ID' in running ? { AWS_PROFILE: '', AWS_SESSION_TOKEN: '' } : {};
  return {
    kind: 'local',
    name: 'the running npm start',
    env: { ...running, ...keys },
    webhookUrl: env['PORT'] === '0' ? null : `http://localhost:${env['PORT'] || 3000}`,
    failedEventsUrl: null,
  };
}
