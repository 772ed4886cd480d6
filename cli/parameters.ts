/** Writes and describes parameters of AWS Systems Manager. The functions read them with `lib/platform/ssm.ts`. */

import { GetParametersCommand, type Parameter, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { requestHandler } from '../lib/platform/aws.ts';

/** A parameter without its value. */
export interface ParameterInfo {
  /** ISO 8601. */
  writtenAt: string | null;
  version: number | null;
  type: string | null;
}

export interface Parameters {
  region: string;
  /** The parameters that exist, by name. */
  describe(names: string[]): Promise<Map<string, ParameterInfo>>;
  /** Writes a SecureString. Overwrites an existing value. */
  write(name: string, value: string, keyId?: string): Promise<void>;
}

/** GetParameters takes 10 names at most. */
const batchSize = 10;

export function createParameters(region: string): Parameters {
  const client = new SSMClient({ region, maxAttempts: 3, requestHandler });
  return {
    region,
    async describe(names) {
      const found: Parameter[] = [];
      for (let from = 0; from < names.length; from += batchSize) {
        // Without decryption: the values are not needed here.
        const Names = names.slice(from, from + batchSize);
        found.push(...((await client.send(new GetParametersCommand({ Names }))).Parameters ?? []));
      }
      return new Map(found.map((parameter) => [parameter.Name ?? '', infoOf(parameter)]));
    },
    async write(Name, Value, KeyId) {
      const input = { Name, Value, Type: 'SecureString', Overwrite: true, ...(KeyId && { KeyId }) } as const;
      await client.send(new PutParameterCommand(input));
    },
  };
}

const infoOf = ({ LastModifiedDate, Version, Type }: Parameter): ParameterInfo => ({
  writtenAt: LastModifiedDate?.toISOString() ?? null,
  version: Version ?? null,
  type: Type ?? null,
});
