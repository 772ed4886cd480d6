/** A notifier from the sources, in a world with a fake clock. */

import { createHandler as createEvent } from '../../functions/event.ts';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import { createHandler as createWebhook } from '../../functions/webhook.ts';
import type { Deps } from '../../lib/deps.ts';
import type { SweepResult } from '../../lib/sweep/sweep-run.ts';
import { type WireOptions, wire } from '../../lib/wire.ts';
import { queueEvent } from '../../local/embedded-queue.ts';
import { createFakeClock, type FakeClock } from './clock.ts';
import { type ConfigDocument, getEvent, type httpEvent, lambdaContext, postEvent, read, type World } from './world.ts';

export interface Notifier {
  deps: Deps;
  clock: FakeClock;
  /** Every logged line. */
  lines: string[];
  post(jobId: string, environment?: string): Promise<ReturnType<typeof read>>;
  get(jobId: string, environment?: string): Promise<ReturnType<typeof read>>;
  event(event: unknown): Promise<unknown>;
  /** A request to the webhook. */
  request(event: ReturnType<typeof httpEvent>): Promise<ReturnType<typeof read>>;
  /** One sweep with this much time. */
  sweep(remainingMs?: number): Promise<SweepResult>;
  /** A sweep between two of the schedule. */
  poll(): Promise<SweepResult>;
  /** A sweep for an event of the sweep queue. */
  wakeUp(event: object): Promise<SweepResult>;
}

/** Deploys the notifier into a world. Several notifiers are several workers, or successive deployments. */
export function deploy(
  world: World,
  options: { config?: ConfigDocument; clock?: FakeClock; types?: WireOptions['types']; deps?: Partial<Deps> } = {},
): Notifier {
  const env = world.env(options.config);
  // The clients of the AWS SDK read the variables of the process.
  Object.assign(process.env, env);
  const clock = options.clock ?? createFakeClock();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const made = wire(env, { clock, write, ...(options.types ? { types: options.types } : {}) });
  const deps = { ...made, ...options.deps };
  const [webhook, event, sweep] = [createWebhook(deps), createEvent(deps), createSweep(deps)];
  return {
    deps,
    clock,
    lines,
    post: async (jobId, environment) => read(await webhook(postEvent(jobId, environment), lambdaContext(25_000))),
    get: async (jobId, environment) => read(await webhook(getEvent(jobId, environment), lambdaContext(25_000))),
    event: (detail) => event(detail, lambdaContext(30_000)),
    request: async (request) => read(await webhook(request, lambdaContext(25_000))),
    sweep: (remainingMs) => sweep({}, lambdaContext(remainingMs)),
    poll: () => sweep(queueEvent('{"environment":null}'), lambdaContext()),
    wakeUp: (queueEvent) => sweep(queueEvent, lambdaContext()),
  };
}
