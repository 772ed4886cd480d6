/** Compares each role with the requests to AWS that leave its function. */

import { globSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deploy, type Notifier } from '../support/notifier.ts';
import { answerSlowly, configWith, minute, second } from '../support/scene.ts';
import { type ConfigDocument, httpEvent, startWorld, type World, webhookSecret } from '../support/world.ts';
import { covers, type Grant, grantsOf } from './policies.ts';
import { type Recorder, startRecorder } from './recorder.ts';
import { packageStack } from './stack.ts';

const stack = await packageStack('dev');

let world: World;
let recorder: Recorder;

beforeEach(async () => {
  world = await startWorld();
  recorder = await startRecorder(world);
});
afterEach(() => Promise.all([recorder.close(), world.close()]));

type Check = (jobId: string) => Promise<unknown>;

/** All outcomes of a job, with failures of each side on the way. `check` is one call of a function. */
async function checkJobs({ clock }: Notifier, check: Check): Promise<void> {
  const set = (id: string, status: string) => world.setJob(id, { status, at: clock.now() });
  set('job_1', 'Running');
  await check('job_1');
  await check('job_1');
  set('job_1', 'Completed');
  world.slack.answerWith({ status: 429, headers: { 'retry-after': '30' } });
  await check('job_1');
  clock.advance(5 * minute);
  await check('job_1');
  expect(world.slack.messages).toHaveLength(1);

  set('job_2', 'Running');
  await check('job_2');
  world.api.revokeTokens();
  world.api.fault({ call: 'token', status: 401 });
  await check('job_2');
  clock.advance(20 * minute);
  set('job_2', 'Failed');
  await check('job_2');
  expect(world.slack.messages).toHaveLength(2);
  await check('unknown_job');
}

/** What only sweeps do: stop early and continue from there, with and without an environment. */
async function sweepThrough(notifier: Notifier, sweep: (notifier: Notifier) => Promise<unknown>): Promise<void> {
  const ids = Array.from({ length: 4 }, (_, index) => `job_of_staging_${index}`);
  const setAll = () => {
    for (const id of ids) world.setJob(id, { status: 'Running', at: notifier.clock.now() });
  };
  const later = (...environments: string[]) => start(environments, { clock: notifier.clock, sweepConcurrency: 1 });
  const both = later('production', 'staging');
  setAll();
  for (const jobId of ids) await both.event({ jobId, environment: 'staging' });

  answerSlowly(world, both, ids, 20 * second);
  await sweep(both);
  setAll();
  await sweep(both);
  await sweep(later('production'));
  await sweep(later('production', 'staging'));
}

/** A notifier with every secret in a parameter of `notifier.yml`. Its environments share their credential. */
function start(environments = ['production'], options: { clock?: Notifier['clock']; sweepConcurrency?: number } = {}) {
  const { clock, ...settings } = options;
  const config: ConfigDocument = { ...configWith(world, ...environments), settings };
  for (const [name, { clientId = '', clientSecret = '' }] of Object.entries(config.environments)) {
    Object.assign(config.environments[name] ?? {}, {
      clientId: parameter('production/client-id', clientId),
      clientSecret: parameter('production/client-secret', clientSecret),
    });
  }
  config.channels['team'] = {
    type: 'slack',
    webhookUrl: parameter('slack-webhook-url', world.slack.webhookUrl('team')),
  };
  config.webhook.secrets = [parameter('webhook-secret', webhookSecret)];
  return deploy(recorder.world, { config, ...(clock && { clock }) });
}

function parameter(name: string, value: string): string {
  recorder.parameters[`/publishing-job-notifier/${name}`] = value;
  return `ssm:/publishing-job-notifier/${name}`;
}

/** The requests that each function makes to AWS. */
const requestsOf: Record<string, () => Promise<Grant[]>> = {
  async Webhook() {
    const notifier = start();
    await checkJobs(notifier, (id) => recorder.during(() => notifier.post(id)));
    await recorder.during(() => notifier.get('job_1'));
    await recorder.during(() => notifier.request(httpEvent('GET /health')));
    await recorder.during(() => notifier.request(httpEvent('POST /wake')));
    // A request that fails does not serve further calls.
    notifier.clock.advance(minute);
    world.queue.answerWith({ status: 403, times: 9 });
    await recorder.during(() => notifier.request(httpEvent('POST /wake')));
    return recorder.asked();
  },
  async Event() {
    const notifier = start();
    await checkJobs(notifier, (jobId) => recorder.during(() => notifier.event({ jobId })));
    // The event that loses the race for the record reads it again.
    const event = { jobId: 'job_at_once' };
    await recorder.during(() => Promise.all([notifier.event(event), notifier.event(event)]));
    return recorder.asked();
  },
  async Sweep() {
    const notifier = start();
    const sweep = (swept: Notifier) => {
      swept.clock.advance(minute);
      return recorder.during(() => swept.sweep());
    };
    const seen = new Set<string>();
    await checkJobs(notifier, async (jobId) => {
      if (!seen.has(jobId)) await notifier.event({ jobId });
      seen.add(jobId);
      await sweep(notifier);
    });
    await sweepThrough(notifier, sweep);
    return recorder.asked();
  },
};

/** What Lambda does with the role of a function: it writes the log, and stores failed asynchronous calls. */
const ofLambda = (name: string, queue?: string): Grant[] => [
  { action: 'logs:CreateLogStream', resource: `<${name}LogGroup.Arn>` },
  { action: 'logs:PutLogEvents', resource: `<${name}LogGroup.Arn>` },
  ...(queue ? [{ action: 'sqs:SendMessage', resource: `<${queue}.Arn>` }] : []),
];
const readingTheQueue = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map((action) => ({
  action: `sqs:${action}`,
  resource: '<SweepQueue.Arn>',
}));

describe.each([
  ['Webhook', ofLambda('Webhook')],
  ['Event', ofLambda('Event', 'FailedEvents')],
  ['Sweep', [...ofLambda('Sweep', 'FailedSweeps'), ...readingTheQueue]],
])('the role of %s', (name, alsoDone) => {
  test('allows exactly what the function does', async () => {
    const done = [...((await requestsOf[name]?.()) ?? []), ...alsoDone];
    const granted = grantsOf(stack.resources[`${name}Role`]);
    const missing = done.filter((one) => !granted.some((grant) => covers(grant, one)));
    const unused = granted.filter((grant) => !done.some((one) => covers(grant, one)));
    expect({ missing, unused }).toEqual({ missing: [], unused: [] });
  });
});

test('every request that the code can make was made', async () => {
  const seen = new Set((await requestsOf['Sweep']?.())?.map(({ action }) => action.split(':')[1]));
  const source = globSync('lib/**/*.ts').map((path) => readFileSync(path, 'utf8'));
  const written = source.flatMap((text) => [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name));
  // The names of document commands lack the word Item.
  const actions = written.map((name) =>
    /^(Get|BatchGet|Put|Update|Delete)$/.test(name) ? `${name}Item` : name.replace('MessageBatch', 'Message'),
  );
  // `publishing-job-notifier doctor` checks a topic and its subscribers, with the credentials of its user.
  const byUsers = ['GetTopicAttributes', 'ListSubscriptionsByTopic'];
  expect(new Set(actions)).toEqual(new Set([...seen, ...byUsers]));
});
