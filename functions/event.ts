/** EventBridge: looks at the job that an event names. What cannot be recorded throws, and goes to the dead-letter queue. */

import { answerOf, type CheckAnswer } from '../lib/answer.ts';
import { readJobName } from '../lib/job-name.ts';
import { type Handler, observed } from '../lib/middleware.ts';
import { check } from '../lib/observe.ts';
import { createParts, type Parts } from '../lib/parts.ts';

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
