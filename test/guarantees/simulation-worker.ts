/** A worker of a simulation: the real dependencies behind a boundary at which anything can go wrong. */

import type { Deps } from '../../lib/deps.ts';
import { type JobName, jobKey } from '../../lib/domain/job.ts';
import { splitKey } from '../../lib/domain/outbox.ts';
import { type Clock, type CorrectedClock, createClock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { HttpResponse } from '../../lib/platform/http.ts';
import type { Log } from '../../lib/platform/log.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets } from '../../lib/platform/secrets.ts';
import { createAccessToken } from '../../lib/sitecore/access-token.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { createPublishingApi } from '../../lib/sitecore/publishing-api.ts';
import { keepReads } from '../../lib/table/kept-reads.ts';
import type { Cross } from '../support/crossing.ts';
import { requestedJob, type SimulatedWorld } from '../support/simulated-world.ts';
import { type Deployment, everyChannel } from './simulation-deployments.ts';
import { type SimulatedJob, shownOutcome } from './simulation-jobs.ts';
import type { Ledger } from './simulation-ledger.ts';
import { InjectedError, noResponse, problemResponse, refusals, type Target, type What } from './simulation-mishaps.ts';
import type { Table } from './simulation-table.ts';

/** A call leaves the worker. `act` performs it, given what goes wrong with it and how long its response takes. */
export type Leave = <Result>(
  crossing: { name: string; target: Target; about?: string },
  act: (mishap: What | undefined, takesMs: number) => Promise<Result>,
) => Promise<Result>;

export interface WorkerOptions {
  /** Identifies the worker in the ledger. */
  worker: object;
  /** Whether the worker is or was frozen, so that others may have sent its messages. */
  isLate: () => boolean;
  deployment: Deployment;
  leave: Leave;
  /** Waits for a turn between a write and its repetition. */
  turn: (what: string) => Promise<void>;
  /** The time of the world. */
  now: () => number;
  pass: (ms: number) => void;
  /** How far the clock of the worker is ahead. */
  offsetMs: number;
  world: SimulatedWorld;
  table: Table;
  jobs: SimulatedJob[];
  ledger: Ledger;
  newId: () => string;
}

/** Makes the dependencies as `wire` does, except that the configuration is parsed once for all simulations. */
export function createWorkerDeps(options: WorkerOptions): Deps {
  const { deployment, leave, now, pass, offsetMs, world, table, ledger, newId } = options;
  const machineClock = createClock(() => now() + offsetMs);
  const cross = createCross(options, machineClock);
  const { http, types, store } = world.boundary(cross, table.storeFor(deployment.channelsFor));
  const made = deployment.deps;
  const clock: Clock = {
    ...machineClock,
    async wait(ms) {
      const end = now() + ms;
      if (ms > 0) await leave({ name: 'wait', target: 'any' }, async () => pass(Math.max(end - now(), 0)));
    },
  };
  const redact = createRedactor();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters: async () => new Map(), references: [] });
  const own = { http, clock, secrets, redact, log: logOf(ledger) };
  const apis = mapValues(made.config.environments, (environment, name) => {
    const accessToken = createAccessToken(own, { name, ...environment });
    return createPublishingApi({ ...own, accessToken }, { name, ...environment });
  });
  const jobLists = mapValues(apis, (api) => createJobList({ api, clock }));
  const channels = mapValues(made.config.channels, (channel) => types[channel.type]?.create(own, channel));
  return {
    ...made,
    ...own,
    store: {
      ...keepReads(store, clock.now),
      async save(next, known, saveOptions) {
        const { result = '' } = saveOptions ?? {};
        try {
          return await store.save(next, known, saveOptions);
        } catch (error) {
          if (next.deliveries[result]?.state === 'sent')
            ledger.receipt({ job: jobKey(next), ...splitKey(result) }, 'lost');
          throw error;
        }
      },
      async saveDelivery(job, key, delivery, known) {
        try {
          return await store.saveDelivery(job, key, delivery, known);
        } catch (error) {
          if (delivery.state === 'sent') ledger.receipt({ job: jobKey(job), ...splitKey(key) }, 'lost');
          throw error;
        }
      },
    },
    api: (name) => apis[name] as never,
    jobList: (name) => jobLists[name] as never,
    channel: (name) => channels[name] as never,
    metrics: { count: () => undefined, measure: () => undefined, flush: () => undefined },
    newId,
  };
}

const targets: Record<string, Target> = {
  token: 'token',
  api: 'api',
  slack: 'slack',
  fifo: 'fifo',
  topic: 'topic',
  teams: 'teams',
  hook: 'hook',
  'room.post': 'room',
  'room.reply': 'room',
  'room.edit': 'room',
  'room.look': 'room',
  'store.get': 'get',
  'store.readMarks': 'get',
  'store.getWithMarks': 'get',
  'store.save': 'save',
  'store.saveDelivery': 'receipt',
  'store.setAmbiguous': 'receipt',
  'store.writeMark': 'mark',
  'store.removeMark': 'mark',
  'store.claimTime': 'mark',
};

/** The boundary of a worker. The ledger records what crosses it. */
function createCross(options: WorkerOptions, clock: CorrectedClock): Cross {
  const { worker, isLate, leave, now, world, ledger } = options;
  const crossToStore: Cross = async (name, call) => {
    const correct = clock.beginRequest();
    const { response, date } = await leave({ name, target: targets[name] ?? 'list' }, async (mishap) => ({
      response: await crossToTable(options, { name, call, mishap }),
      date: new Date(now()).toUTCString(),
    }));
    correct(date);
    return response;
  };
  const heardOf = <Response>(response: Response, environment: string): Response => {
    const { data = [] } = JSON.parse((response as HttpResponse).body) as { data?: { id: string }[] };
    ledger.heardOf(data.map(({ id }) => jobKey({ environment, jobId: id })));
    return response;
  };
  return (name, call, { request, timeoutMs = Number.POSITIVE_INFINITY } = {}) => {
    if (name.startsWith('store.')) return crossToStore(name, call);
    const target = targets[name] ?? 'list';
    const job = request && target === 'api' ? requestedJob(request) : null;
    const sentAt = now();
    return leave({ name, target, about: job ? jobKey(job) : '' }, async (mishap, takesMs) => {
      const isInTime = now() - sentAt + takesMs < timeoutMs;
      const isChannel = everyChannel.some((channel) => channel === target);
      const isOurTime = request !== undefined && timeoutMs < request.timeoutMs;
      if (!isInTime && !isChannel)
        throw new UpstreamError(isOurTime ? 'outOfTime' : 'unavailable', 'injected: no response in time');
      const refusal = mishap && refusals[target]?.[mishap];
      // The types of requests and responses match by target.
      if (refusal) return refusal() as never;
      if (job)
        return observe(options, job, mishap === 'notFound')
          ? heardOf(await call(), job.environment)
          : (notFound as never);
      const before = world.accepted.length;
      const response = call();
      const isHeard = isInTime && mishap !== 'lost';
      for (const { job, channel, outcome, limit } of world.accepted.slice(before)) {
        const fate = isLate() ? 'late' : 'open';
        ledger.accepted({ job: jobKey(job), channel, outcome, limit }, worker, isHeard ? fate : 'lost');
      }
      return isHeard ? await response : noResponse();
    });
  };
}

const notFound = problemResponse(404);

/** Records what the API shows of a job or, without an id, of all jobs of an environment. False: it is a 404. */
function observe({ jobs, ledger }: WorkerOptions, { environment, jobId }: JobName, isHidden: boolean): boolean {
  const isList = jobId === '';
  const asked = jobs.filter((job) => job.environment === environment && (isList || job.jobId === jobId));
  const shown = asked.filter((job) => job.shown && (isList || !isHidden));
  for (const job of shown) ledger.showed(job.key, job.shown?.body ?? '', shownOutcome(job));
  if (isList) {
    const ended = shown.filter((job) => job.ended);
    ledger.listed(
      environment,
      ended.map(({ key }) => key),
    );
  } else if (shown.length === 0) ledger.notFound(jobKey({ environment, jobId }));
  return isList || shown.length > 0;
}

async function crossToTable<Result>(
  { table, turn }: WorkerOptions,
  { name, call, mishap }: { name: string; call: () => Promise<Result>; mishap: What | undefined },
): Promise<Result> {
  if (mishap === 'failed') throw new InjectedError('the table is throttled');
  const first = await call();
  if (name === 'store.due') return table.show(first as IteratorResult<never>, mishap === 'stale') as Result;
  if (mishap === 'lost') throw new InjectedError('the response of the table was lost');
  if (mishap !== 'again') return first;
  await turn(`${name}, again`);
  return await call();
}

/** A log that checks for one thing: no error is a bug. */
const logOf = ({ violated }: Ledger): Log => ({
  info: () => undefined,
  warn: () => undefined,
  error(message, { error } = {}) {
    if (!(error instanceof Error) || error instanceof InjectedError || error instanceof UpstreamError) return;
    violated(`a bug: ${message}: ${error.stack}`);
  },
});

const mapValues = <In, Out>(values: Record<string, In>, make: (value: In, name: string) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));
