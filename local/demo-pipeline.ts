/** Hands the simulated jobs over to the notifier by HTTP, as a pipeline does after it has created a job. */
import type { JobPlan } from './simulation.ts';

/** A caller of the webhook. */
export interface DemoPipeline {
  /** Hands a job over. Rejects if the notifier does not accept it. */
  handOver: (plan: JobPlan) => Promise<void>;
  /** Whether the notifier is watching a job; null if it does not know the job. */
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
      if (!response.ok) throw new Error(`The job ${id} was not accepted: ${response.status} ${await response.text()}`);
    },
    isWatching: async (jobId) => {
      const response = await fetch(`${url}/jobs/${jobId}?environment=${environment}`, { headers });
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`The job ${jobId} cannot be looked up: ${response.status}`);
      return ((await response.json()) as { watching: boolean }).watching;
    },
  };
}
