/** What callers are told about a job. Pure. */

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

/** The answer to "look at this job": members that are not known are null. */
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

/** What came of a check. */
export const responseOf = ({ record, transition, previousStatus }: Checked): CheckResponse => ({
  ...summaryOf(record),
  previousStatus,
  changed: transition !== null,
  deliveries: deliveriesOf(record).map(({ channel, outcome, limit, state }) => ({ channel, outcome, limit, state })),
});

/** All that the table knows of a job, for whoever asks what became of it; `cooldown` is that in which its environment is now. */
export const detailsOf = (record: JobRecord, cooldown?: Cooldown): object => ({
  ...summaryOf(record),
  previousStatus: record.decision?.previousStatus ?? null,
  job: record.job,
  decision: record.decision,
  ...(record.exceeded ? { exceeded: exceededOf(record) } : {}),
  check: cooldown ? heldUp(record.check, cooldown) : record.check,
  deliveries: deliveriesOf(record),
});

// What holds up all jobs of an environment is written to none of them.
const heldUp = (check: Check, { reason, until }: Cooldown): Check =>
  check.nextAt === null
    ? check
    : { ...check, error: `the environment rests: ${reason}`, nextAt: new Date(until).toISOString() };

/** The limits that a job exceeded, with what was decided about each, in that order. */
export const exceededOf = ({ exceeded }: JobRecord): (Decision & { limit: TimeLimit; minutes: number })[] =>
  Object.entries(exceeded ?? {})
    .map(([limit, { minutes, decision }]) => ({ limit: limit as TimeLimit, minutes, ...decision }))
    .sort((one, other) => (one.at < other.at ? -1 : 1));

/** Whether a check could not ask the API, or the API does not know the job yet: recorded, and to be looked at again. */
export const isOnlyAccepted = ({ reading, record }: Checked): boolean =>
  reading.kind !== 'job' && record.check.nextAt !== null && !isTerminal(record.status);

/** The answer to a check that is still to be made: recorded, and when to ask again. */
export function accepted(checked: Checked): APIGatewayProxyStructuredResultV2 {
  const { error = '', retryAfterMs = sweepEveryMs } = checked.reading as { error?: string; retryAfterMs?: number };
  const headers = { 'retry-after': String(Math.ceil(clampWaitMs(retryAfterMs) / 1_000)) };
  return json(
    202,
    { ...responseOf(checked), detail: `Recorded, and looked at again by a later sweep. ${error}`.trim() },
    headers,
  );
}

/** An answer in JSON. */
export const json = (statusCode: number, body: object, headers = {}): APIGatewayProxyStructuredResultV2 => ({
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
