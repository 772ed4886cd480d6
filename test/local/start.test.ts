import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JobRow } from '../../local/job-list.ts';
import { startLoopbackServer } from '../../local/loopback-server.ts';
import { type PublishingApiServer, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import type { ReceivedMessage } from '../../local/received.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { addressOf, type NotifierProcess, startNotifier } from './notifier-process.ts';

let folder: string;
let notifiers: NotifierProcess[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notifier-'));
  notifiers = [];
});
afterEach(async () => {
  await Promise.all(notifiers.map((notifier) => notifier.stop('SIGKILL')));
  await rm(folder, { recursive: true });
});

const start = (env: Record<string, string> = {}): NotifierProcess => {
  const notifier = startNotifier({ DATA_DIR: folder, SWEEP_SECONDS: '0.1', SIMULATION_SPEED: '10', ...env });
  notifiers.push(notifier);
  return notifier;
};

const demoMessages = [
  'Completed in production: Nightly site publish',
  'Completed with warnings in production: Product catalogue, spring prices',
  'Failed in production: Whole environment',
  'Canceled in production: Home page, new hero image',
  'Completed in production: Blog, five new posts',
  'Stuck in production: Media library, autumn campaign',
  'Completed in production: Media library, autumn campaign',
];
const times = (notifier: NotifierProcess, pattern: RegExp) => [...notifier.stdout().matchAll(pattern)].length;
const shown = (notifier: NotifierProcess) =>
  [...notifier.stdout().matchAll(/ ✓ sent +(\S+) +(\S.*)$/gm)].map(([, ...it]) => it);
const inEachChannel = (titles: string[]) =>
  titles.flatMap((title) => ['events', 'room', 'team'].map((channel) => [channel, title])).sort();
const isStart = ([channel, title = '']: string[]) => channel === 'room' && title.startsWith('Started in production: ');

/**
 * Waits until these have shown all messages of the first minute, in any order, and no others. The Slack app is also
 * notified of the start of each job that was seen before its end.
 */
const shownAll = (...notifiers: NotifierProcess[]) =>
  vi.waitFor(
    () => {
      const all = notifiers.flatMap(shown).sort();
      expect(all.filter((one) => !isStart(one))).toEqual(inEachChannel(demoMessages));
      const started = all.filter(isStart).map(([, title]) => title);
      expect(started).toEqual([...new Set(started)]);
      expect(started.length).toBeGreaterThanOrEqual(5);
    },
    { timeout: 40_000, interval: 50 },
  );

interface PageState {
  jobs: JobRow[];
  messages: ReceivedMessage[];
}

/** The data of the page, as soon as it meets the condition. */
async function pageState(notifier: NotifierProcess, meets: (state: PageState) => boolean): Promise<PageState> {
  const live = await fetch(`${await addressOf(notifier)}/live`);
  const jobs = new Map<string, JobRow>();
  const messages: ReceivedMessage[] = [];
  let text = '';
  for await (const chunk of live.body ?? []) {
    text += Buffer.from(chunk).toString();
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const [, event = '', data = ''] of events.map(
      (one) => /^(?:retry.+\n)?event: (.+)\ndata: (.+)$/.exec(one) ?? [],
    )) {
      if (event === 'state') messages.push(...JSON.parse(data).messages);
      if (event === 'message') messages.push(JSON.parse(data));
      if (event === 'jobs') for (const row of JSON.parse(data) as JobRow[]) jobs.set(row.jobId, row);
    }
    const state = { jobs: [...jobs.values()], messages };
    if (meets(state)) return state;
  }
  throw new Error('the page received no more data');
}

describe('without credentials', { timeout: 60_000 }, () => {
  test('six jobs end in the first minute, and each channel receives each message once', async () => {
    const notifier = start();
    const url = await addressOf(notifier);
    await shownAll(notifier);
    expect(notifier.stderr()).toBe('');

    const page = await fetch(url);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; .+require-trusted-types-for/);
    expect(await page.text()).not.toMatch(/(src|href)="(?!data:|\/page\/|#)/);
    expect((await fetch(`${url}/page/..%2fstart.ts`)).status).toBe(404);
    expect((await fetch(`${url}/jobs/%E0`)).status).toBe(400);
    expect((await fetch(`${url}/jobs/job_1`)).status).toBe(401);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    const put = await fetch(`${url}/jobs`, { method: 'PUT' });
    // The credential is checked first.
    expect(put.status).toBe(401);
    expect(await notifier.stop()).toBe(0);
    await shownAll(notifier);
    expect(notifier.stdout()).toContain(`new: ${(await readFile(join(folder, 'webhook-secret'), 'utf8')).trim()}`);
    expect((await stat(join(folder, 'webhook-secret'))).mode & 0o777).toBe(0o600);
  });

  test('a job that is not handed over is discovered, and shown as discovered', async () => {
    const notifier = start();
    await notifier.sees(/discovered +\S+ +Blog, five new posts/);
    await notifier.sees(/sent +\S+ +Completed in production: Blog, five new posts/);
    expect(times(notifier, / discovered /g)).toBe(1);
    const { jobs } = await pageState(notifier, (state) => state.jobs.some(({ isDiscovered }) => isDiscovered));
    expect(jobs.filter(({ isDiscovered }) => isDiscovered).map(({ job }) => job?.name)).toEqual([
      'Blog, five new posts',
    ]);
  });

  test('a stuck job is announced while it runs, and again after it has ended', async () => {
    const notifier = start({ SIMULATION_SPEED: '5' });
    const isStuck = ({ delays }: JobRow) => delays.includes('stuck');
    const stuck = await pageState(notifier, ({ jobs }) => jobs.some(isStuck));
    expect(stuck.jobs.filter(isStuck)).toMatchObject([
      { job: { name: 'Media library, autumn campaign' }, status: 'Running', isDiscovered: false },
    ]);
    await notifier.sees(/Stuck in production: Media[\s\S]+Completed in production: Media/);
    const deliveriesOf = ({ jobs }: PageState) =>
      jobs.find(isStuck)?.deliveries.map(({ outcome, state }) => [outcome, state]);
    const { messages } = await pageState(notifier, (state) =>
      isDeepStrictEqual(
        deliveriesOf(state),
        ['started', ...Array(3).fill('stuck'), ...Array(3).fill('completed')].map((outcome) => [outcome, 'sent']),
      ),
    );
    expect(messages.filter(({ channel }) => channel === 'team').map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Stuck in production: [\s\S]+have not changed for 5 min/),
        expect.stringMatching(/^Completed in production: Media[\s\S]+was stuck over 5 min/),
      ]),
    );
  });

  test('after a restart no message is repeated, and none is lost', async () => {
    const before = start();
    await before.sees(/sent .+Stuck in .+[\s\S]+sent .+Stuck in /);
    expect(await before.stop('SIGTERM')).toBe(0);
    const after = start();
    await shownAll(before, after);
    expect(await after.stop('SIGTERM')).toBe(0);
    await shownAll(before, after);
    expect(times(before, / discovered /g) + times(after, / discovered /g)).toBe(1);
  });

  test('the page receives the jobs and the messages so far', async () => {
    const notifier = start();
    await notifier.sees(/sent +team +Completed in /);
    const { jobs, messages } = await pageState(notifier, (state) => state.jobs.length > 0);
    expect(JSON.stringify(messages)).toContain('"Completed in production: Nightly site publish"');
    expect(jobs.map(({ job }) => job?.name)).toContain('Nightly site publish');
  });

  test('another job can be started, and is announced despite faults of the API', async () => {
    const notifier = start();
    const url = await addressOf(notifier);
    const ask = (path: string, body: object, headers = {}) =>
      fetch(`${url}/simulation/${path}`, { method: 'POST', body: JSON.stringify(body), headers });
    expect((await ask('faults', { status: 429, times: 2, retryAfter: 0 })).status).toBe(201);
    expect((await ask('faults', { status: 500, times: 3, call: 'list' })).status).toBe(201);
    expect((await ask('jobs', { outcome: 'publishedNothing', name: '\u001b[31m<img>', seconds: 1 })).status).toBe(201);
    await notifier.sees(/sent .+Completed, published nothing in production: \[31m<img>/);
    expect(await (await ask('jobs', { outcome: 'lost' })).json()).toMatchObject({
      status: 422,
      detail: 'outcome must be one of completed, completedWithWarnings, publishedNothing, failed, canceled.',
    });
    expect((await ask('jobs', {}, { origin: 'https://evil.example' })).status).toBe(403);
  });
});

describe('with credentials', { timeout: 30_000 }, () => {
  let api: PublishingApiServer;
  let slack: SlackServer;
  beforeEach(async () => {
    [api, slack] = await Promise.all([startPublishingApiServer(), startSlackServer()]);
  });
  afterEach(() => Promise.all([api.close(), slack.close()]));

  const env = () => ({
    CLIENT_SECRET: api.clientSecret,
    SLACK_URL: slack.webhookUrl(),
    NOTIFIER_CONFIG: JSON.stringify({
      environments: {
        main: { clientId: api.clientId, clientSecret: 'env:CLIENT_SECRET', apiUrl: api.url, tokenUrl: api.tokenUrl },
      },
      channels: {
        team: { type: 'slack', webhookUrl: 'env:SLACK_URL' },
        events: { type: 'sns', topicArn: 'env:TOPIC' },
      },
      webhook: { secrets: ['ssm:/not/here'] },
    }),
  });

  test('a job that ends while the notifier is stopped is announced once, after the restart', async () => {
    api.setJob('job_1', publishingJob({ id: 'job_1', status: 'Running' }));
    const before = start(env());
    const url = await addressOf(before);
    const secret = (await readFile(join(folder, 'webhook-secret'), 'utf8')).trim();
    const response = await fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'x-api-key': secret, 'content-type': 'application/json' },
      body: JSON.stringify({ jobId: 'job_1' }),
    });
    expect(await response.json()).toMatchObject({ status: 'Running', watching: true });
    expect((await fetch(`${url}/simulation/jobs`, { method: 'POST', body: '{}' })).status).toBe(404);
    expect(await before.stop()).toBe(0);

    api.setJob('job_1', publishingJob({ id: 'job_1', status: 'Failed' }));
    const after = start(env());
    await after.sees(/sent +events +Failed in \S+: Nightly site publish/);
    await after.sees(/sweep +1 changed, 2 sent/);
    expect(await after.stop()).toBe(0);
    expect(slack.messages).toHaveLength(1);
  });

  test('POST /wake discovers a job without waiting for the schedule', async () => {
    const notifier = start({ ...env(), SWEEP_SECONDS: '3600' });
    const url = await addressOf(notifier);
    // Jobs that ended before the first sweep are not announced.
    await vi.waitFor(async () =>
      expect(await readFile(join(folder, 'notifier.log'), 'utf8')).toContain('"sweep finished"'),
    );
    api.setJob('job_1', publishingJob({ id: 'job_1', status: 'Completed' }));

    const wake = (headers: Record<string, string>) => fetch(`${url}/wake`, { method: 'POST', headers, body: 'any' });
    expect((await wake({})).status).toBe(401);
    expect((await wake({ 'x-api-key': 'wrong' })).status).toBe(401);
    const secret = (await readFile(join(folder, 'webhook-secret'), 'utf8')).trim();
    const woken = await wake({ 'x-api-key': secret });
    expect([woken.status, await woken.json()]).toMatchObject([202, { environment: 'main' }]);
    await notifier.sees(/sent +events +Completed in \S+: Nightly site publish/);
    await notifier.sees(/sweep +1 changed, 2 sent/);
    expect(slack.messages).toHaveLength(1);
  });

  test('incomplete credentials prevent the start, and are named', async () => {
    const { CLIENT_SECRET: _, ...others } = env();
    const notifier = start(others);
    expect(await notifier.exit).toBe(1);
    expect(notifier.stderr()).toMatch(/^NOTIFIER_CONFIG has some .+ lacks environments.main.clientSecret .+\n$/);
  });
});

describe('a problem that prevents the start is one sentence', () => {
  const refusal = async (env: Record<string, string>) => {
    const notifier = start(env);
    expect(await notifier.exit).toBe(1);
    expect(notifier.stdout()).toBe('');
    return notifier.stderr();
  };

  test('a port in use', async () => {
    const other = await startLoopbackServer(() => undefined);
    expect(await refusal({ PORT: `${other.port}` })).toBe(
      `Port ${other.port} is in use: stop the process that listens on it, or set PORT to another port.\n`,
    );
    await other.close();
  });

  test('a second notifier on the same folder', async () => {
    await addressOf(start());
    expect(await refusal({})).toMatch(/^Another notifier is already running on \S+: .+ DATA_DIR .+\n$/);
  });

  test('a folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    expect(await refusal({ DATA_DIR: join(folder, 'file', 'data') })).toMatch(
      /^Cannot write to \S+ \(ENOTDIR\): .+\n$/,
    );
  });

  test('a full disk', { timeout: 60_000 }, async () => {
    const notifier = startNotifier({ DATA_DIR: folder, SWEEP_SECONDS: '0.1', SIMULATION_SPEED: '10' }, '.', 24);
    notifiers.push(notifier);
    expect(await notifier.exit).toBe(1);
    expect(notifier.stderr()).toMatch(
      /^The disk takes no more data \(.+\): free space and start again, nothing that was accepted is lost\.\n$/,
    );
    await addressOf(start());
  });

  test('an invalid configuration', async () => {
    expect(await refusal({ NOTIFIER_CONFIG: '{"environments":{}' })).toMatch(/^NOTIFIER_CONFIG cannot be read: .+\n$/);
    expect(await refusal({ NOTIFIER_CONFIG: '{"environments":{"Main":{}}}' })).toMatch(
      /^NOTIFIER_CONFIG has \d problems:\n {2}environments.Main: /,
    );
  });

  test('a setting that is not a number', async () => {
    expect(await refusal({ SWEEP_SECONDS: 'often' })).toBe(
      'SWEEP_SECONDS must be a number from 0.1 to 3600, and is "often".\n',
    );
  });
});
