/** Makes the real dependencies, once per process. */

import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { channelTypes } from './channels/index.ts';
import { type Config, loadConfig, references } from './config/config.ts';
import type { Deps } from './deps.ts';
import type { Timings } from './domain/decision-context.ts';
import { createSemaphore } from './platform/async.ts';
import { followClockOf, requestHandler } from './platform/aws.ts';
import { type Clock, createClock } from './platform/clock.ts';
import { ConfigError } from './platform/errors.ts';
import { createHttp, type Http } from './platform/http.ts';
import { createLog, type Log } from './platform/log.ts';
import { createMetrics } from './platform/metrics.ts';
import { createRedactor } from './platform/redaction.ts';
import { createSecrets } from './platform/secrets.ts';
import { readParameters } from './platform/ssm.ts';
import { createSweepQueue } from './platform/sweep-queue.ts';
import { createAccessToken } from './sitecore/access-token.ts';
import { createJobList } from './sitecore/job-list.ts';
import { createPublishingApi } from './sitecore/publishing-api.ts';
import { createStore } from './table/dynamodb.ts';
import { keepReads } from './table/kept-reads.ts';

type Env = Record<string, string | undefined>;

/** Makes the dependencies from the environment variables. Throws a `ConfigError` if the configuration is unusable. */
export function wire(
  env: Env,
  { clock = createClock(), http, types = channelTypes, write = console.log }: WireOptions = {},
): Deps {
  const config = loadConfig(env, types);
  const redact = createRedactor();
  // AWS repeats the whole request when it refuses its signature.
  redact.learn(env['AWS_SESSION_TOKEN'] ?? '');
  const secrets = createSecrets({ env, clock, redact, readParameters, references: references(config, types) });
  const metrics = createMetrics({ clock, write, namespace: env['METRICS_NAMESPACE'] ?? 'publishing-job-notifier' });
  const log = createLog({ clock, redact, write, onException: () => metrics.count('internalErrors') });
  const deps = { http: http ?? createHttp(), clock, secrets, redact, log };
  const apis = mapValues(config.environments, (environment, name) => {
    const own = { ...deps, http: http ?? createHttp({ connections: connectionsPerEnvironment(config) }) };
    const accessToken = createAccessToken(own, { name, ...environment });
    return createPublishingApi({ ...own, accessToken }, { name, ...environment });
  });
  const jobLists = mapValues(apis, (api) => createJobList({ api, clock }));
  const channels = mapValues(config.channels, (channel) => required(types, channel.type).create(deps, channel));
  return {
    config,
    timings: timingsOf(config),
    store: keepReads(createStore({ client: createTableClient(clock, log), tableName: tableName(env) }), clock.now),
    api: (name) => required(apis, name),
    jobList: (name) => required(jobLists, name),
    channel: (name) => required(channels, name),
    secrets,
    clock,
    log,
    metrics,
    redact,
    sweepQueue: createSweepQueue({ queueUrl: env['SWEEP_QUEUE_URL'] }),
    newId: randomUUID,
  };
}

export interface WireOptions {
  clock?: Clock;
  http?: Http;
  types?: typeof channelTypes;
  write?: (line: string) => void;
}

/** The connections to Sitecore of all environments together. A Lambda function can open 1,024 files. */
const mostConnections = 600;
const fewestPerEnvironment = 4;

/**
 * Each environment has its own connections: they all are on one host, and a slow one would hold all of a shared pool.
 * More than `sweepConcurrency` would not be used.
 */
function connectionsPerEnvironment({ environments, settings }: Config): number {
  const share = Math.floor(mostConnections / Object.keys(environments).length);
  return Math.min(Math.max(share, fewestPerEnvironment), settings.sweepConcurrency);
}

const tableConnections = 100;

function createTableClient(clock: Clock, log: Log) {
  const agent = { maxSockets: tableConnections };
  const client = new DynamoDBClient({
    maxAttempts: 5,
    requestHandler: { ...requestHandler, httpAgent: agent, httpsAgent: agent },
  });
  // The SDK counts the wait for one of its connections as the time to connect. Nothing waits for one if no more requests
  // are under way than there are connections.
  const inTurn = createSemaphore(tableConnections);
  client.middlewareStack.add((next) => (request) => inTurn(() => next(request)), { step: 'initialize' });
  // All workers share the table, and read it before they judge a lease: its clock is the one that counts.
  followClockOf(client, clock, log);
  // This middleware copies each response for a log that is not used.
  client.middlewareStack.remove('loggerMiddleware');
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const timingsOf = ({ settings }: Config): Timings => ({
  announceWithinMs: settings.announceWithinHours * hour,
  notFoundForMs: 10 * minute,
  unreadableForMs: 7 * day,
  retryForMs: settings.retryForDays * day,
  keepForMs: settings.keepForDays * day,
});

function tableName(env: Env): string {
  const name = env['TABLE_NAME'];
  if (!name) throw new ConfigError('TABLE_NAME is not set. It must name the DynamoDB table of the notifier.');
  return name;
}

const mapValues = <In, Out>(values: Record<string, In>, make: (value: In, name: string) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));

function required<Value>(values: Record<string, Value>, name: string): Value {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw new Error(`${name} is not configured`);
  return value;
}
