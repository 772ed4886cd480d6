/**
 * Everything outside of the notifier, in memory and in simulated time: the table, Sitecore and the channels. For
 * tests and benchmarks that need thousands of runs. Workers run over the real sources behind a boundary (crossing.ts).
 */

import { createHandler as createEvent } from '../../functions/event.ts';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import { createHandler as createWebhook } from '../../functions/webhook.ts';
import type { Channel, ChannelType } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import type { Deps } from '../../lib/deps.ts';
import { type JobName, jobKey, type Notice } from '../../lib/domain/job.ts';
import type { Message } from '../../lib/domain/message.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../../lib/platform/http.ts';
import { keepReads } from '../../lib/table/kept-reads.ts';
import type { Store } from '../../lib/table/store.ts';
import { wire } from '../../lib/wire.ts';
import { queueEvent } from '../../local/embedded-queue.ts';
import { documentedList, listPage } from '../../local/publishing-api-list.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { callMethod } from '../../local/slack/methods.ts';
import { createSlackWorkspace, type SlackWorkspace } from '../../local/slack/workspace.ts';
import { addressOf } from './address.ts';
import { type Cross, crossing, direct } from './crossing.ts';
import { createMemoryStore } from './memory-store.ts';
import { type ConfigDocument, getEvent, lambdaContext, postEvent, read, webhookSecret } from './world.ts';

/** A message that a channel accepted. `title` is what the message says first: `Completed`, `Stuck`, and so on. */
export interface Accepted extends Notice {
  channel: ChannelName;
  job: JobName;
  title: string;
  at: number;
}

/** Every channel of the world; each is named after what it is. */
export type ChannelName = TopicName | HttpChannelName | 'room';
type HttpChannelName = 'slack' | 'teams' | 'hook';

/** A topic that deduplicates for five minutes, and one that does not. */
export type TopicName = 'fifo' | 'topic';

export interface SimulatedWorld {
  store: Store;
  accepted: Accepted[];
  /** The workspace of the channel `room`, a Slack app. */
  workspace: SlackWorkspace;
  /** The jobs as the API shows them at this moment, by their keys. */
  shown: Map<string, ShownJob>;
  /** Changes a job of `production`; without values the API no longer knows it. */
  setJob(id: string, values: Omit<PublishingJobValues, 'id'> | undefined): void;
  /** What a worker needs so that every call that leaves it crosses the boundary. `store` stands for the world's own. */
  boundary(cross: Cross, store?: Store): Boundary;
  /** A worker with all three functions; several workers are several processes. */
  worker(options: { cross?: Cross; config?: ConfigDocument; clock: Clock }): Worker;
}

export interface Boundary {
  http: Http;
  types: typeof channelTypes;
  store: Store;
}

export interface ShownJob {
  environment: string;
  document: object;
  body: string;
}

export interface Worker {
  deps: Deps;
  post(jobId: string): Promise<ReturnType<typeof read>>;
  get(jobId: string): Promise<ReturnType<typeof read>>;
  event(jobId: string): Promise<unknown>;
  sweep(remainingMs?: number): ReturnType<ReturnType<typeof createSweep>>;
  /** A sweep between two of the schedule. */
  poll(): ReturnType<ReturnType<typeof createSweep>>;
  /** A sweep that a message of the sweep queue requests for the environment. */
  queuedSweep(): ReturnType<ReturnType<typeof createSweep>>;
}

/** Only a FIFO topic deduplicates, for five minutes. */
const allChannels: Record<ChannelName, { type: string; [member: string]: unknown }> = {
  slack: { type: 'slack', webhookUrl: 'https://slack.test/services/hook' },
  fifo: { type: 'topic', name: 'fifo' },
  topic: { type: 'topic', name: 'topic' },
  teams: { type: 'teams', url: 'https://teams.test/workflows/1/invoke?sig=signature' },
  room: { type: 'slack-app', token: 'xoxb-room', channel: 'C0PUBLISHING', apiUrl: 'https://room.test/api' },
  hook: { type: 'webhook', url: 'https://hook.test/', secrets: [`whsec_${Buffer.alloc(32).toString('base64')}`] },
};

export interface WorldOptions {
  discover?: boolean;
  limits?: unknown[];
  operators?: string[];
  rules?: unknown[];
  /** Slack and both topics, if left out. */
  channels?: readonly ChannelName[];
}

export const usualChannels: readonly ChannelName[] = ['slack', 'fifo', 'topic'];

/** One environment with some channels. */
export const worldConfig = ({
  discover = false,
  limits = [],
  operators = [],
  rules,
  channels = usualChannels,
}: WorldOptions = {}): ConfigDocument => ({
  environments: {
    production: { clientId: 'client-id', clientSecret: 'client-secret', apiUrl: 'https://production.test', discover },
  },
  channels: Object.fromEntries(channels.map((name) => [name, allChannels[name]])) as ConfigDocument['channels'],
  limits,
  operators,
  ...(rules ? { rules } : {}),
  webhook: { secrets: [webhookSecret] },
});

const fifoMemoryMs = 5 * 60_000;

/** Makes a world without jobs. `pageSize` is that of the work list. */
export function createSimulatedWorld(now: () => number, options: { pageSize?: number } = {}): SimulatedWorld {
  const store = createMemoryStore(options);
  const accepted: Accepted[] = [];
  const shown = new Map<string, ShownJob>();
  const remembered = new Map<string, number>();
  const workspace = createSlackWorkspace({ now });
  workspace.app.token = 'xoxb-room';
  /** What each message of the room has shown. */
  const states = new Set<string>();

  const publish = (channel: TopicName, { document, title }: Message): void => {
    const { deduplicationId, environment, jobId, outcome, limit } = document;
    const isRepeated = now() - (remembered.get(deduplicationId) ?? Number.NEGATIVE_INFINITY) < fifoMemoryMs;
    if (channel === 'fifo' && isRepeated) return;
    remembered.set(deduplicationId, now());
    const notice = { outcome, limit: limit ?? undefined, title: readNotice(title).title };
    accepted.push({ channel, job: { environment, jobId }, ...notice, at: now() });
  };

  /** An edit is a message if nobody replies to it; an edit to a state that was shown before is none. */
  const performInRoom = (request: HttpRequest): HttpResponse => {
    const { method, args } = slackCallOf(request);
    const answer = callMethod(workspace, method, 'xoxb-room', args);
    const isPost = method === 'chat.postMessage';
    if (!answer.ok || !(isPost || method === 'chat.update')) return json(200, answer);
    // What was said before stands below an empty line.
    const notice = readNotice(String(args['text']).split('\n\n')[0] ?? '');
    const state = [answer['ts'], notice.outcome, notice.limit].join();
    const isHeard = /^(failed|lostTrack)$/.test(notice.outcome) || notice.title.includes('(correction)');
    if (isPost || !(isHeard || states.has(state))) accepted.push({ channel: 'room', ...notice, at: now() });
    states.add(state);
    return json(200, answer);
  };

  const respond = (request: HttpRequest): HttpResponse => {
    const name = crossingOf(request);
    if (name === 'token') return json(200, { access_token: 'token', expires_in: 86_400 });
    if (isRoom(name)) return performInRoom(request);
    if (name !== 'api') {
      accepted.push({ channel: name, ...readNotice(readText[name](request)), at: now() });
      return { status: 200, headers: {}, body: 'ok' };
    }
    const { environment, jobId } = requestedJob(request);
    if (jobId !== '') {
      const job = shown.get(jobKey({ environment, jobId }));
      return job ? { status: 200, headers: {}, body: job.body } : json(404, { title: 'Not Found' });
    }
    const jobs = [...shown.values()].flatMap((job) => (job.environment === environment ? [job.document] : []));
    const listed = listPage(addressOf(request).searchParams, jobs, documentedList());
    return 'page' in listed ? json(200, listed.page) : json(400, listed);
  };

  const boundary: SimulatedWorld['boundary'] = (cross, own = store) => ({
    http: (request) =>
      cross(crossingOf(request), async () => respond(request), {
        request,
        timeoutMs: Math.min(request.timeoutMs, request.withinMs ?? Infinity),
      }),
    types: { ...channelTypes, topic: topicType(cross, publish) },
    store: crossing(own, cross),
  });

  return {
    store,
    accepted,
    workspace,
    shown,
    setJob(id, values) {
      const job = { environment: 'production', jobId: id };
      if (!values) return void shown.delete(jobKey(job));
      shown.set(jobKey(job), shownJob(job, publishingJob({ id, at: now(), ...values })));
    },
    boundary,
    worker({ cross = direct, config = worldConfig(), clock }) {
      const { store, ...outside } = boundary(cross);
      const env = { NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'memory' };
      const deps: Deps = {
        ...wire(env, { ...outside, clock, write: () => undefined }),
        store: keepReads(store, clock.now),
      };
      const [webhook, event, sweep] = [createWebhook(deps), createEvent(deps), createSweep(deps)];
      return {
        deps,
        post: async (jobId) => read(await webhook(postEvent(jobId), lambdaContext(25_000))),
        get: async (jobId) => read(await webhook(getEvent(jobId), lambdaContext(25_000))),
        event: (jobId) => event({ jobId }, lambdaContext(30_000)),
        sweep: (remainingMs) => sweep({}, lambdaContext(remainingMs)),
        poll: () => sweep(queueEvent('{"environment":null}'), lambdaContext()),
        queuedSweep: () => sweep(queueEvent('{"environment":"production"}'), lambdaContext()),
      };
    },
  };
}

/** A job as the API shows it. */
export const shownJob = ({ environment }: JobName, document: object): ShownJob => ({
  environment,
  document,
  body: JSON.stringify(document),
});

/** The job that a request to the API is about; its id is empty when the request is for the list. */
export function requestedJob(request: HttpRequest): JobName {
  const { hostname, pathname } = addressOf(request);
  const jobId = /\/jobs\/([^/]+)$/.exec(pathname)?.[1] ?? '';
  return { environment: hostname.split('.')[0] ?? '', jobId: decodeURIComponent(jobId) };
}

type RoomCrossing = 'room.post' | 'room.reply' | 'room.edit' | 'room.look';

const isRoom = (name: string): name is RoomCrossing => name.startsWith('room.');

/** A call of the Web API, and its arguments. */
function slackCallOf({ url, body = '' }: HttpRequest): { method: string; args: Record<string, unknown> } {
  const method = url.pathname.replace('/api/', '');
  return {
    method,
    args: method.startsWith('chat.') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body)),
  };
}

function roomCrossingOf(request: HttpRequest): RoomCrossing {
  const { method, args } = slackCallOf(request);
  if (method === 'chat.update') return 'room.edit';
  if (method !== 'chat.postMessage') return 'room.look';
  return args['thread_ts'] ? 'room.reply' : 'room.post';
}

function crossingOf(request: HttpRequest): 'token' | 'api' | HttpChannelName | RoomCrossing {
  const { url } = request;
  if (url.href.includes('/oauth/token')) return 'token';
  if (url.href.startsWith('https://room.test/')) return roomCrossingOf(request);
  const name = /^https:\/\/(slack|teams|hook)\.test\//.exec(url.href)?.[1];
  return (name as HttpChannelName | undefined) ?? 'api';
}

const json = (status: number, body: unknown): HttpResponse => ({ status, headers: {}, body: JSON.stringify(body) });

/** The text of a message: its title as the first line, and the id of its job as the last one. */
const readText: Record<HttpChannelName, (request: HttpRequest) => string> = {
  slack: ({ body = '' }) => JSON.parse(body).text,
  teams({ body = '' }) {
    const { summary, attachments } = JSON.parse(body);
    return [summary, ...attachments[0].content.body.map(({ inlines }: Partial<TextBlock>) => inlines?.[0]?.text)].join(
      '\n',
    );
  },
  hook({ body = '' }) {
    const { outcome, limit, correction, environment, jobId } = JSON.parse(body).data;
    const [title = ''] =
      Object.entries(notices).find(([, one]) => one.outcome === outcome && (one.limit ?? null) === limit) ?? [];
    const [word, suffix = ''] = title.split(/(?=, (?:still|was))/);
    return `${word} in ${environment}${suffix}${correction ? ' (correction)' : ''}: ${jobId}\n${jobId}`;
  },
};

interface TextBlock {
  inlines: { text: string }[];
}

/** The title without the environment, which stands within it, and the job. A notice about no job has neither. */
function readNotice(text: string): Omit<Accepted, 'channel' | 'at'> {
  const lines = text.split('\n');
  const [, word = '', environment = '', rest = ''] =
    /^(.+?)(?: in ([a-z0-9-]+))?((?:, (?:still|was) [a-z ]+)?(?: \(correction\))?): /.exec(lines[0] ?? '') ?? [];
  const title = `${word}${rest}`;
  const job = { environment, jobId: lines.at(-1) ?? '' };
  return { job, title, ...(notices[title.replace(' (correction)', '')] as Notice) };
}

const notices: Record<string, Notice> = {
  Completed: { outcome: 'completed' },
  'Completed with warnings': { outcome: 'completedWithWarnings' },
  'Completed, published nothing': { outcome: 'publishedNothing' },
  Failed: { outcome: 'failed' },
  Canceled: { outcome: 'canceled' },
  'Lost track': { outcome: 'lostTrack' },
  'Late, still queued': { outcome: 'late', limit: 'queuedFor' },
  'Late, was still queued': { outcome: 'late', limit: 'queuedFor' },
  'Late, still running': { outcome: 'late', limit: 'runningFor' },
  'Late, was still running': { outcome: 'late', limit: 'runningFor' },
  'Not working': { outcome: 'trouble' },
  'Works again': { outcome: 'recovered' },
  Started: { outcome: 'started' },
  Stuck: { outcome: 'stuck', limit: 'noProgressFor' },
  'Stuck, was without progress': { outcome: 'stuck', limit: 'noProgressFor' },
};

/** An SNS topic without the SDK. */
const topicType = (cross: Cross, publish: (name: TopicName, message: Message) => void): ChannelType => ({
  config: { name: channelTypes['sns']?.config['topicArn'] as never },
  references: [],
  create(_, config): Channel {
    const name = config['name'] as TopicName;
    const accept = async (message: Message) => {
      publish(name, message);
      return { receipt: 'accepted', dedupWindowMs: dedupWindowMs(name) };
    };
    return {
      minIntervalMs: 0,
      send: (message, timeoutMs) =>
        cross(name, () => accept(message), { timeoutMs }).catch((error: unknown) => {
          if (!(error instanceof UpstreamError)) throw error;
          const { kind, message: text, ambiguous, retryAfterMs } = error;
          throw new UpstreamError(kind, text, { ambiguous, retryAfterMs, dedupWindowMs: dedupWindowMs(name) });
        }),
      verify: async () => undefined,
      render: ({ title, document }) => ({ text: title, payload: document }),
    };
  },
});

/** How long a topic drops a repeated message, as the channel knows it: a minute less than SNS remembers. */
const dedupWindowMs = (channel: string): number => (channel === 'fifo' ? 4 * 60_000 : 0);
