/** Everything that `npm start` runs, in one process: the functions, the table, the schedule, HTTP and, in a demo, simulated services. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../lib/platform/errors.ts';
import { checkBackdated } from './backdated-check.ts';
import { keptSecret, openDataFolder } from './data-folder.ts';
import { type Demo, demoEnvironment, startDemo } from './demo.ts';
import { createDemoPipeline } from './demo-pipeline.ts';
import { type EmbeddedQueue, queueEvent, startEmbeddedQueue } from './embedded-queue.ts';
import { type EmbeddedStore, startEmbeddedStore } from './embedded-store.ts';
import { type EmbeddedTopic, startEmbeddedTopic } from './embedded-topic.ts';
import { loadHandlers } from './handlers.ts';
import { createHttpFront } from './http-front.ts';
import { createJobList } from './job-list.ts';
import { logToFile } from './log-file.ts';
import { startLoopbackServer } from './loopback-server.ts';
import { createPage, type Page } from './page.ts';
import { hasWebhookSecrets, localTopicChannels, needsAws, realDocument } from './real-config.ts';
import { announceRunning } from './running.ts';
import { startSchedule } from './schedule.ts';
import type { JobPlan } from './simulation.ts';
import type { ConfigDocument, StartSettings } from './start-settings.ts';
import {
  createErrorLine,
  showDiscovered,
  showRunning,
  showSlackMessage,
  showSweep,
  showTopicMessage,
} from './terminal.ts';

const housekeepingMs = 60 * 60_000;
const stopWithinMs = 10_000;
const minuteMs = 60_000;

/** Starts everything, prints what is running and returns the function that stops it. Throws a `ConfigError` if it cannot start. */
export async function startStack(settings: StartSettings): Promise<() => Promise<void>> {
  const { mode, dataFolder, sweepMs, port } = settings;
  const isDemo = mode === 'demo';
  await openDataFolder(dataFolder);
  const store = await startEmbeddedStore({ path: join(dataFolder, 'table') });
  const page = createPage({ isDemo, listJobs: createJobList(store, (jobId) => world.demo?.liveJob(jobId)) });
  const secret = await webhookSecret(settings);
  const world = await startWorld(settings, page, secret?.secret ?? null);

  const showError = createErrorLine();
  logToFile(join(dataFolder, 'notifier.log'), showError);
  const onError = (error: unknown) => console.error(error);
  const queue = await startEmbeddedQueue({ onMessage: (body) => void sweep(queueEvent(body)).catch(onError) });
  const env = environment(settings, world, store, queue);
  const handlers = await loadHandlers(env);
  const front = createHttpFront({
    page,
    demo: world.demo,
    webhook: handlers.webhook,
    handOver: (plan) => pipeline.handOver(plan),
  });
  const server = await startLoopbackServer(front, port).catch((error) => {
    throw new ConfigError(portProblem(port, error));
  });
  const pipeline = createDemoPipeline({ url: server.url, secret: secret?.secret ?? '', environment: demoEnvironment });
  const newJobs = (await world.demo?.begin(pipeline.isWatching)) ?? [];

  const retract = await announceRunning(dataFolder, env);
  showRunning({
    isDemo,
    url: `http://localhost:${server.port}`,
    environments: Object.keys(world.document.environments),
    channels: Object.entries(world.document.channels).map(([name, { type }]) => `${name} (${type})`),
    dataFolder,
    sweepMs,
    secretFile: secret?.file ?? null,
    newSecret: secret?.isNew ? secret.secret : null,
    jobId: newJobs[0]?.id ?? 'job_41B25',
  });

  const handOver = (plan: JobPlan) =>
    plan.hangs ? checkBackdated(demoEnvironment, plan.id, plan.hangs.from) : pipeline.handOver(plan);
  await Promise.all(newJobs.map(handOver)).catch(onError);
  const sweep = async (event?: object) => {
    const result = await handlers.sweep(event);
    // The demo prints the messages themselves.
    if (!isDemo) showSweep(result);
  };
  const sweepAndShow = async () => {
    await sweep();
    for (const name of (await world.demo?.discovered(pipeline.isWatching)) ?? []) showDiscovered(name);
  };
  const sweeps = startSchedule(sweepAndShow, sweepMs, onError);
  const housekeeping = startSchedule(async () => void (await store.removeExpired()), housekeepingMs, onError);

  return async () => {
    const quiet = Promise.all([sweeps.stop(), housekeeping.stop()]).then(handlers.settled);
    await queue.close();
    await Promise.race([quiet, sleep(stopWithinMs, undefined, { ref: false })]);
    await retract();
    await page.close();
    await server.close();
    await Promise.all([world.demo?.close(), world.topic?.close()]);
    await store.close();
  };
}

/** The services outside of the notifier that run in this process. */
interface World {
  document: ConfigDocument;
  demo: Demo | null;
  topic: EmbeddedTopic | null;
}

async function startWorld(settings: StartSettings, page: Page, secret: string | null): Promise<World> {
  const { mode, document } = settings;
  const isTopicLocal = mode === 'demo' || localTopicChannels(document, process.env).length > 0;
  const topic = isTopicLocal
    ? await startEmbeddedTopic({
        onMessage: (message) => {
          showTopicMessage(message);
          page.showTopicMessage(message);
        },
      })
    : null;
  const topicArn = topic?.topicArn ?? null;
  if (mode === 'real') {
    return { document: realDocument(document, { env: process.env, topicArn, secret }), demo: null, topic };
  }
  const demo = await startDemo({
    ...settings,
    secret: secret ?? '',
    topicArn: topicArn ?? '',
    onSlackMessage: (message) => {
      showSlackMessage(message);
      page.showSlackMessage(message);
    },
  });
  return { document: demo.document, demo, topic };
}

async function webhookSecret({ mode, document, dataFolder }: StartSettings) {
  if (mode === 'real' && hasWebhookSecrets(document, process.env)) return null;
  const file = join(dataFolder, 'webhook-secret');
  return { file, ...(await keptSecret(file)) };
}

/** The environment variables of the functions. AWS services are local unless the configuration needs AWS. */
function environment(
  { mode, document, sweepMs }: StartSettings,
  world: World,
  store: EmbeddedStore,
  queue: EmbeddedQueue,
): Record<string, string> {
  const isAwsNeeded = mode === 'real' && needsAws(document, process.env);
  // A profile would take precedence over the keys, and needs a file that may not exist.
  if (!isAwsNeeded) for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN']) delete process.env[name];
  return {
    NOTIFIER_CONFIG: JSON.stringify(sweepMs < minuteMs ? withoutPolls(world.document) : world.document),
    TABLE_NAME: store.tableName,
    AWS_REGION: process.env['AWS_REGION'] ?? 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: store.endpoint,
    AWS_ENDPOINT_URL_SQS: queue.endpoint,
    SWEEP_QUEUE_URL: queue.queueUrl,
    ...(world.topic && { AWS_ENDPOINT_URL_SNS: world.topic.endpoint }),
    ...(!isAwsNeeded && { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }),
  };
}

// With such a frequent schedule no polls are needed in between.
const withoutPolls = (document: ConfigDocument): ConfigDocument => ({
  ...document,
  settings: { ...document.settings, lookEverySeconds: 0 },
});

function portProblem(port: number, { code }: NodeJS.ErrnoException): string {
  const problem = code === 'EADDRINUSE' ? `Port ${port} is in use` : `Port ${port} cannot be opened (${code})`;
  return `${problem}: stop the process that listens on it, or set PORT to another port.`;
}
