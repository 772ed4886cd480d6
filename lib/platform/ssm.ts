/** Parameters of AWS Systems Manager. Imported statically: a dynamic import would bundle the whole client. */

import { GetParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import { requestHandler } from './aws.ts';
import type { ReadParameters } from './secrets.ts';

/** Reads and decrypts parameters by name. https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html */
export const readParameters: ReadParameters = async (names) => {
  const client = new SSMClient({ maxAttempts: 2, requestHandler });
  const { Parameters = [] } = await client.send(new GetParametersCommand({ Names: names, WithDecryption: true }));
  return new Map(Parameters.map(({ Name = '', Value = '' }) => [Name, Value]));
};
