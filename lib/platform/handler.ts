/** A Lambda function, with the logs and metrics of its invocations. */

import type { Context } from 'aws-lambda';
import { correlated } from './log.ts';
import type { Metrics } from './metrics.ts';

/** A Lambda function. */
export type Handler<Event, Result> = (event: Event, context: Context) => Promise<Result>;

/**
 * Adds the ids of the invocation, and of the request or event behind it, to every line that it logs, and writes its
 * metrics when it ends, also if it fails.
 */
export const instrumented =
  <Event, Result>({ metrics }: { metrics: Metrics }, handle: Handler<Event, Result>): Handler<Event, Result> =>
  (event, context) => {
    const { id, requestContext } = (event ?? {}) as { id?: unknown; requestContext?: { requestId?: unknown } };
    const ids = { requestId: context.awsRequestId, triggerId: requestContext?.requestId ?? id };
    return correlated(ids, () => handle(event, context).finally(() => metrics.flush()));
  };
