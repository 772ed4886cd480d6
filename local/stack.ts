/** Everything that `npm start` runs, in one process: the functions, the table, the schedule, HTTP and, in a demo, simulated services. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { outcomes } from '../lib/domain/job.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { wire } from '../lib/wire.ts';
import { checkBackdated } from './backdated-check.ts';
import { createBreakIt } from './break-it.ts';
import { type Counts, countMessages } from './counts.ts';
import { keptSecret, openDataFolder } from './data-folder.ts';
import { type Demo, demoChannels, demoEnvironment, startDemo } from './demo.ts';
import { createDemoPipeline } from './demo-pipeline.ts';
import { type EmbeddedQueue, queueEvent, startEmbeddedQueue } from './embedded-queue.ts';
import { type EmbeddedStore, startEmbeddedStore } from './embedded-store.ts';
import { type EmbeddedTopic, startEmbeddedTopic } from './embedded-topic.ts';
import { endPauses } from './end-pauses.ts';
import { claimFolder } from './folder-owner.ts';
import { loadHandlers, WorkerKilled } from './handlers.ts';
import { createHttpFront } from './http-front.ts';
import { jobDetails } from './job-details.ts';
import { createRecordReader, jobRows } from './job-list.ts';
import { createLogEvents } from './log-events.ts';
import { logToFile } from './log-file.ts';
import { startLoopbackServer } from './loopback-server.ts';
import { createPage } from './page.ts';
import { hasWebhookSecrets, localTopicChannels, needsAws, realDocument } from './real-config.ts';
import { fromTopic, type ReceivedMessage } from './received.ts';
import { ruleTexts } from './rule-words.ts';
import { announceRunning } from './running.ts';
import { startSchedule } from './schedule.ts';
import { selfCheck } from './self-check.ts';
import type { JobPlan } from './simulation.ts';
import type { ConfigDocument, StartSettings } from './start-settings.ts';
import { createErrorLine, createEventLines, createTroubleLines, showRunning, showSelfCheck } from './terminal.ts';
import { readTroubles } from './troubles.ts';
import { tryRules } from './try-rules.ts';

const housekeepingMs = 60 * 60_000;
// Containers are killed 10 s after SIGTERM, some sooner. What is cut off here is continued by the next start.
const stopWithinMs = 4_000;
const minuteMs = 60_000;

/** Starts everything, prints what is running and returns the function that stops it. Throws a `ConfigError` if it cannot start. */
export async function startStack(settings: StartSettings): Promise<() => Promise<void>> {
  const { mode, dataFolder, sweepMs, port, host } = settings;
  const isDemo = mode === 'demo';
  await openDataFolder(dataFolder);
  await claimFolder(settings, process.env);
  const store = await startEmbeddedStore({ path: join(dataFolder, 'table') });
  const secret = await webhookSecret(settings);
  const received: ReceivedMessage[] = [];
  const onMessage = (message: ReceivedMessage) => {
    received.push(message);
    if (!isDemo) received.splice(0);
    page.showMessage(message);
  };
  const world = await startWorld(settings, secret?.secret ?? null, onMessage);

  const channels = Object.entries(world.document.channels).map(([name, { type }]) => ({ name, type }));
  const environments = Object.keys(world.document.environments);
  const showEvent = createEventLines([...environments, ...channels.map(({ name }) => name)]);
  const showTroubles = createTroubleLines(showEvent);
  const onError = (error: unknown) => {
    // The demo killed the worker. The next sweep starts the functions again.
    if (!(error instanceof WorkerKilled)) console.error(error);
  };
  const queue = await startEmbeddedQueue({ onMessage: (body) => void sweep(queueEvent(body)).catch(onError) });
  const env = environment(settings, world, store, queue);
  Object.assign(process.env, env);
  const deps = wire(process.env, { write: () => undefined });
  const isDiscovered = (jobId: string): boolean => world.demo?.liveJob(jobId)?.isDiscovered ?? false;
  const events = createLogEvents(deps, showEvent, isDiscovered);
  logToFile(join(dataFolder, 'notifier.log'), createErrorLine(), events.take);
  await endPauses(store, world.document);
  const handlers = await loadHandlers();

  const readRecords = createRecordReader(store);
  const countsSince = async (since: number): Promise<Counts> => {
    const before = received.length;
    const records = await readRecords();
    // A message that arrives while the table is read could be in only one of the two.
    return received.length === before ? countMessages(records, received, since) : await countsSince(since);
  };
  const handOver = (plan: JobPlan) =>
    plan.hangs ? checkBackdated(demoEnvironment, plan.id, plan.hangs.from) : pipeline.handOver(plan);
  const demo = world.demo && {
    demo: world.demo,
    handOver,
    breakIt: createBreakIt({
      ...{ demo: world.demo, handlers, deps, handOver, countsSince, speed: settings.speed },
      onChange: () => page.refresh(),
    }),
  };
  const startedAt = Date.now();
  const everyMs = Math.min(sweepMs, deps.config.settings.pollEverySeconds * 1_000);
  const page = createPage({
    setting: {
      ...{ isDemo, environments, channels, sweepMs: everyMs, outcomes },
      localChannels: isDemo ? channels.map(({ name }) => name) : world.topicChannels,
      rules: ruleTexts(deps.config.rules, Object.keys(deps.config.channels)),
    },
    listJobs: async () => jobRows(await readRecords(), deps.config.rules, (jobId) => world.demo?.liveJob(jobId)),
    values: {
      troubles: () => readTroubles(deps),
      ...(demo && { counts: () => countsSince(startedAt), breaks: () => demo.breakIt.runs() }),
    },
  });
  const front = createHttpFront({
    page,
    demo,
    details: (name) => jobDetails(deps, name, isDiscovered(name.jobId)),
    tryRules: (asked) => tryRules(deps, asked),
    webhook: handlers.webhook,
  });
  const server = await startLoopbackServer(front, port, host).catch(async (error) => {
    await handlers.close();
    throw new ConfigError(portProblem({ port, host }, error));
  });
  const pipeline = createDemoPipeline({ url: server.url, secret: secret?.secret ?? '', environment: demoEnvironment });
  const newJobs = (await world.demo?.begin(pipeline.isWatching)) ?? [];

  const retract = await announceRunning(dataFolder, env);
  showRunning({
    ...{ isDemo, environments, channels, dataFolder, sweepMs: everyMs },
    url: `http://localhost:${server.port}`,
    secretFile: secret?.file ?? null,
    newSecret: secret?.isNew ? secret.secret : null,
    jobId: newJobs[0]?.id ?? 'job_41B25',
  });
  const checked = selfCheck(deps).then(showSelfCheck, onError);

  await Promise.all(newJobs.map(handOver)).catch(onError);
  const sweep = async (event?: object) => {
    const { changed, sent } = await handlers.sweep(event);
    // The demo prints the messages themselves.
    if (!isDemo && changed + sent > 0)
      showEvent({ kind: 'sweep', where: '', text: `${changed} changed, ${sent} sent` });
    await events.shown();
    showTroubles(await readTroubles(deps));
  };
  const sweeps = startSchedule(sweep, sweepMs, onError);
  const housekeeping = startSchedule(async () => void (await store.removeExpired()), housekeepingMs, onError);

  return async () => {
    const quiet = Promise.all([sweeps.stop(), housekeeping.stop(), checked]).then(handlers.settled);
    await queue.close();
    await Promise.race([quiet, sleep(stopWithinMs, undefined, { ref: false })]);
    await events.shown();
    await handlers.close();
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
  /** The channels that share the local topic. */
  topicChannels: string[];
}

async function startWorld(
  settings: StartSettings,
  secret: string | null,
  onMessage: (message: ReceivedMessage) => void,
): Promise<World> {
  const { mode, document } = settings;
  const topicChannels = mode === 'demo' ? [demoChannels.topic] : localTopicChannels(document, process.env);
  const topic =
    topicChannels.length > 0
      ? await startEmbeddedTopic({
          // A FIFO topic recognises a repeated message, which closes the one hole that there is when a worker is killed.
          ...(mode === 'demo' && { name: 'publishing-job-events.fifo' }),
          onMessage: (message) => onMessage(fromTopic(topicChannels.join(', '), message)),
        })
      : null;
  const topicArn = topic?.topicArn ?? null;
  if (mode === 'real') {
    const real = realDocument(document, { env: process.env, topicArn, secret });
    return { document: real, demo: null, topic, topicChannels };
  }
  const demo = await startDemo({
    ...settings,
    secret: secret ?? '',
    topicArn: topicArn ?? '',
    onMessage,
  });
  return { document: demo.document, demo, topic, topicChannels };
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
  settings: { ...document.settings, pollEverySeconds: 60 },
});

function portProblem({ port, host }: { port: number; host: string }, { code }: NodeJS.ErrnoException): string {
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST is ${host}, which is not an address of this machine.`;
  const problem = code === 'EADDRINUSE' ? `Port ${port} is in use` : `Port ${port} cannot be opened (${code})`;
  return `${problem}: stop the process that listens on it, or set PORT to another port.`;
}
