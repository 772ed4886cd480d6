/** The name of a job in a request: `{"jobId": "job_41B25", "environment": "production"}`. */

import * as v from 'valibot';
import type { JobName } from '../domain/job.ts';
import { isJobId } from '../domain/job.ts';
import { RequestError } from '../platform/errors.ts';

const Given = v.object({ jobId: v.unknown(), environment: v.optional(v.unknown()) });

/**
 * Reads the name of a job in one of the configured environments; other members are ignored. Throws a `RequestError`: 400
 * for a bad or missing job id, 422 for an environment that is not configured, or that is missing if there are several.
 */
export function readJobName(input: unknown, environments: string[]): JobName {
  const given = v.safeParse(Given, input);
  if (!given.success || Array.isArray(input)) {
    throw new RequestError(400, 'Send a JSON object with a jobId: {"jobId": "job_41B25"}.');
  }
  const { jobId, environment } = given.output;
  if (typeof jobId !== 'string' || !isJobId(jobId)) {
    throw new RequestError(400, 'jobId must be a string of 1 to 128 characters from A-Z a-z 0-9 _ - . ~ : ;');
  }
  return { environment: readEnvironment(environment, environments), jobId };
}

/** Reads the name of an environment; it may be left out if only one is configured. Throws a `RequestError` (422). */
export function readEnvironment(environment: unknown, environments: string[]): string {
  const [only, ...others] = environments;
  if (environment === undefined && only !== undefined && others.length === 0) return only;
  const known = environments.join(', ');
  if (environment === undefined)
    throw new RequestError(422, `The environment is missing. Configured environments: ${known}.`);
  if (typeof environment !== 'string' || !environments.includes(environment)) {
    throw new RequestError(422, `Unknown environment. Configured environments: ${known}.`);
  }
  return environment;
}
