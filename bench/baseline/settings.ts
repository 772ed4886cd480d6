/** Where everything is, and the secrets, from Systems Manager. */

import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';

const env = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const tableName = env('TABLE_NAME');
export const topicArn = env('TOPIC_ARN');
export const apiUrl = env('API_URL');
export const tokenUrl = env('TOKEN_URL');
export const concurrency = Number(process.env['CONCURRENCY'] ?? 20);

const ssm = new SSMClient({});
const names = ['client-id', 'client-secret', 'slack-webhook-url', 'webhook-secret'] as const;
const prefix = env('PARAMETER_PREFIX');

type Secrets = Record<(typeof names)[number], string>;

let secrets: Promise<Secrets> | undefined;

/** Reads the parameters once per process. */
export function readSecrets(): Promise<Secrets> {
  secrets ??= ssm
    .send(new GetParametersCommand({ Names: names.map((name) => `${prefix}/${name}`), WithDecryption: true }))
    .then(({ Parameters = [] }) => {
      const values = new Map(Parameters.map(({ Name, Value }) => [Name, Value]));
      return Object.fromEntries(names.map((name) => [name, values.get(`${prefix}/${name}`) ?? ''])) as Secrets;
    });
  return secrets;
}
