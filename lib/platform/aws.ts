/** What AWS SDK clients share: their settings, and the clock that follows one of them. */

import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type Clock, isCorrected } from './clock.ts';
import type { Log } from './log.ts';

/**
 * Time limits of one request to AWS, in milliseconds. By default the SDK only logs a warning when a request is slow;
 * `throwOnRequestTimeout` makes it an error.
 * https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-smithy-node-http-handler/
 */
export const requestHandler = {
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  socketTimeout: 3_000,
  throwOnRequestTimeout: true,
};

/** Corrects the clock by the `Date` of each response of this client. A clock that cannot be corrected stays as it is. */
export function followClockOf(client: DynamoDBClient, clock: Clock, log: Log): void {
  if (!isCorrected(clock)) return;
  client.middlewareStack.add(
    (next) => async (args) => {
      const correct = clock.beginRequest();
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const offsetMs = correct(headers?.['date']);
      if (offsetMs !== undefined) log.warn('clock corrected', { offsetMs });
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'clock' },
  );
}
