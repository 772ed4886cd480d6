/** `notifier check`: one look, and waiting for the end of a job. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CheckOptions, check } from '../../cli/check.ts';
import { createLiveLine } from '../../cli/live-line.ts';
import { announceRunning } from '../../local/running.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { startWorld, type World } from '../support/world.ts';
import { steppingClock } from './clock.ts';
import { run } from './run.ts';
import { temporaryFolder } from './temporary-folder.ts';

let world: World;
let notifier: Notifier;
let lines: string[];
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
  lines = [];
});
afterEach(() => world.close());

const line = (isTTY = false) => createLiveLine({ isTTY, columns: 60, write: (text) => lines.push(String(text)) > 0 });

/** Looks at job_1, while the world goes on by a step per wait. */
async function wait(steps: (() => unknown)[], options: Partial<CheckOptions> = {}, isTTY = false) {
  const deps = { ...notifier.deps, clock: steppingClock(notifier, steps) };
  const answer = await check(deps, 'job_1', { wait: true, timeout: 60_000, every: 5_000, ...options }, line(isTTY));
  return { ...answer, document: answer.document as Record<string, unknown> };
}

const set = (values: Parameters<World['setJob']>[1]) => world.setJob('job_1', { at: notifier.clock.now(), ...values });

describe('one look', () => {
  test('records the job, tells whom it concerns, and answers as POST /jobs does', async () => {
    set({ status: 'Completed', failed: 3 });
    const { exitCode, document, text } = await wait([], { wait: false });
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({
      jobId: 'job_1',
      environment: 'production',
      status: 'Completed',
      previousStatus: null,
      changed: true,
      watching: false,
      outcome: 'completedWithWarnings',
      deliveries: [
        { channel: 'team', state: 'sent' },
        { channel: 'events', state: 'sent' },
      ],
    });
    expect(text).toMatch(/status +Completed\nbefore +never seen\noutcome +completedWithWarnings\n/);
    expect(text).toContain('✔ team completedWithWarnings, sent at 2026-01-01 10:10:00 UTC');
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
  });

  test('says why a job could not be read, and that it is recorded', async () => {
    const { exitCode, document, text } = await wait([], { wait: false });
    expect([exitCode, document['detail']]).toEqual([1, expect.stringContaining('no such job (404)')]);
    expect(text).toMatch(/next +watched by the sweeps/);
    expect((await notifier.get('job_1')).status).toBe(200);
  });

  test('what a channel refuses is a cross', async () => {
    world.slack.answerWith({ status: 404, body: 'no_service' });
    set({ status: 'Failed' });
    const { text } = await wait([], { wait: false });
    expect(text).toMatch(
      /✘ team failed, pending, last tried at .+ UTC, next try at .+ UTC: Slack: answered 404 no_service/,
    );
  });
});

const endings: [string, Parameters<World['setJob']>[1], number][] = [
  ['completed', { status: 'Completed' }, 0],
  ['completedWithWarnings', { status: 'Completed', failed: 1 }, 3],
  ['publishedNothing', { status: 'Completed', processed: 0, skipped: 7 }, 4],
  ['failed', { status: 'Failed' }, 5],
  ['canceled', { status: 'Canceled' }, 6],
];

describe('--wait', () => {
  test.each(endings)('%s has its exit code', async (outcome, values, code) => {
    set({ status: 'Running' });
    const { exitCode, document } = await wait([() => set(values)]);
    expect([exitCode, document['outcome']]).toEqual([code, outcome]);
  });

  test('a job that Sitecore denies for ten minutes has the exit code of lostTrack', async () => {
    set({ status: 'Running' });
    const gone = () => world.api.setJob('job_1', undefined);
    const { exitCode } = await wait([gone, notifier.sweep, notifier.sweep, notifier.sweep], {
      every: 300_000,
      timeout: 3_600_000,
    });
    expect(exitCode).toBe(7);
  });

  test('a job that there never was is not waited for longer than the sweeps watch it', async () => {
    const { exitCode, text } = await wait([notifier.sweep, notifier.sweep, notifier.sweep], {
      every: 300_000,
      timeout: 3_600_000,
    });
    expect(exitCode).toBe(1);
    expect(text).toMatch(/next +nothing: it is no longer watched/);
  });

  test('what does not end in time has an exit code of its own', async () => {
    set({ status: 'Running' });
    const begun = notifier.clock.now();
    expect(await wait([])).toMatchObject({ exitCode: 8, document: { status: 'Running', watching: true } });
    expect(notifier.clock.now() - begun).toBe(60_000);
  });

  test('shows the counters, a line per change', async () => {
    set({ status: 'Queued', sent: 0, processed: 0 });
    const running = (processed: number) => () => set({ status: 'Running', sent: 10, processed });
    await wait([running(4), running(4), running(9), () => set({ status: 'Completed', sent: 10, processed: 10 })]);
    expect(lines).toEqual([
      'Queued  0 sent · 0 processed · 0 failed · 0 skipped\n',
      'Running  10 sent · 4 processed · 0 failed · 0 skipped\n',
      'Running  10 sent · 9 processed · 0 failed · 0 skipped\n',
      'Completed  10 sent · 10 processed · 0 failed · 0 skipped\n',
    ]);
  });

  test('rewrites one line on a terminal, within its width', async () => {
    set({ status: 'Running', sent: 1_000_000, processed: 1_000_000, failed: 1_000_000, skipped: 1_000_000 });
    await wait([() => set({ status: 'Completed' })], {}, true);
    expect(lines.map((text) => text.slice(0, 5))).toEqual(['\r\x1b[2K', '\r\x1b[2K', '\r\x1b[2K']);
    expect(lines.at(-1)).toBe('\r\x1b[2K');
    expect(Math.max(...lines.map(({ length }) => length))).toBe('\r\x1b[2K'.length + 59);
  });

  test('waits for the deliveries too, which the sweeps repeat', async () => {
    world.slack.answerWith({ status: 500 });
    set({ status: 'Running' });
    const sweeps = Array(30).fill(notifier.sweep);
    const { exitCode, document } = await wait([() => set({ status: 'Failed' }), ...sweeps], { timeout: 600_000 });
    expect(exitCode).toBe(5);
    expect(document['deliveries']).toMatchObject([
      { channel: 'team', state: 'sent', attempts: 2 },
      { channel: 'events', state: 'sent', attempts: 1 },
    ]);
    expect(lines.join('')).toContain('still to be told: team');
  });

  test('but not for ever: the exit code is that of the outcome', async () => {
    world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
    set({ status: 'Failed' });
    const begun = notifier.clock.now();
    const { exitCode, text } = await wait([], { timeout: 3_600_000 });
    expect([exitCode, notifier.clock.now() - begun]).toEqual([5, 150_000]);
    expect(text).toMatch(/next +what is pending is sent by the sweeps/);
  });

  test('what had ended before is not waited for', async () => {
    set({ status: 'Canceled' });
    await notifier.post('job_1');
    const begun = notifier.clock.now();
    expect((await wait([])).exitCode).toBe(6);
    expect(notifier.clock.now()).toBe(begun);
  });
});

describe('from outside', () => {
  test('the exit code, and one document on standard output', async () => {
    world.setJob('job_1', { status: 'Failed' });
    const { code, stdout, stderr } = await run(['check', 'job_1', '--wait', '--json'], world.env());
    expect([code, stderr, JSON.parse(stdout)]).toEqual([5, '', expect.objectContaining({ outcome: 'failed' })]);
    expect(world.slack.messages).toHaveLength(1);
  });

  test('a running npm start is found by its data folder', async () => {
    await using folder = await temporaryFolder();
    await announceRunning(folder.path, world.env());
    world.setJob('job_1', { status: 'Running' });
    const { code, stdout } = await run(['check', 'job_1'], { DATA_DIR: folder.path, AWS_PROFILE: 'of-somebody' });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/status +Running/)]);
  });

  test.each([
    ['no job', ['check'], /^error: missing required argument 'job'\n/],
    ['an id that is none', ['check', 'no job'], /^jobId must be a string of 1 to 128 characters/],
    ['no time span', ['check', 'job_1', '--timeout', '0m'], /^--timeout takes a time span such as 30m, 2h or 3d\.\n$/],
  ])('%s is a mistake of the command line', async (_, args, message) => {
    const { code, stdout, stderr } = await run(args, world.env());
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
  });
});
