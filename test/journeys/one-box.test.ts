/** What people do with one box, over its real command. The box is killed with `kill -9` on the way. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { addressOf, type NotifierProcess, startNotifier } from '../local/notifier-process.ts';

const compileCache = join(tmpdir(), 'node-compile-cache');

let folder: string;
let notifiers: NotifierProcess[];
let slack: SlackServer;
let [ours, theirs]: PublishingApiServer[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notifier-'));
  notifiers = [];
  slack = await startSlackServer();
  ours = await startPublishingApiServer({ clientId: 'our-client' });
  theirs = await startPublishingApiServer({ clientId: 'their-client' });
});
afterEach(async () => {
  await Promise.all(notifiers.map((notifier) => notifier.stop('SIGKILL')));
  await Promise.all([slack.close(), ours?.close(), theirs?.close()]);
  await rm(folder, { recursive: true });
});

function start(env: Record<string, string> = {}): NotifierProcess {
  const notifier = startNotifier(
    {
      NOTIFIER_CONFIG: configOf(ours),
      SWEEP_SECONDS: '0.5',
      SIMULATION_SPEED: '10',
      NODE_COMPILE_CACHE: compileCache,
      ...env,
    },
    folder,
  );
  notifiers.push(notifier);
  return notifier;
}

const configOf = (api?: PublishingApiServer) =>
  JSON.stringify({
    environments: {
      main: { clientId: 'env:CLIENT_ID', clientSecret: 'env:CLIENT_SECRET', apiUrl: api?.url, tokenUrl: api?.tokenUrl },
    },
    channels: { team: { type: 'slack', webhookUrl: 'env:SLACK_URL' } },
  });

const credentials = (api = ours): Record<string, string> => ({
  CLIENT_ID: api?.clientId ?? '',
  CLIENT_SECRET: api?.clientSecret ?? '',
  SLACK_URL: slack.webhookUrl(),
});

const setJob = (api: PublishingApiServer | undefined, id: string, status: string) =>
  api?.setJob(id, publishingJob({ id, name: id, status }));

async function handOver(notifier: NotifierProcess, jobId: string, dataFolder = '.data/real'): Promise<void> {
  const url = `${await addressOf(notifier)}/jobs`;
  const secret = (await readFile(join(folder, dataFolder, 'webhook-secret'), 'utf8')).trim();
  const headers = { 'x-api-key': secret, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ jobId }) });
  expect(await response.json()).toMatchObject({ status: 'Running', watching: true });
}

const received = () => slack.messages.map(({ payload }) => payload.text?.split('\n')[0]);
const showsInSlack = (...titles: string[]) =>
  vi.waitFor(() => expect(received()).toEqual(titles.map((title) => expect.stringContaining(title))), 15_000);
const shownBy = (notifier: NotifierProcess): string[] =>
  [...notifier.stdout().matchAll(/ sent +\S+ +(\S.*)$/gm)].map(([, title = '']) => title);

async function refusal(env: Record<string, string>): Promise<string> {
  const notifier = start(env);
  expect([await notifier.exit, notifier.stdout()]).toEqual([1, '']);
  return notifier.stderr();
}

test('from the demo to the real thing: nothing of the demo is reported, and a failed job is', {
  timeout: 90_000,
}, async () => {
  const demo = start();
  const ends = () => shownBy(demo).filter((title) => !title.startsWith('Started'));
  // Seven outcomes in three channels. Then the demo has nothing more to send.
  await vi.waitFor(() => expect(ends()).toHaveLength(7 * 3), 30_000);
  await vi.waitFor(async () => {
    const log = await readFile(join(folder, '.data/demo/notifier.log'), 'utf8');
    expect(log.slice(log.lastIndexOf('"delivery sent"'))).toContain('"sweep finished"');
  }, 15_000);
  await demo.stop('SIGKILL');

  // A restarted demo has other jobs, and their names say so.
  const again = start();
  await again.sees(/sent +\S+ +Completed in production: Nightly site publish \(2\)/);
  expect(shownBy(again).filter((title) => shownBy(demo).includes(title))).toEqual([]);
  await again.stop('SIGKILL');

  setJob(ours, 'job_1', 'Running');
  const real = start(credentials());
  await handOver(real, 'job_1');
  setJob(ours, 'job_1', 'Failed');
  await showsInSlack('Failed in main: job_1');
  setJob(ours, 'job_2', 'Running');
  await handOver(real, 'job_2');
  await real.stop('SIGKILL');

  setJob(ours, 'job_2', 'Completed');
  const restarted = start(credentials());
  await showsInSlack('Failed in main: job_1', 'Completed in main: job_2');
  expect(await restarted.stop('SIGTERM')).toBe(0);
  const asked = ours?.requests.map(({ path }) => path.split('/').at(-1)) ?? [];
  // The self-check asks for the permissions.
  expect(new Set(asked)).toEqual(new Set(['permissions', 'job_1', 'job_2']));

  expect(await refusal({ ...credentials(), DATA_DIR: '.data/demo' })).toMatch(
    /^The data in \.data\/demo is of a demo, and this is a start with the real Sitecore: set DATA_DIR .+\.\n$/,
  );
  expect(await refusal({ DATA_DIR: '.data/real' })).toMatch(
    /^The data in \.data\/real is of the real Sitecore, and .+\n$/,
  );
});

test('from one tenant to another: the folder of one is refused to the other', { timeout: 60_000 }, async () => {
  setJob(ours, 'job_1', 'Running');
  const before = start(credentials());
  await handOver(before, 'job_1');
  await before.stop('SIGKILL');

  const other = { ...credentials(theirs), NOTIFIER_CONFIG: configOf(theirs) };
  expect(await refusal(other)).toMatch(
    /^The data in \.data\/real is of another client id or API of the environment main: .+ set DATA_DIR .+\.\n$/,
  );
  const renamed = other.NOTIFIER_CONFIG.replace('"main"', '"other"');
  expect(await refusal({ ...other, NOTIFIER_CONFIG: renamed })).toMatch(
    /^The data in \.data\/real is of main, which the configuration no longer has: set DATA_DIR .+\.\n$/,
  );

  setJob(theirs, 'job_9', 'Running');
  const after = start({ ...other, DATA_DIR: '.data/theirs' });
  await handOver(after, 'job_9', '.data/theirs');
  setJob(theirs, 'job_9', 'Failed');
  await showsInSlack('Failed in main: job_9');
  expect(theirs?.requests.filter(({ path }) => path.endsWith('job_1'))).toEqual([]);

  setJob(ours, 'job_1', 'Completed');
  start(credentials());
  await showsInSlack('Failed in main: job_9', 'Completed in main: job_1');
});

test('in a container: HOST is the address, and SIGTERM ends it within 5 s with nothing lost', {
  timeout: 60_000,
}, async () => {
  setJob(ours, 'job_1', 'Running');
  const before = start({ ...credentials(), HOST: '0.0.0.0' });
  await handOver(before, 'job_1');
  // The self-check asks Slack as well.
  await before.sees(/self-check: /);
  const asked = slack.requestCount();
  setJob(ours, 'job_1', 'Failed');
  // Slack takes its time with the message that is being sent when the signal comes.
  slack.answerWith({ status: 200, body: 'ok', afterMs: 2_000, accepted: true });
  await vi.waitFor(() => expect(slack.requestCount()).toBe(asked + 1), 15_000);
  const stoppedAt = performance.now();
  expect(await before.stop('SIGTERM')).toBe(0);
  expect(performance.now() - stoppedAt).toBeLessThan(5_000);

  setJob(ours, 'job_2', 'Running');
  const after = start({ ...credentials(), HOST: '127.0.0.1' });
  await handOver(after, 'job_2');
  setJob(ours, 'job_2', 'Completed');
  await showsInSlack('Failed in main: job_1', 'Completed in main: job_2');
  expect(await refusal({ ...credentials(), DATA_DIR: '.data/other', HOST: '192.0.2.1' })).toBe(
    'HOST is 192.0.2.1, which is not an address of this machine.\n',
  );
});
