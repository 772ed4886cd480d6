/** Everything outside of the notifier, as local servers: the table, the topic, Slack, Sitecore. */

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { type EmbeddedQueue, startEmbeddedQueue } from '../../local/embedded-queue.ts';
import { type EmbeddedStore, startEmbeddedStore } from '../../local/embedded-store.ts';
import { type EmbeddedTopic, startEmbeddedTopic } from '../../local/embedded-topic.ts';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { type PublishingJobValues, publishingJob } from '../../local/publishing-job.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';

export const webhookSecret = 'webhook-secret-of-the-tests';

export interface World {
  store: EmbeddedStore;
  topic: EmbeddedTopic;
  slack: SlackServer;
  api: PublishingApiServer;
  queue: EmbeddedQueue;
  /** The configuration of one environment, without discovery, and two channels: `team` (Slack) and `events` (SNS). */
  config(): ConfigDocument;
  /** The environment variables of a function with this configuration. */
  env(config?: ConfigDocument): Record<string, string>;
  /** Sets a job of the API. */
  setJob(id: string, values: Omit<PublishingJobValues, 'id'>): void;
  /** The number of requests to all services. */
  calls(): number;
  close(): Promise<void>;
}

export type ConfigDocument = {
  environments: Record<string, EnvironmentDocument>;
  channels: Record<string, { type: string; [member: string]: string }>;
  rules?: unknown[];
  operators?: string[];
  limits?: unknown[];
  people?: Record<string, string>;
  webhook: { secrets: string[] };
  settings?: Record<string, number>;
};

export interface EnvironmentDocument {
  clientId?: string;
  clientSecret?: string;
  apiUrl?: string;
  tokenUrl?: string;
  jobUrl?: string;
  discover?: boolean;
}

/** Starts the world. A `topicName` that ends in `.fifo` makes a FIFO topic. */
export async function startWorld({ topicName }: { topicName?: string } = {}): Promise<World> {
  const [store, topic, slack, queue, api] = await Promise.all([
    startEmbeddedStore(),
    startEmbeddedTopic(topicName ? { name: topicName } : {}),
    startSlackServer(),
    startEmbeddedQueue(),
    startPublishingApiServer({ clientId: 'client-id-of-the-tests', clientSecret: 'client-secret-of-the-tests' }),
  ]);
  const environment = {
    clientId: api.clientId,
    clientSecret: api.clientSecret,
    apiUrl: api.url,
    tokenUrl: api.tokenUrl,
    // Most tests hand jobs over by their ids.
    discover: false,
  };
  const config = (): ConfigDocument => ({
    environments: { production: { ...environment } },
    channels: {
      team: { type: 'slack', webhookUrl: slack.webhookUrl('team') },
      events: { type: 'sns', topicArn: topic.topicArn },
    },
    webhook: { secrets: [webhookSecret] },
  });
  return {
    store,
    topic,
    slack,
    api,
    queue,
    config,
    env: (document = config()) => ({
      NOTIFIER_CONFIG: JSON.stringify(document),
      TABLE_NAME: store.tableName,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_ENDPOINT_URL_DYNAMODB: store.endpoint,
      AWS_ENDPOINT_URL_SNS: topic.endpoint,
      AWS_ENDPOINT_URL_SQS: queue.endpoint,
      SWEEP_QUEUE_URL: queue.queueUrl,
    }),
    setJob: (id, values) => api.setJob(id, publishingJob({ id, ...values })),
    calls: () =>
      api.requests.length +
      api.listRequests.length +
      api.tokenRequests.length +
      slack.requestCount() +
      slack.calls.length +
      topic.publishCount(),
    close: async () => {
      await Promise.all([store.close(), topic.close(), slack.close(), queue.close(), api.close()]);
    },
  };
}

/** A request to the webhook as an HTTP API forwards it (payload format 2.0). */
export function httpEvent(
  routeKey: string,
  { body, headers = {}, ...rest }: Partial<APIGatewayProxyEventV2> = {},
): APIGatewayProxyEventV2 {
  const [method = 'GET', path = '/'] = routeKey.split(' ');
  const rawPath = path.replace('{jobId}', rest.pathParameters?.['jobId'] ?? '');
  return {
    version: '2.0',
    routeKey,
    rawPath,
    rawQueryString: '',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${webhookSecret}`, ...headers },
    requestContext: {
      accountId: '000000000000',
      apiId: 'test',
      domainName: 'test.invalid',
      domainPrefix: 'test',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'test' },
      requestId: 'request-1',
      routeKey,
      stage: '$default',
      time: '01/Jan/2026:10:00:00 +0000',
      timeEpoch: 1767261600000,
    },
    isBase64Encoded: false,
    ...(body === undefined ? {} : { body }),
    ...rest,
  };
}

/** `POST /jobs` for a job. */
export const postEvent = (jobId: string, environment?: string): APIGatewayProxyEventV2 =>
  httpEvent('POST /jobs', { body: JSON.stringify({ jobId, ...(environment ? { environment } : {}) }) });

/** `GET /jobs/{jobId}` for a job. */
export const getEvent = (jobId: string, environment = 'production'): APIGatewayProxyEventV2 =>
  httpEvent('GET /jobs/{jobId}', { pathParameters: { jobId }, queryStringParameters: { environment } });

/** The context of Lambda with the remaining time. */
export const lambdaContext = (remainingMs = 55_000): Context =>
  ({ awsRequestId: 'request-1', functionName: 'test', getRemainingTimeInMillis: () => remainingMs }) as Context;

/** The response of the webhook, with its body parsed. */
export function read(result: APIGatewayProxyStructuredResultV2): {
  status: number | undefined;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a response is JSON, and tests read it as a caller does.
  body: any;
} {
  return { status: result.statusCode, headers: result.headers ?? {}, body: JSON.parse(result.body ?? 'null') };
}
