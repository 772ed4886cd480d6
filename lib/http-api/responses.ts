/** The responses of the webhook about a job. Pure. */

import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { clampWaitMs } from '../domain/backoff.ts';
import {
  type Check,
  type Cooldown,
  type Decision,
  isTerminal,
  type JobRecord,
  type Notice,
  type Outcome,
  type TimeLimit,
} from '../domain/job.ts';
import { splitKey } from '../domain/outbox.ts';
import type { Checked } from '../pipeline/check.ts';

/** The response to a check. Unknown members are null. */
export interface CheckResponse {
  jobId: string;
  environment: string;
  status: string | null;
  previousStatus: string | null;
  changed: boolean;
  watching: boolean;
  outcome: Outcome | null;
  deliveries: (Notice & { channel: string; state: string })[];
}

/** The response for the result of a check. */
export const responseOf = ({ record, transition, previousStatus }: Checked): CheckResponse => ({
  ...summaryOf(record),
  previousStatus,
  changed: transition !== null,
  deliveries: deliveriesOf(record).map(({ channel, outcome, limit, state }) => ({ channel, outcome, limit, state })),
});

/** Everything that the table knows about a job; `cooldown` is the current one of its environment. */
export const detailsOf = (record: JobRecord, cooldown?: Cooldown): object => ({
  ...summaryOf(record),
  previousStatus: record.decision?.previousStatus ?? null,
  job: record.job,
  decision: record.decision,
  ...(record.exceeded ? { exceeded: exceededOf(record) } : {}),
  check: cooldown ? pausedBy(record.check, cooldown) : record.check,
  deliveries: deliveriesOf(record),
});

// The cooldown of an environment delays all of its jobs. It is not written to each of them.
const pausedBy = (check: Check, { reason, until }: Cooldown): Check =>
  check.nextAt === null
    ? check
    : { ...check, error: `the environment is paused: ${reason}`, nextAt: new Date(until).toISOString() };

/** The limits that a job exceeded, each with its decision, in the order of the decisions. */
export const exceededOf = ({ exceeded }: JobRecord): (Decision & { limit: TimeLimit; minutes: number })[] =>
  Object.entries(exceeded ?? {})
    .map(([limit, { minutes, decision }]) => ({ limit: limit as TimeLimit, minutes, ...decision }))
    .sort((one, other) => (one.at < other.at ? -1 : 1));

/** Whether the job is recorded, but a later sweep must check it: the API could not be reached, or does not know it yet. */
export const isOnlyAccepted = ({ reading, record }: Checked): boolean =>
  reading.kind !== 'job' && record.check.nextAt !== null && !isTerminal(record.status);

/** The 202 response: the job is recorded, and `Retry-After` says when to ask again. */
export function acceptedResponse(checked: Checked): APIGatewayProxyStructuredResultV2 {
  const { error = '', retryAfterMs = sweepEveryMs } = checked.reading as { error?: string; retryAfterMs?: number };
  const headers = { 'retry-after': String(Math.ceil(clampWaitMs(retryAfterMs) / 1_000)) };
  return jsonResponse(
    202,
    { ...responseOf(checked), detail: `Recorded. A later sweep checks the job again. ${error}`.trim() },
    headers,
  );
}

/** A JSON response. */
export const jsonResponse = (statusCode: number, body: object, headers = {}): APIGatewayProxyStructuredResultV2 => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

const sweepEveryMs = 60_000;

const summaryOf = ({ jobId, environment, status, watch, decision }: JobRecord) => ({
  jobId,
  environment,
  status,
  watching: watch === 'jobs',
  outcome: decision?.outcome ?? null,
});

const deliveriesOf = ({ deliveries }: JobRecord) =>
  Object.entries(deliveries)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, { ambiguousSince, ...delivery }]) => ({
      ...splitKey(key),
      ...delivery,
      ambiguous: ambiguousSince !== null,
    }));
