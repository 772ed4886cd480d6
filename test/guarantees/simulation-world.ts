/**
 * The world of a simulation: its time, the table, Sitecore, the channels, and the workers, which live in processes as
 * Lambda keeps them. Each thing that leaves a worker waits for its turn, and may get into trouble.
 */

import { createAccessToken } from '../../lib/access-token.ts';
import type { Channel, ChannelType } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { UpstreamError } from '../../lib/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../lib/http.ts';
import { type DueEntry, type JobName, type JobRecord, jobKey, type Outcome } from '../../lib/job.ts';
import type { Log } from '../../lib/observability.ts';
import { check } from '../../lib/observe.ts';
import { createParts, type Parts } from '../../lib/parts.ts';
import { createPublishingApi } from '../../lib/publishing-api.ts';
import { splitKey } from '../../lib/record.ts';
import { createRedactor } from '../../lib/redaction.ts';
import { replay } from '../../lib/replay.ts';
import { createSecrets } from '../../lib/secrets.ts';
import type { Store } from '../../lib/store.ts';
import { sweep } from '../../lib/sweep.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { createMemoryStore } from '../fakes/memory-store.ts';
import { webhookSecret } from '../support/world.ts';
import { createLedger, type Told } from './simulation-ledger.ts';
import { type Cross, crossing, type UniverseConfig, universeConfig } from './universe.ts';

const second = 1_000;
const minute = 60 * second;
const day = 24 * 60 * minute;

/** What can go wrong, by where it does. */
const mishapsAt = {
  token: ['lost', 'slow', 'failed', 'busy', 'unauthorized', 'died', 'dies'],
  api: ['lost', 'slow', 'failed', 'busy', 'busyForLong', 'denied', 'unauthorized', 'forbidden', 'garbled', 'dies'],
  slack: ['lost', 'slow', 'failed', 'busy', 'busyForLong', 'unreached', 'denied', 'garbled', 'dies', 'died'],
  fifo: ['lost', 'slow', 'failed', 'busy', 'unreached', 'denied', 'dies', 'died'],
  topic: ['lost', 'slow', 'failed', 'busy', 'unreached', 'denied', 'dies', 'died'],
  get: ['failed', 'slow', 'dies'],
  list: ['failed', 'slow', 'dies'],
  save: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  receipt: ['failed', 'lost', 'again', 'slow', 'dies', 'died'],
  mark: ['failed', 'lost', 'slow', 'dies', 'died'],
  any: ['slow', 'dies', 'died'],
} as const;
type Place = keyof typeof mishapsAt;

/**
 * `lost`: done, but the answer is lost. `again`: that, and asked once more, as the AWS SDK does. `slow`: done, but the
 * answer takes seconds. `dies`, `died`: the worker dies before it, or when it is done. The others are refusals.
 */
type What = (typeof mishapsAt)[Place][number];

export interface Mishap {
  where: Place;
  what: What;
}
export const mishaps = Object.entries(mishapsAt).flatMap(([where, list]) =>
  list.map((what) => ({ where, what }) as Mishap),
);

/** The next crossings of a place that go wrong, after so many that do not. */
export interface Trouble extends Mishap {
  after: number;
  times: number;
  /** Only for this environment, or this job (its key). */
  only?: string;
}

/** What a job looks like in the API, and the outcome that is. */
export const looks = {
  unknown: null,
  queued: { status: 'Queued' },
  running: { status: 'Running' },
  canceling: { status: 'Canceling' },
  odd: { status: 'Paused by somebody' },
  completed: { status: 'Completed', outcome: 'completed' },
  /** Ended, but with counters from before the end: they may change. */
  early: { status: 'Completed', outcome: 'completed', countedBefore: true },
  /** Ended so long ago that it is no news when it is seen for the first time. */
  old: { status: 'Completed', outcome: 'completed', daysAgo: 2 },
  warnings: { status: 'Completed', failed: 3, outcome: 'completedWithWarnings' },
  nothing: { status: 'Completed', processed: 0, skipped: 7, outcome: 'publishedNothing' },
  failed: { status: 'Failed', outcome: 'failed' },
  canceled: { status: 'Canceled', outcome: 'canceled' },
} as const satisfies Record<string, LookOfJob | null>;
export type Look = keyof typeof looks;

type LookOfJob = Partial<PublishingJobValues> & { outcome?: Outcome; countedBefore?: true; daysAgo?: number };

/** A configuration, and what it means: which channels hear of an outcome. */
export interface Deployment {
  config: UniverseConfig;
  tells: (outcome: Outcome) => string[];
  parts: Parts;
}

export interface SimulatedJob extends JobName {
  key: string;
  look: Look;
  body: string;
  /** Once it has. */
  ended: { status: string; at: number } | null;
}

/** A process as Lambda keeps it: it does one invocation at a time, and is frozen between two. */
interface Worker {
  name: string;
  deployment: Deployment;
  state: 'busy' | 'frozen' | 'dead';
  /** When Lambda ends it, by the time of the world. */
  deadline: number;
  /** Kept when it is busy again: answers that come in while it is frozen are read then. */
  thaw: PromiseWithResolvers<void>;
  parts: Parts;
}

export type World = ReturnType<typeof createWorld>;

const never = () => new Promise<never>(() => undefined);

/** A failure that the simulation made up, in contrast to one that it found. */
class MadeUp extends Error {}

/**
 * A world in which each crossing waits for `turn`. `offsetsMs` are the clocks of the workers, one after another, and
 * `beginnings` are the jobs at first.
 */
export function createWorld(turn: (label: string) => Promise<void>, offsetsMs: number[], beginnings: Look[]) {
  const startedAt = Date.parse('2026-01-01T10:10:00.000Z');
  let now = startedAt;
  let isCalm = false;
  let deployment: Deployment = deployments.all;
  let troubles: Trouble[] = [];
  let ids = 0;
  const workers: Worker[] = [];
  const remembered = new Map<string, number>();
  const table = createMemoryStore();
  const ledger = createLedger(() => now);
  const jobs: SimulatedJob[] = names.map((name) => ({
    ...name,
    key: jobKey(name),
    look: 'unknown',
    body: '',
    ended: null,
  }));

  const change = (job: SimulatedJob, look: Look): void => {
    const its = looks[look];
    // What ended does not run again, and does not end otherwise; but its counters may change, and it may be denied.
    if (job.ended && its && its.status !== job.ended.status) return;
    if (its && 'outcome' in its) {
      job.ended ??= { status: its.status, at: 'daysAgo' in its ? now - its.daysAgo * day : now };
    }
    job.look = look;
    job.body = its ? bodyOf(job, its, now) : '';
  };
  for (const [index, job] of jobs.entries()) change(job, beginnings[index] ?? 'unknown');

  const kill = (worker: Worker): void => {
    worker.state = 'dead';
    ledger.died(worker);
  };

  /** Time passes; what is not done by its deadline, Lambda ends. */
  const pass = (ms: number): void => {
    now += ms;
    for (const worker of workers) if (worker.state === 'busy' && now > worker.deadline) kill(worker);
  };

  const mishapAt = (place: Place, about: string): What | undefined => {
    const isHere = ({ where, times, only }: Trouble) =>
      times > 0 && (where === place || where === 'any') && (!only || about.startsWith(only));
    const trouble = troubles.find(isHere);
    if (!trouble) return undefined;
    if (trouble.after > 0) trouble.after -= 1;
    else {
      trouble.times -= 1;
      return trouble.what;
    }
    return undefined;
  };

  /** Keeps a worker that is frozen from going on for now, and one that is dead for good. */
  const awake = async (worker: Worker): Promise<void> => {
    while (worker.state === 'frozen') await worker.thaw.promise;
    if (worker.state === 'dead') await never();
  };

  /** Something leaves a worker: `act` does it, given what goes wrong with that. */
  async function leave<Answer>(
    worker: Worker,
    { name, place = 'any', about = '' }: { name: string; place?: Place; about?: string },
    act: (mishap: What | undefined, slowMs: number) => Promise<Answer>,
  ): Promise<Answer> {
    await awake(worker);
    if (!isCalm) await turn(`${worker.name} ${name}`);
    if (worker.state === 'dead') await never();
    pass(10);
    const mishap = mishapAt(place, about);
    if (mishap === 'dies') kill(worker);
    if (worker.state === 'dead') await never();
    const [answer] = await Promise.allSettled([act(mishap, 4 * second)]);
    if (mishap === 'died') kill(worker);
    if (mishap === 'slow') {
      if (!isCalm) await turn(`${worker.name} ${name}, slowly`);
      pass(4 * second);
    }
    await awake(worker);
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  }

  const askApi = (request: HttpRequest, mishap: What | undefined): HttpAnswer => {
    const [environment = '', jobId = ''] = aboutOf(request).split('#');
    const job = jobs.find((one) => one.environment === environment && one.jobId === jobId);
    switch (mishap) {
      case 'lost':
        throw new UpstreamError('unavailable', 'made up: no answer');
      case 'failed':
        return answer(500, 'made up');
      case 'busy':
        return answer(429, '');
      case 'busyForLong':
        return answer(429, '', { 'retry-after': '150' });
      case 'unauthorized':
        return answer(401, '');
      case 'forbidden':
        return answer(403, '');
      case 'garbled':
        return answer(200, '{"system":{}}');
    }
    const look = job && looks[job.look];
    if (!job || !look || mishap === 'denied') {
      ledger.answered(`${environment}#${jobId}`, 'denied');
      return answer(404, '');
    }
    if ('outcome' in look) ledger.answered(job.key, look.outcome);
    return answer(200, job.body);
  };

  const askToken = (mishap: What | undefined): HttpAnswer => {
    if (mishap === 'lost') throw new UpstreamError('unavailable', 'made up: no answer');
    if (mishap === 'failed') return answer(500, '');
    if (mishap === 'busy') return answer(429, '');
    if (mishap === 'unauthorized') return answer(401, '');
    return answer(200, JSON.stringify({ access_token: 'token', expires_in: 86_400 }));
  };

  /** A channel accepts; whether the worker hears of it is another matter. */
  const accept = (worker: Worker, told: Told, isHeard: boolean): void => {
    const one = ledger.accepted(told, worker);
    if (isHeard) return;
    one.fate = 'lost';
    throw new UpstreamError('unavailable', 'made up: the answer was lost', { ambiguous: true });
  };

  const postToSlack = (worker: Worker, body: string, mishap: What | undefined, isInTime: boolean): HttpAnswer => {
    switch (mishap) {
      case 'unreached':
        throw new UpstreamError('unavailable', 'made up: not reached');
      case 'failed':
        return answer(500, 'error');
      case 'busy':
        return answer(429, '');
      case 'busyForLong':
        return answer(429, '', { 'retry-after': '150' });
      case 'denied':
        return answer(404, 'no_service');
      case 'garbled':
        return answer(400, 'invalid_blocks');
    }
    // The text begins with what happened, and the name of a job is its key.
    const { text } = JSON.parse(body) as { text: string };
    const [, word = '', job = ''] = /^(.+?)(?: \(correction\))?: (\S+)\. /.exec(text) ?? [];
    accept(worker, { job, outcome: outcomeNamed[word] as Outcome, channel: 'slack' }, mishap !== 'lost' && isInTime);
    return answer(200, 'ok');
  };

  const publish = (
    worker: Worker,
    channel: 'fifo' | 'topic',
    { job, outcome, id }: { job: string; outcome: Outcome; id: string },
    mishap: What | undefined,
    isInTime: boolean,
  ): string => {
    switch (mishap) {
      case 'unreached':
        throw new UpstreamError('unavailable', 'made up: not reached');
      case 'failed':
        throw new UpstreamError('unavailable', 'made up: 500', { ambiguous: true });
      case 'busy':
        throw new UpstreamError('rateLimited', 'made up: throttled');
      case 'denied':
        throw new UpstreamError('needsOperator', 'made up: no such topic');
    }
    const isHeard = mishap !== 'lost' && isInTime;
    const isRepeated = channel === 'fifo' && now - (remembered.get(id) ?? Number.NEGATIVE_INFINITY) < 5 * minute;
    if (!isRepeated) {
      remembered.set(id, now);
      accept(worker, { job, outcome, channel }, isHeard);
    } else if (!isHeard) throw new UpstreamError('unavailable', 'made up: the answer was lost', { ambiguous: true });
    return 'accepted';
  };

  const http =
    (worker: Worker) =>
    (request: HttpRequest): Promise<HttpAnswer> => {
      const sentAt = now;
      const place = placeOf(request);
      return leave(worker, { name: place, place, about: aboutOf(request) }, async (mishap, slowMs) => {
        const isInTime = now - sentAt + (mishap === 'slow' ? slowMs : 0) < request.timeoutMs;
        if (place === 'slack') return postToSlack(worker, request.body ?? '', mishap, isInTime);
        if (!isInTime) throw new UpstreamError('unavailable', 'made up: no answer in time');
        return place === 'token' ? askToken(mishap) : askApi(request, mishap);
      });
    };

  const topic = (worker: Worker, name: 'fifo' | 'topic'): Channel => {
    let isKnown = false;
    return {
      paceMs: 0,
      get recognisesForMs() {
        return isKnown && name === 'fifo' ? 4 * minute : 0;
      },
      send({ document: { environment, jobId, outcome, deduplicationId: id } }, timeoutMs) {
        isKnown = true;
        const sentAt = now;
        return leave(worker, { name, place: name }, async (mishap, slowMs) => {
          const isInTime = now - sentAt + (mishap === 'slow' ? slowMs : 0) < timeoutMs;
          return publish(worker, name, { job: `${environment}#${jobId}`, outcome, id }, mishap, isInTime);
        });
      },
    };
  };

  /** The table as one worker reaches it. */
  const storeOf = (worker: Worker): Store => {
    const written: Store = {
      ...table,
      async save(next, known, options) {
        const saved = await table.save(next, known, options);
        const decision = saved.won && saved.record?.writer === next.writer ? next.decision : null;
        if (decision && decision.at !== known?.decision?.at) {
          const isOld = jobs.some(({ key, ended }) => key === jobKey(next) && ended && ended.at < startedAt - day);
          ledger.decided(jobKey(next), decision, { tells: worker.deployment.tells, isOld });
        }
        return saved;
      },
      async saveDelivery(job, key, delivery) {
        await table.saveDelivery(job, key, delivery);
        if (delivery.state === 'sent') ledger.receipt({ job: jobKey(job), ...splitKey(key) }, 'stored');
      },
    };
    const cross: Cross = (name, call) =>
      leave(worker, { name, place: storePlaces[name] ?? 'list' }, async (mishap) => {
        if (mishap === 'failed') throw new MadeUp('the table is throttled');
        const first = await call();
        if (mishap === 'lost') throw new MadeUp('the answer of the table was lost');
        if (mishap !== 'again') return first;
        if (!isCalm) await turn(`${worker.name} ${name}, again`);
        await awake(worker);
        return await call();
      });
    const crossed = crossing(written, cross);
    return {
      ...crossed,
      async saveDelivery(job, key, delivery) {
        try {
          await crossed.saveDelivery(job, key, delivery);
        } catch (error) {
          if (delivery.state === 'sent') ledger.receipt({ job: jobKey(job), ...splitKey(key) }, 'lost');
          throw error;
        }
      },
    };
  };

  /** As `createParts` does, but the configuration is parsed once for all simulations. */
  const partsOf = (worker: Worker, offsetMs: number): Parts => {
    const made = worker.deployment.parts;
    const { config } = made;
    const clock: Clock = {
      now: () => now + offsetMs,
      async wait(ms) {
        const end = now + ms;
        if (ms > 0) await leave(worker, { name: 'wait' }, async () => pass(Math.max(end - now, 0)));
      },
    };
    const redact = createRedactor();
    const secrets = createSecrets({ env: {}, clock, redact, readParameters: async () => new Map(), references: [] });
    const deps = { http: http(worker), clock, secrets, redact, log: logOf(ledger.violated) };
    const apis = new Map(
      Object.entries(config.environments).map(([name, environment]) => {
        const accessToken = createAccessToken(deps, { name, ...environment });
        return [name, createPublishingApi({ ...deps, accessToken }, { name, ...environment })];
      }),
    );
    const channels = new Map(
      Object.entries(config.channels).map(([name, channel]) => [
        name,
        channel.type === 'slack'
          ? (channelTypes['slack'] as ChannelType).create(deps, channel)
          : topic(worker, name as 'fifo' | 'topic'),
      ]),
    );
    return {
      ...made,
      ...deps,
      store: storeOf(worker),
      api: (name) => apis.get(name) as never,
      channel: (name) => channels.get(name) as never,
      metrics: { count: () => undefined, flush: () => undefined },
      newId: () => `id-${ids++}`,
    };
  };

  const start = (): Worker => {
    const offsetMs = offsetsMs[workers.length % offsetsMs.length] ?? 0;
    const worker: Worker = {
      name: `worker ${workers.length + 1}`,
      deployment,
      state: 'frozen',
      deadline: 0,
      thaw: Promise.withResolvers(),
      parts: undefined as never,
    };
    worker.parts = partsOf(worker, offsetMs);
    workers.push(worker);
    return worker;
  };

  /** One invocation, in a process that is free, or in a new one. Resolves when it has ended, whatever came of it. */
  async function invoke(remainingMs: number, work: (worker: Worker, deadline: number) => Promise<unknown>) {
    const free = workers.find((one) => one.state === 'frozen' && one.deployment === deployment);
    const worker = free ?? start();
    worker.state = 'busy';
    worker.deadline = now + remainingMs;
    worker.thaw.resolve();
    worker.thaw = Promise.withResolvers();
    try {
      await work(worker, worker.parts.clock.now() + remainingMs);
    } catch (error) {
      if (!(error instanceof MadeUp)) ledger.violated(`a bug: ${(error as Error).stack}`);
    }
    if (worker.state === 'busy') worker.state = 'frozen';
  }

  return {
    ledger,
    jobs,
    change,
    now: () => now,
    deployment: () => deployment,
    pass: (ms: number) => pass(ms),
    trouble: (trouble: Trouble) => void troubles.push({ ...trouble }),
    deploy(name: keyof typeof deployments): void {
      deployment = deployments[name];
    },
    /** From now on nothing goes wrong, and everything happens at once. */
    repair(): void {
      troubles = [];
      isCalm = true;
    },
    /** A trigger names a job. If it is answered, somebody was promised something. */
    check: (job: JobName, remainingMs: number) =>
      invoke(remainingMs, async ({ parts }, deadline) => {
        if (!Object.hasOwn(parts.config.environments, job.environment)) return;
        await check(parts, job, deadline);
        ledger.vouch(job);
      }),
    sweep: (remainingMs = 55 * second) => invoke(remainingMs, ({ parts }, deadline) => sweep(parts, deadline)),
    /** An operator has dead deliveries sent again. */
    replay: () => invoke(60 * minute, ({ parts }) => replay(parts, {})),
    async records(): Promise<Map<string, JobRecord>> {
      const read = await Promise.all(jobs.map(async (job) => [job.key, await table.get(job)] as const));
      return new Map(read.flatMap(([key, record]) => (record ? [[key, record] as const] : [])));
    },
    /** What has been due for the longest, or will be first. */
    async head(): Promise<DueEntry | undefined> {
      for await (const [first] of table.due(Number.MAX_SAFE_INTEGER)) return first;
      return undefined;
    },
  };
}

/** Two jobs of one environment, and one of the same name in another. */
const names: JobName[] = [
  { environment: 'production', jobId: 'job_1' },
  { environment: 'production', jobId: 'job_2' },
  { environment: 'staging', jobId: 'job_1' },
];

const everyChannel = ['slack', 'fifo', 'topic'];

/** The configurations, one deployed after another; `all` is the first and the last. */
export const deployments = {
  all: deploymentOf({}),
  oneAtATime: deploymentOf({ settings: { sweepConcurrency: 1 } }),
  withoutSlack: deploymentOf({ without: 'slack' }),
  withoutFifo: deploymentOf({ without: 'fifo' }),
  withoutStaging: deploymentOf({ without: 'staging' }),
  withRules: deploymentOf({
    rules: [
      { when: { outcome: ['failed'] }, notify: ['slack', 'fifo'] },
      { when: { outcome: ['canceled'] }, notify: [] },
      { when: { outcome: ['completed', 'completedWithWarnings'] }, notify: ['topic', 'slack'] },
    ],
    tells: (outcome) => {
      if (outcome === 'failed' || outcome === 'lostTrack') return ['slack', 'fifo'];
      return outcome === 'completed' || outcome === 'completedWithWarnings' ? ['topic', 'slack'] : [];
    },
  }),
};

function deploymentOf({
  without = '',
  rules,
  settings = { sweepConcurrency: 2 },
  tells = () => everyChannel.filter((name) => name !== without),
}: {
  without?: string;
  rules?: unknown[];
  settings?: Record<string, number>;
  tells?: (outcome: Outcome) => string[];
}): Deployment {
  const environment = (name: string) => ({
    clientId: 'client-id',
    clientSecret: 'client-secret',
    apiUrl: `https://${name}.test`,
  });
  const { channels } = universeConfig();
  const rest = <Value>(values: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => name !== without));
  const config: UniverseConfig = {
    environments: rest({ production: environment('production'), staging: environment('staging') }),
    channels: rest(channels),
    ...(rules ? { rules } : {}),
    settings,
    webhook: { secrets: [webhookSecret] },
  };
  const topicType: ChannelType = {
    config: { name: channelTypes['sns']?.config['topicArn'] as never },
    references: [],
    create: () => undefined as never,
  };
  const parts = createParts(
    { NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'memory' },
    { write: () => undefined, types: { ...channelTypes, topic: topicType } },
  );
  return { config, tells, parts };
}

const storePlaces: Record<string, Place> = {
  'store.get': 'get',
  'store.readMarks': 'get',
  'store.save': 'save',
  'store.saveDelivery': 'receipt',
  'store.writeMark': 'mark',
  'store.removeMark': 'mark',
};

const outcomeNamed: Record<string, Outcome> = {
  Completed: 'completed',
  'Completed with warnings': 'completedWithWarnings',
  'Completed, published nothing': 'publishedNothing',
  Failed: 'failed',
  Canceled: 'canceled',
  'Lost track': 'lostTrack',
};

const answer = (status: number, body: string, headers: Record<string, string> = {}): HttpAnswer => ({
  status,
  headers,
  body,
});

const placeOf = ({ url }: HttpRequest): 'token' | 'slack' | 'api' => {
  if (url.includes('/oauth/token')) return 'token';
  return url.startsWith('https://slack.test') ? 'slack' : 'api';
};

/** The key of the job that a request to the API asks for. */
const aboutOf = ({ url }: HttpRequest): string => {
  const [, environment, jobId] = /^https:\/\/(\w+)\.test\/.*\/jobs\/(\w+)$/.exec(url) ?? [];
  return `${environment}#${jobId}`;
};

function bodyOf({ jobId, key, ended }: SimulatedJob, look: LookOfJob, now: number): string {
  const { countedBefore, outcome, daysAgo, ...values } = look;
  const at = ended?.at ?? now;
  const lastReportTime = new Date(countedBefore ? at - minute : now).toISOString();
  return JSON.stringify(publishingJob({ id: jobId, name: key, at, lastReportTime, ...values }));
}

/** A log that nobody reads, but for what must not be in it: an error that is a bug. */
const logOf = (violated: (what: string) => void): Log => ({
  info: () => undefined,
  warn: () => undefined,
  error(message, { error } = {}) {
    if (!(error instanceof Error) || error instanceof MadeUp || error instanceof UpstreamError) return;
    violated(`a bug: ${message}: ${error.stack}`);
  },
});
