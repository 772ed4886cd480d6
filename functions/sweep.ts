/** EventBridge schedule: one pass over the work list. What the event says does not matter. */

import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import { flushMetrics } from '../lib/middleware.ts';
import { createParts, type Parts } from '../lib/parts.ts';
import { type SweepResult, sweep } from '../lib/sweep.ts';

/** Makes the handler of the schedule. */
export const createHandler = (parts: Parts): ((event: unknown, context: Context) => Promise<SweepResult>) =>
  middy()
    .use(flushMetrics(parts))
    .handler(async (_event: unknown, context: Context): Promise<SweepResult> => {
      const result = await sweep(parts, parts.clock.now() + context.getRemainingTimeInMillis());
      parts.log.info('swept', { ...result });
      return result;
    }) as (event: unknown, context: Context) => Promise<SweepResult>;

export const handler = createHandler(createParts(process.env));
