/** EventBridge schedule, and the queue of wake-ups: one pass over the work list. */

import type { Parts } from '../lib/deps.ts';
import { type Handler, observed } from '../lib/http-api/middleware.ts';
import { readWakeUps } from '../lib/platform/sweep-queue.ts';
import { sweep } from '../lib/sweep/sweep.ts';
import type { SweepResult } from '../lib/sweep/sweep-run.ts';
import { createParts } from '../lib/wire.ts';

/** Makes the handler. Whatever is no wake-up counts as the schedule. */
export const createHandler = (parts: Parts): Handler<unknown, SweepResult> =>
  observed(parts, (event, context) =>
    sweep(parts, parts.clock.now() + context.getRemainingTimeInMillis(), readWakeUps(event)),
  );

export const handler = createHandler(createParts(process.env));
