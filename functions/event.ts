/** EventBridge: checks the job that an event names. A job that cannot be recorded throws and goes to the dead-letter queue. */

import type { Deps } from '../lib/deps.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { type CheckResponse, responseOf } from '../lib/http-api/responses.ts';
import { check } from '../lib/pipeline/check.ts';
import { type Handler, instrumented } from '../lib/platform/handler.ts';
import { wire } from '../lib/wire.ts';

/** Makes the handler of "Publishing Job Check" events and of their bare detail, as EventBridge Scheduler sends it. */
export function createHandler(deps: Deps): Handler<unknown, CheckResponse> {
  const environments = Object.keys(deps.config.environments);
  return instrumented(deps, async (event, context) => {
    const isEnvelope = typeof event === 'object' && event !== null && 'detail' in event;
    const job = readJobName(isEnvelope ? event.detail : event, environments);
    return responseOf(await check(deps, job, deps.clock.now() + context.getRemainingTimeInMillis()));
  });
}

export const handler = createHandler(wire(process.env));
