/** A worker of a simulation: the real deps, over whatever the simulation lets through. */

import type { Channel, ChannelType } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import type { Deps } from '../../lib/deps.ts';
import { jobKey } from '../../lib/domain/job.ts';
import { splitKey } from '../../lib/domain/outbox.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { Http, HttpRequest } from '../../lib/platform/http.ts';
import type { Log } from '../../lib/platform/log.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets } from '../../lib/platform/secrets.ts';
import { createAccessToken } from '../../lib/sitecore/access-token.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { createPublishingApi } from '../../lib/sitecore/publishing-api.ts';
import type { Store } from '../../lib/table/store.ts';
import type { Deployment } from './simulation-deployments.ts';
import type { Ledger } from './simulation-ledger.ts';
import { jobAskedFor, type Outside } from './simulation-outside.ts';
import type { Table } from './simulation-table.ts';
import { MadeUp, type Place, type What } from './simulation-troubles.ts';
import { crossing } from './universe.ts';

/** Something leaves the worker; `act` does it, given what goes wrong with that, and how long the answer takes. */
export type Leave = <Answer>(
  crossing: { name: string; place: Place; about?: string },
  act: (mishap: What | undefined, takesMs: number) => Promise<Answer>,
) => Promise<Answer>;

export interface WorkerDeps {
  /** Who accepted messages are put down to. */
  worker: object;
  deployment: Deployment;
  leave: Leave;
  /** Waits for a turn between a write and its repetition. */
  turn: (what: string) => Promise<void>;
  /** The time of the world, and of the worker. */
  now: () => number;
  pass: (ms: number) => void;
  offsetMs: number;
  table: Table;
  outside: Outside;
  ledger: Ledger;
  newId: () => string;
}

/** As `wire` does, but the configuration is parsed once for all simulations. */
export function createWorkerParts(deps: WorkerDeps): Deps {
  const { deployment, leave, now, pass, offsetMs, ledger, newId } = deps;
  const made = deployment.deps;
  const clock: Clock = {
    now: () => now() + offsetMs,
    async wait(ms) {
      const end = now() + ms;
      if (ms > 0) await leave({ name: 'wait', place: 'any' }, async () => pass(Math.max(end - now(), 0)));
    },
  };
  const redact = createRedactor();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters: async () => new Map(), references: [] });
  const own = { http: httpOf(deps), clock, secrets, redact, log: logOf(ledger) };
  const apis = mapValues(made.config.environments, (environment, name) => {
    const accessToken = createAccessToken(own, { name, ...environment });
    return createPublishingApi({ ...own, accessToken }, { name, ...environment });
  });
  const jobLists = mapValues(apis, (api) => createJobList({ api, clock }));
  const channels = mapValues(made.config.channels, (channel, name) =>
    name === 'slack'
      ? (channelTypes['slack'] as ChannelType).create(own, channel)
      : topicOf(deps, name as 'fifo' | 'topic'),
  );
  return {
    ...made,
    ...own,
    store: storeOf(deps),
    api: (name) => apis[name] as never,
    jobList: (name) => jobLists[name] as never,
    channel: (name) => channels[name] as never,
    metrics: { count: () => undefined, measure: () => undefined, flush: () => undefined },
    newId,
  };
}

function httpOf({ worker, leave, now, outside }: WorkerDeps): Http {
  return (request) => {
    const sentAt = now();
    const place = placeOf(request);
    return leave({ name: place, place, about: jobAskedFor(request) }, async (mishap, takesMs) => {
      const isInTime = now() - sentAt + takesMs < request.timeoutMs;
      if (place === 'slack') return outside.slack(worker, request.body ?? '', mishap, isInTime);
      if (!isInTime) throw new UpstreamError('unavailable', 'made up: no answer in time');
      return place === 'token' ? outside.token(mishap) : outside.api(request, mishap);
    });
  };
}

const placeOf = ({ url }: HttpRequest): 'token' | 'slack' | 'api' => {
  if (url.href.includes('/oauth/token')) return 'token';
  return url.href.startsWith('https://slack.test') ? 'slack' : 'api';
};

function topicOf({ worker, leave, now, outside }: WorkerDeps, name: 'fifo' | 'topic'): Channel {
  return {
    minIntervalMs: 0,
    send({ document }, timeoutMs) {
      const sentAt = now();
      return leave({ name, place: name }, async (mishap, takesMs) => {
        const isInTime = now() - sentAt + takesMs < timeoutMs;
        return outside.topic(worker, name, document, mishap, isInTime);
      });
    },
    verify: async () => undefined,
    render: ({ title, document }) => ({ text: title, payload: document }),
  };
}

const storePlaces: Record<string, Place> = {
  'store.get': 'get',
  'store.readMarks': 'get',
  'store.save': 'save',
  'store.saveDelivery': 'receipt',
  'store.writeMark': 'mark',
  'store.removeMark': 'mark',
};

/** The table as the worker reaches it. */
function storeOf({ leave, turn, table, deployment, ledger }: WorkerDeps): Store {
  const crossed = crossing(table.storeFor(deployment.tells), (name, call) =>
    leave({ name, place: storePlaces[name] ?? 'list' }, async (mishap) => {
      if (mishap === 'failed') throw new MadeUp('the table is throttled');
      const first = await call();
      if (name === 'store.due') return table.show(first as IteratorResult<never>, mishap === 'stale') as typeof first;
      if (mishap === 'lost') throw new MadeUp('the answer of the table was lost');
      if (mishap !== 'again') return first;
      await turn(`${name}, again`);
      return await call();
    }),
  );
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
}

/** A log that nobody reads, but for what must not be in it: an error that is a bug. */
const logOf = ({ violated }: Ledger): Log => ({
  info: () => undefined,
  warn: () => undefined,
  error(message, { error } = {}) {
    if (!(error instanceof Error) || error instanceof MadeUp || error instanceof UpstreamError) return;
    violated(`a bug: ${message}: ${error.stack}`);
  },
});

const mapValues = <In, Out>(values: Record<string, In>, make: (value: In, name: string) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));
