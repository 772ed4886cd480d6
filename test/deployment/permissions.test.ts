/** Each role against what its function does: the requests to AWS, as they leave the process. */

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

type Look = (jobId: string) => Promise<unknown>;

/** Everything that can become of a job, with each side in trouble on the way. `look` is one call of a function. */
async function liveThrough({ clock }: Notifier, look: Look): Promise<void> {
  const set = (id: string, status: string) => world.setJob(id, { status, at: clock.now() });
  set('job_1', 'Running');
  await look('job_1');
  await look('job_1');
  set('job_1', 'Completed');
  world.slack.answerWith({ status: 429, headers: { 'retry-after': '30' } });
  await look('job_1');
  clock.advance(5 * minute);
  await look('job_1');
  expect(world.slack.messages).toHaveLength(1);

  set('job_2', 'Running');
  await look('job_2');
  world.api.revokeTokens();
  world.api.fault({ call: 'token', status: 401 });
  await look('job_2');
  clock.advance(20 * minute);
  set('job_2', 'Failed');
  await look('job_2');
  expect(world.slack.messages).toHaveLength(2);
  await look('job_that_nobody_knows');
}

/** What only sweeps do: stop early and continue from there, with and without an environment. */
async function walkThrough(notifier: Notifier, sweep: (notifier: Notifier) => Promise<unknown>): Promise<void> {
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

/** A notifier with every secret in a parameter, as `notifier.yml` has it. */
function start(environments = ['production'], options: { clock?: Notifier['clock']; sweepConcurrency?: number } = {}) {
  const { clock, ...settings } = options;
  const config: ConfigDocument = { ...configWith(world, ...environments), settings };
  for (const [name, { clientId = '', clientSecret = '' }] of Object.entries(config.environments)) {
    Object.assign(config.environments[name] ?? {}, {
      clientId: parameter(`${name}/client-id`, clientId),
      clientSecret: parameter(`${name}/client-secret`, clientSecret),
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

/** What each function asks of AWS in its life. */
const lives: Record<string, () => Promise<Grant[]>> = {
  async Webhook() {
    const notifier = start();
    await liveThrough(notifier, (id) => recorder.during(() => notifier.post(id)));
    await recorder.during(() => notifier.get('job_1'));
    await recorder.during(() => notifier.request(httpEvent('POST /wake')));
    return recorder.asked();
  },
  async Event() {
    const notifier = start();
    await liveThrough(notifier, (jobId) => recorder.during(() => notifier.event({ jobId })));
    return recorder.asked();
  },
  async Sweep() {
    const notifier = start();
    const sweep = (swept: Notifier) => {
      swept.clock.advance(minute);
      return recorder.during(() => swept.sweep());
    };
    const seen = new Set<string>();
    await liveThrough(notifier, async (jobId) => {
      if (!seen.has(jobId)) await notifier.event({ jobId });
      seen.add(jobId);
      await sweep(notifier);
    });
    await walkThrough(notifier, sweep);
    return recorder.asked();
  },
};

/** What Lambda itself does with a function's role: it writes its log, and keeps what an asynchronous call could not do. */
const ofLambda = (name: string, queue?: string): Grant[] => [
  { action: 'logs:CreateLogStream', resource: `<${name}LogGroup.Arn>` },
  { action: 'logs:PutLogEvents', resource: `<${name}LogGroup.Arn>` },
  ...(queue ? [{ action: 'sqs:SendMessage', resource: `<${queue}.Arn>` }] : []),
];
const takingWakeUps = ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map((action) => ({
  action: `sqs:${action}`,
  resource: '<SweepQueue.Arn>',
}));

describe.each([
  ['Webhook', ofLambda('Webhook')],
  ['Event', ofLambda('Event', 'FailedEvents')],
  ['Sweep', [...ofLambda('Sweep', 'FailedSweeps'), ...takingWakeUps]],
])('the role of %s', (name, alsoDone) => {
  test('allows what the function does, and nothing else', async () => {
    const done = [...((await lives[name]?.()) ?? []), ...alsoDone];
    const granted = grantsOf(stack.resources[`${name}Role`]);
    const missing = done.filter((one) => !granted.some((grant) => covers(grant, one)));
    const unused = granted.filter((grant) => !done.some((one) => covers(grant, one)));
    expect({ missing, unused }).toEqual({ missing: [], unused: [] });
  });
});

test('each request that the code can make is among those that were seen', async () => {
  const seen = new Set((await lives['Sweep']?.())?.map(({ action }) => action.split(':')[1]));
  const source = globSync('lib/**/*.ts').map((path) => readFileSync(path, 'utf8'));
  const written = source.flatMap((text) => [...text.matchAll(/new (\w+)Command\(/g)].map(([, name = '']) => name));
  // The document client leaves out what the action is done with.
  const actions = written.map((name) =>
    /^(Get|BatchGet|Put|Update|Delete)$/.test(name) ? `${name}Item` : name.replace('MessageBatch', 'Message'),
  );
  // `notifier doctor` asks whether a topic is there, with the credentials of who calls it.
  const byPeople = ['GetTopicAttributes'];
  expect(new Set(actions)).toEqual(new Set([...seen, ...byPeople]));
});
