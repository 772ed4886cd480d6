/** The parameters of AWS Systems Manager that the configuration names. */

import { DeleteParameterCommand, GetParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { ConfigError } from '../../lib/platform/errors.ts';
import type { AwsSettings } from './endpoint.ts';
import type { Undo } from './stack.ts';

/** Puts them as SecureString. A parameter that is there belongs to somebody, and stops the run. */
export async function putParameters(aws: AwsSettings, values: Map<string, string>, undo: Undo): Promise<void> {
  const client = new SSMClient(aws);
  const put: string[] = [];
  undo.push(['the parameters are removed', () => remove(client, put)]);
  for (const [Name, Value] of values) {
    await client.send(new PutParameterCommand({ Name, Value, Type: 'SecureString' })).catch((error: Error) => {
      if (error.name !== 'ParameterAlreadyExists') throw error;
      throw new ConfigError(`The parameter ${Name} is there already. Nothing is overwritten: remove it first.`);
    });
    put.push(Name);
  }
}

async function remove(client: SSMClient, names: string[]): Promise<void> {
  for (const Name of names) await client.send(new DeleteParameterCommand({ Name }));
}

/** Those that are there, with their values. */
export async function readParameters(aws: AwsSettings, names: string[]): Promise<Map<string, string>> {
  const client = new SSMClient(aws);
  const read = new Map<string, string>();
  for (const Name of names) {
    const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: [Name], WithDecryption: true }));
    for (const { Value = '' } of Parameters) read.set(Name, Value);
  }
  return read;
}
