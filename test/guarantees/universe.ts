/**
 * A whole world in memory, for tests that need thousands of runs: the table, the clock, Sitecore, Slack and two topics.
 * Workers are made over the real sources; everything that leaves them goes through a boundary, where a test can watch,
 * delay, lose, refuse, or stop the worker for good.
 */

import { createHandler as createEvent } from '../../functions/event.ts';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import { createHandler as createWebhook } from '../../functions/webhook.ts';
import type { Channel, ChannelType } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Message } from '../../lib/domain/message.ts';
import type { HttpRequest, HttpResponse } from '../../lib/platform/http.ts';
import type { Store } from '../../lib/table/store.ts';
import { wire } from '../../lib/wire.ts';
import { queueEvent } from '../../local/embedded-queue.ts';
import { documentedList, listPage } from '../../local/publishing-api-list.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { addressOf } from '../support/address.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type EnvironmentDocument, getEvent, lambdaContext, postEvent, read, webhookSecret } from '../support/world.ts';

/** One thing that leaves a worker. `name` says which: `token`, `api`, `slack`, `fifo`, `topic`, `store.save`, ... */
export type Cross = <Answer>(name: string, call: () => Promise<Answer>) => Promise<Answer>;

/** A message that a channel accepted. `key` is `<jobId>/<outcome>`. */
export interface Accepted {
  channel: 'slack' | 'fifo' | 'topic';
  key: string;
  at: number;
}

export interface Universe {
  clock: FakeClock;
  store: Store;
  accepted: Accepted[];
  setJob(id: string, values: Omit<PublishingJobValues, 'id'> | undefined): void;
  /** A worker with all three functions; several are several processes. Without `cross` nothing goes wrong. */
  worker(options?: { cross?: Cross; config?: UniverseConfig; clock?: FakeClock }): Worker;
}

export interface Worker {
  deps: Deps;
  post(jobId: string): Promise<ReturnType<typeof read>>;
  get(jobId: string): Promise<ReturnType<typeof read>>;
  event(jobId: string): Promise<unknown>;
  sweep(remainingMs?: number): ReturnType<ReturnType<typeof createSweep>>;
  /** A sweep because Sitecore says that something ended. */
  wakeUp(): ReturnType<ReturnType<typeof createSweep>>;
}

export interface UniverseConfig {
  environments: Record<string, EnvironmentDocument>;
  channels: Record<string, { type: string; [member: string]: string }>;
  rules?: unknown[];
  limits?: unknown[];
  webhook: { secrets: string[] };
  settings?: Record<string, number>;
}

/** One environment; a Slack webhook (no deduplication), a FIFO topic (five minutes of it), a standard topic (none). */
export const universeConfig = ({ discover = false, limits = [] as unknown[] } = {}): UniverseConfig => ({
  environments: {
    production: { clientId: 'client-id', clientSecret: 'client-secret', apiUrl: 'https://api.test', discover },
  },
  channels: {
    slack: { type: 'slack', webhookUrl: 'https://slack.test/services/hook' },
    fifo: { type: 'topic', name: 'fifo' },
    topic: { type: 'topic', name: 'topic' },
  },
  limits,
  webhook: { secrets: [webhookSecret] },
});

const fifoMemoryMs = 5 * 60_000;
const straight: Cross = (_, call) => call();

/** With `discover`, the notifier looks for jobs that nobody named; `limits` are how long jobs may take. */
export function createUniverse(options: Parameters<typeof universeConfig>[0] = {}): Universe {
  const clock = createFakeClock();
  const store = createMemoryStore();
  const accepted: Accepted[] = [];
  const jobs = new Map<string, unknown>();
  const remembered = new Map<string, number>();

  const acceptSlack = (body: string): void => {
    // The text names the outcome first, and the job's id in a line of its own.
    const { text } = JSON.parse(body) as { text: string };
    const jobId = /^Job: (\S+)/m.exec(text)?.[1];
    accepted.push({ channel: 'slack', key: `${jobId}/${text.split(':')[0]}`, at: clock.now() });
  };
  const acceptTopic = (channel: 'fifo' | 'topic', { document, title }: Message): void => {
    const { deduplicationId, jobId } = document;
    const isRepeated = clock.now() - (remembered.get(deduplicationId) ?? Number.NEGATIVE_INFINITY) < fifoMemoryMs;
    if (channel === 'fifo' && isRepeated) return;
    if (channel === 'fifo') remembered.set(deduplicationId, clock.now());
    accepted.push({ channel, key: `${jobId}/${title.split(':')[0]}`, at: clock.now() });
  };

  const listOf = (search: URLSearchParams): unknown => {
    const shown = [...jobs.values()].filter((job) => job !== undefined);
    const answer = listPage(search, shown, documentedList());
    return 'page' in answer ? answer.page : answer;
  };

  const answer = (request: HttpRequest): HttpResponse => {
    const json = (status: number, body: unknown) => ({ status, headers: {}, body: JSON.stringify(body) });
    if (request.url.href.includes('/oauth/token')) return json(200, { access_token: 'token', expires_in: 86_400 });
    if (request.url.href.startsWith('https://slack.test')) {
      acceptSlack(request.body ?? '');
      return { status: 200, headers: {}, body: 'ok' };
    }
    const { pathname, searchParams } = addressOf(request);
    if (pathname.endsWith('/jobs')) return json(200, listOf(searchParams));
    const job = jobs.get(decodeURIComponent(pathname.split('/').at(-1) ?? ''));
    return job ? json(200, job) : json(404, { title: 'Not Found' });
  };
  const nameOf = ({ url }: HttpRequest): string => {
    if (url.href.includes('/oauth/token')) return 'token';
    return url.href.startsWith('https://slack.test') ? 'slack' : 'api';
  };

  const topicType = (cross: Cross): ChannelType => ({
    config: { name: channelTypes['sns']?.config['topicArn'] as never },
    references: [],
    create: (_, config): Channel => {
      const name = config['name'] as 'fifo' | 'topic';
      return {
        minIntervalMs: 0,
        send: (message) =>
          cross(name, async () => {
            acceptTopic(name, message);
            return { receipt: 'accepted', dedupWindowMs: name === 'fifo' ? 4 * 60_000 : 0 };
          }),
        verify: async () => undefined,
        render: ({ title, document }) => ({ text: title, payload: document }),
      };
    },
  });

  return {
    clock,
    store,
    accepted,
    setJob: (id, values) => jobs.set(id, values && publishingJob({ id, at: clock.now(), ...values })),
    worker({ cross = straight, config = universeConfig(options), clock: its = clock } = {}) {
      const made = wire(
        { NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'memory' },
        {
          clock: its,
          write: () => undefined,
          http: (request) => cross(nameOf(request), async () => answer(request)),
          types: { ...channelTypes, topic: topicType(cross) },
        },
      );
      const deps: Deps = { ...made, store: crossing(store, cross) };
      const [webhook, event, sweep] = [createWebhook(deps), createEvent(deps), createSweep(deps)];
      return {
        deps,
        post: async (jobId) => read(await webhook(postEvent(jobId), lambdaContext(25_000))),
        get: async (jobId) => read(await webhook(getEvent(jobId), lambdaContext(25_000))),
        event: (jobId) => event({ jobId }, lambdaContext(30_000)),
        sweep: (remainingMs) => sweep({}, lambdaContext(remainingMs)),
        wakeUp: () => sweep(queueEvent('{"environment":"production"}'), lambdaContext()),
      };
    },
  };
}

/** The store, with every call through the boundary; a list of pages is one crossing a page. */
export function crossing(store: Store, cross: Cross): Store {
  async function* pages<Page>(name: string, list: AsyncIterable<Page>): AsyncGenerator<Page> {
    const iterator = list[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await cross(name, () => iterator.next());
      if (done) return;
      yield value;
    }
  }
  return {
    get: (job) => cross('store.get', () => store.get(job)),
    save: (next, known, options) => cross('store.save', () => store.save(next, known, options)),
    saveDelivery: (job, key, delivery) => cross('store.saveDelivery', () => store.saveDelivery(job, key, delivery)),
    due: (until, after) => pages('store.due', store.due(until, after)),
    dead: () => pages('store.dead', store.dead()),
    readMarks: (keys) => cross('store.readMarks', () => store.readMarks(keys)),
    writeMark: (key, mark, options) => cross('store.writeMark', () => store.writeMark(key, mark, options)),
    claim: (key, times) => cross('store.claim', () => store.claim(key, times)),
    known: (jobs) => cross('store.known', () => store.known(jobs)),
    removeMark: (key) => cross('store.removeMark', () => store.removeMark(key)),
  };
}
