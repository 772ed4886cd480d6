/** EventBridge: looks at the job that an event names. What cannot be recorded throws, and goes to the dead-letter queue. */

import type { Parts } from '../lib/deps.ts';
import { type Handler, observed } from '../lib/http-api/middleware.ts';
import { readJobName } from '../lib/http-api/request.ts';
import { answerOf, type CheckAnswer } from '../lib/http-api/responses.ts';
import { check } from '../lib/pipeline/check.ts';
import { createParts } from '../lib/wire.ts';

/** Makes the handler of a "Publishing Job Check" event, or of its bare detail, as EventBridge Scheduler sends it. */
export function createHandler(parts: Parts): Handler<unknown, CheckAnswer> {
  const environments = Object.keys(parts.config.environments);
  return observed(parts, async (event, context) => {
    const isEnvelope = typeof event === 'object' && event !== null && 'detail' in event;
    const job = readJobName(isEnvelope ? event.detail : event, environments);
    return answerOf(await check(parts, job, parts.clock.now() + context.getRemainingTimeInMillis()));
  });
}

export const handler = createHandler(createParts(process.env));
