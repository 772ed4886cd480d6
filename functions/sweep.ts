/** EventBridge schedule: one pass over the work list. What the event says does not matter. */

import { type Handler, observed } from '../lib/middleware.ts';
import { createParts, type Parts } from '../lib/parts.ts';
import { sweep } from '../lib/sweep.ts';
import type { SweepResult } from '../lib/tally.ts';

/** Makes the handler of the schedule. */
export const createHandler = (parts: Parts): Handler<unknown, SweepResult> =>
  observed(parts, (_, context) => sweep(parts, parts.clock.now() + context.getRemainingTimeInMillis()));

export const handler = createHandler(createParts(process.env));
