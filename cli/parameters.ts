/** Parameters of AWS Systems Manager, to be written and looked at; the functions read them by `lib/platform/ssm.ts`. */

import { GetParametersCommand, type Parameter, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { requestHandler } from '../lib/platform/aws.ts';

/** What is known of a parameter without its value. */
export interface ParameterFacts {
  /** ISO 8601. */
  writtenAt: string | null;
  version: number | null;
  type: string | null;
}

export interface Parameters {
  region: string;
  /** What is there, by name. */
  look(names: string[]): Promise<Map<string, ParameterFacts>>;
  /** Writes a SecureString, over what is there. */
  write(name: string, value: string, keyId?: string): Promise<void>;
}

/** GetParameters takes 10 names at most. */
const batchSize = 10;

export function createParameters(region: string): Parameters {
  const client = new SSMClient({ region, maxAttempts: 3, requestHandler });
  return {
    region,
    async look(names) {
      const found: Parameter[] = [];
      for (let from = 0; from < names.length; from += batchSize) {
        // Not decrypted: the values are of no interest here.
        const Names = names.slice(from, from + batchSize);
        found.push(...((await client.send(new GetParametersCommand({ Names }))).Parameters ?? []));
      }
      return new Map(found.map((parameter) => [parameter.Name ?? '', factsOf(parameter)]));
    },
    async write(Name, Value, KeyId) {
      const input = { Name, Value, Type: 'SecureString', Overwrite: true, ...(KeyId && { KeyId }) } as const;
      await client.send(new PutParameterCommand(input));
    },
  };
}

const factsOf = ({ LastModifiedDate, Version, Type }: Parameter): ParameterFacts => ({
  writtenAt: LastModifiedDate?.toISOString() ?? null,
  version: Version ?? null,
  type: Type ?? null,
});
