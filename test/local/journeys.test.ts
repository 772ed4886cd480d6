/** What people go through when something outside of the notifier breaks and is mended, with `npm start` as they run it. */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { addressOf, type NotifierProcess, startNotifier } from './notifier-process.ts';

let folder: string;
let api: PublishingApiServer;
let slack: SlackServer;
let notifiers: NotifierProcess[];
beforeEach(async () => {
  notifiers = [];
  folder = await mkdtemp(join(tmpdir(), 'notifier-'));
  [api, slack] = await Promise.all([startPublishingApiServer(), startSlackServer()]);
});
afterEach(async () => {
  await Promise.all(notifiers.map((notifier) => notifier.stop('SIGKILL')));
  await Promise.all([api.close(), slack.close()]);
  await rm(folder, { recursive: true });
});

/** Starts the notifier on this folder, with this secret for Sitecore. */
function start(clientSecret: string): NotifierProcess {
  const notifier = startNotifier({
    DATA_DIR: folder,
    SWEEP_SECONDS: '0.2',
    SITECORE_SECRET: clientSecret,
    SLACK_URL: slack.webhookUrl(),
    NOTIFIER_CONFIG: JSON.stringify({
      environments: {
        main: { clientId: api.clientId, clientSecret: 'env:SITECORE_SECRET', apiUrl: api.url, tokenUrl: api.tokenUrl },
      },
      channels: {
        team: { type: 'slack', webhookUrl: 'env:SLACK_URL' },
        events: { type: 'sns', topicArn: 'env:TOPIC' },
      },
      rules: [{ notify: ['team'] }],
      operators: ['team', 'events'],
      settings: { operatorNoticeAfterMinutes: 0 },
    }),
  });
  notifiers.push(notifier);
  return notifier;
}

/** Kills the process at once, after the sweep that sent the notice has stored its receipts. */
async function killed(notifier: NotifierProcess): Promise<void> {
  await notifier.sees(/Not working: /);
  await vi.waitFor(async () =>
    expect(await readFile(join(folder, 'notifier.log'), 'utf8')).toMatch(/delivery sent[\s\S]+sweep finished/),
  );
  expect(await notifier.stop('SIGKILL')).toBeNull();
}

const health = async (notifier: NotifierProcess, secret?: string) => {
  const response = await fetch(
    `${await addressOf(notifier)}/health`,
    secret ? { headers: { 'x-api-key': secret } } : {},
  );
  return { status: response.status, text: await response.text() };
};
const statusOf = async (notifier: NotifierProcess, status: number) =>
  await vi.waitFor(async () => expect((await health(notifier)).status).toBe(status), { timeout: 20_000, interval: 50 });
const secret = async () => (await readFile(join(folder, 'webhook-secret'), 'utf8')).trim();
const titles = () => slack.messages.map(({ payload }) => payload.text?.split('\n')[0]);
const setJob = (id: string, status: string) => api.setJob(id, publishingJob({ id, status }));

test('a wrong Sitecore secret is named everywhere, and with the right one the job is announced once', {
  timeout: 60_000,
}, async () => {
  const wrong = start('not the secret');
  await statusOf(wrong, 503);
  expect(await health(wrong)).toEqual({ status: 503, text: '' });
  const { environments } = JSON.parse((await health(wrong, await secret())).text);
  expect(environments).toEqual([
    {
      environment: 'main',
      works: false,
      since: expect.any(String),
      reason: expect.stringMatching(/client id or secret/),
    },
  ]);
  // The terminal has the same reason, and the channels that work have the notice.
  await vi.waitFor(() => expect(wrong.stdout()).toMatch(/main +.*client id or secret was refused \(401\)/));
  await wrong.sees(/sent +events +Not working: environment main/);
  await killed(wrong);

  setJob('job_1', 'Running');
  const right = start(api.clientSecret);
  await statusOf(right, 200);
  await right.sees(/sent +events +Works again: environment main/);
  setJob('job_1', 'Failed');
  await vi.waitFor(
    () =>
      expect(titles()).toEqual([
        'Not working: environment main',
        'Works again: environment main',
        'Failed in main: Nightly site publish',
      ]),
    { timeout: 20_000 },
  );
  expect(await right.stop()).toBe(0);
});

test('Slack is gone and comes back: nobody needs to look, and every message arrives once', {
  timeout: 60_000,
}, async () => {
  setJob('job_1', 'Running');
  setJob('job_2', 'Running');
  const notifier = start(api.clientSecret);
  await statusOf(notifier, 200);
  await vi.waitFor(async () => expect(api.requests.length + api.listRequests.length).toBeGreaterThan(2));
  slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
  setJob('job_1', 'Failed');
  await notifier.sees(/sent +events +Not working: channel team/);
  const { channels } = JSON.parse((await health(notifier, await secret())).text);
  expect(channels[0]).toMatchObject({ channel: 'team', works: false, reason: expect.stringContaining('no_service') });
  await vi.waitFor(() => expect(notifier.stdout()).toMatch(/team +.*no_service/));

  await killed(notifier);
  slack.clearAnswers();
  const after = start(api.clientSecret);
  // The refused message waits for a quarter of an hour. The next one shows that Slack is back.
  setJob('job_2', 'Completed');
  await statusOf(after, 200);
  await vi.waitFor(
    () =>
      expect(titles().sort()).toEqual([
        'Completed in main: Nightly site publish',
        'Failed in main: Nightly site publish',
      ]),
    {
      timeout: 20_000,
    },
  );
  await after.sees(/sent +events +Works again: channel team/);
  expect(await after.stop()).toBe(0);
  expect(slack.messages).toHaveLength(2);
});
