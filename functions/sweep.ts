/** EventBridge schedule and the queue of sweep requests: one pass over the work list. */

import type { Deps } from '../lib/deps.ts';
import { type Handler, instrumented } from '../lib/platform/handler.ts';
import { readSweepRequests } from '../lib/platform/sweep-queue.ts';
import { sweep } from '../lib/sweep/sweep.ts';
import type { SweepResult } from '../lib/sweep/sweep-run.ts';
import { wire } from '../lib/wire.ts';

/** Makes the handler. An event that is no sweep request counts as the schedule. */
export const createHandler = (deps: Deps): Handler<unknown, SweepResult> =>
  instrumented(deps, (event, context) =>
    sweep(deps, deps.clock.now() + context.getRemainingTimeInMillis(), readSweepRequests(event)),
  );

export const handler = createHandler(wire(process.env));
