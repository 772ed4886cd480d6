/** EventBridge schedule, and the queue of wake-ups: one pass over the work list. */

import { type Handler, observed } from '../lib/middleware.ts';
import { createParts, type Parts } from '../lib/parts.ts';
import { sweep } from '../lib/sweep.ts';
import type { SweepResult } from '../lib/tally.ts';
import { readWakeUps } from '../lib/wake-ups.ts';

/** Makes the handler. Whatever is no wake-up counts as the schedule. */
export const createHandler = (parts: Parts): Handler<unknown, SweepResult> =>
  observed(parts, (event, context) =>
    sweep(parts, parts.clock.now() + context.getRemainingTimeInMillis(), readWakeUps(event)),
  );

export const handler = createHandler(createParts(process.env));
