/** Hands the simulated jobs to the notifier over HTTP, as a pipeline that has just created a job would. */
import type { JobPlan } from './simulation.ts';

/** A caller of the webhook. */
export interface DemoPipeline {
  /** Hands a job over; rejects when it is not taken. */
  handOver: (plan: JobPlan) => Promise<void>;
  /** Whether the notifier still has to do something for a job; null if it has never heard of it. */
  isWatching: (jobId: string) => Promise<boolean | null>;
}

/** Makes a caller of the webhook at `url`. */
export function createDemoPipeline(deps: { url: string; secret: string; environment: string }): DemoPipeline {
  const { url, secret, environment } = deps;
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  return {
    handOver: async ({ id }) => {
      const body = JSON.stringify({ jobId: id, environment });
      const response = await fetch(`${url}/jobs`, { method: 'POST', headers, body });
      if (!response.ok) throw new Error(`The job ${id} was not taken: ${response.status} ${await response.text()}`);
    },
    isWatching: async (jobId) => {
      const response = await fetch(`${url}/jobs/${jobId}?environment=${environment}`, { headers });
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`The job ${jobId} cannot be looked up: ${response.status}`);
      return ((await response.json()) as { watching: boolean }).watching;
    },
  };
}
