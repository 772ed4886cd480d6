/**
 * The order of the calls of one invocation. Every service is another host and far away: a call that waits for another one
 * without need makes somebody wait. `npm run bench -- --far` measures the same.
 */

import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AwsServer, startAwsServer } from '../cli/aws-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { latch } from '../support/scene.ts';
import { httpEvent, postEvent, startWorld, type World, webhookSecret } from '../support/world.ts';

const hosts = ['ssm', 'table', 'token', 'api', 'slack', 'topic', 'queue'] as const;
type Host = (typeof hosts)[number];

let world: World;
let aws: AwsServer;
let notifier: Notifier;
/** Another process. */
let start: () => Notifier;
/** What the hosts saw, in order: `api connected`, `api asked`. */
let seen: string[];
/** A host answers only once there is a connection to another one: who waits for the answer to open it gets neither. */
let connected: Record<Host, ReturnType<typeof latch>>;
let closed: typeof connected;
const answersAfter: Partial<Record<Host, Host>> = { table: 'token', token: 'api' };
const closers: (() => void)[] = [];

const asked = () => seen.filter((what) => what.endsWith(' asked')).map((what) => what.split(' ')[0]);
const connections = (host: Host) => seen.filter((what) => what === `${host} connected`).length;

/** The address of a server behind a proxy that notes what it sees. */
async function observed(host: Host, url: string): Promise<string> {
  const mayAnswer = () => connected[answersAfter[host] ?? host].opened;
  const proxy = createServer((near) => {
    const far = connect(Number(new URL(url).port), '127.0.0.1');
    seen.push(`${host} connected`);
    connected[host].open();
    let isAsked = false;
    near.on('data', (bytes) => {
      if (!isAsked) seen.push(`${host} asked`);
      isAsked = true;
      far.write(bytes);
    });
    far.on('data', async (bytes) => {
      isAsked = false;
      await mayAnswer();
      near.write(bytes);
    });
    near
      .on('error', () => undefined)
      .on('close', () => {
        closed[host].open();
        far.destroy();
      });
    far
      .on('error', () => undefined)
      .on('close', async () => {
        await mayAnswer();
        near.end();
      });
    closers.push(() => near.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closers.push(() => proxy.close());
  const { port } = proxy.address() as { port: number };
  return url.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`);
}

beforeEach(async () => {
  [world, aws] = await Promise.all([startWorld(), startAwsServer()]);
  seen = [];
  const latches = () => Object.fromEntries(hosts.map((host) => [host, latch()])) as typeof connected;
  [connected, closed] = [latches(), latches()];
  const config = world.config();
  aws.parameters.set('/secret', webhookSecret).set('/client-secret', world.api.clientSecret);
  Object.assign(config.environments['production'] as object, {
    clientSecret: 'ssm:/client-secret',
    apiUrl: await observed('api', world.api.url),
    tokenUrl: await observed('token', world.api.tokenUrl),
  });
  config.channels['team'] = { type: 'slack', webhookUrl: await observed('slack', world.slack.webhookUrl('team')) };
  config.webhook.secrets = ['ssm:/secret'];
  const env = {
    AWS_ENDPOINT_URL_SSM: await observed('ssm', aws.env.AWS_ENDPOINT_URL_SSM),
    AWS_ENDPOINT_URL_DYNAMODB: await observed('table', world.store.endpoint),
    AWS_ENDPOINT_URL_SNS: await observed('topic', world.topic.endpoint),
    AWS_ENDPOINT_URL_SQS: await observed('queue', world.queue.endpoint),
  };
  start = () => deploy({ ...world, env: (document) => ({ ...world.env(document), ...env }) }, { config });
  notifier = start();
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all([world.close(), aws.close()]);
});

const setJob = (status: string) => world.setJob('job_1', { status, at: notifier.clock.now() });

describe('a cold start', () => {
  test('of POST /jobs makes five calls one after another, and connects to Sitecore before it needs to', async () => {
    setJob('Running');
    expect((await notifier.post('job_1')).status).toBe(200);
    expect(asked()).toEqual(['ssm', 'table', 'token', 'api', 'table']);
    expect(hosts.map(connections)).toEqual([1, 1, 1, 1, 0, 0, 0]);
  });

  test('of an event reads the secrets when it needs them', async () => {
    setJob('Running');
    await notifier.event({ jobId: 'job_1' });
    expect(asked()).toEqual(['table', 'ssm', 'token', 'api', 'table']);
    expect(hosts.map(connections)).toEqual([1, 1, 1, 1, 0, 0, 0]);
  });

  test('connects to nobody but Systems Manager before the credential is checked', async () => {
    const { body } = postEvent('job_1');
    const response = await notifier.request(
      httpEvent('POST /jobs', { body: body ?? '', headers: { authorization: 'Bearer wrong' } }),
    );
    expect([response.status, asked(), hosts.map(connections)]).toEqual([401, ['ssm'], [1, 0, 0, 0, 0, 0, 0]]);
  });

  test('whose token is refused says so, and asks the API nothing', async () => {
    setJob('Running');
    world.api.fault({ call: 'token', status: 401, body: { error: 'access_denied' } });
    const { status, body } = await notifier.post('job_1');
    expect([status, body.detail]).toEqual([202, expect.stringMatching(/refused \(401\)/)]);
    expect(asked()).toEqual(['ssm', 'table', 'token', 'table', 'table']);
  });

  test('in a paused environment asks Sitecore nothing, and closes the connection that it opened', async () => {
    setJob('Running');
    world.api.fault({ call: 'token', status: 401, body: { error: 'access_denied' } });
    await notifier.post('job_1');
    seen.length = 0;
    closed.token = latch();
    expect((await start().post('job_1')).status).toBe(202);
    expect(asked()).toEqual(['ssm', 'table']);
    expect(connections('token')).toBe(1);
    await closed.token.opened;
  });
});

test('a warm POST /jobs of a job that ended asks for nothing twice, and sends to both channels at the same time', async () => {
  setJob('Running');
  await notifier.post('job_1');
  setJob('Completed');
  seen.length = 0;
  await notifier.post('job_1');
  // The record and the cooldowns, the job, the write; the messages, and the turn of Slack's; two receipts, and the lease.
  expect(asked().slice(0, 3)).toEqual(['table', 'api', 'table']);
  expect(asked().slice(3).sort()).toEqual(['slack', 'table', 'table', 'table', 'table', 'topic']);
  expect(connections('api') + connections('token')).toBe(0);
});
