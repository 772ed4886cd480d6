/** `publishing-job-notifier check`: one check, and waiting for the end of a job. */

import { beforeEach, describe, expect, test } from 'vitest';
import { type CheckOptions, check } from '../../cli/check.ts';
import { createProgressLine } from '../../cli/progress-line.ts';
import { announceRunning } from '../../local/running.ts';
import { wrapStore } from '../support/scene.ts';
import type { World } from '../support/world.ts';
import { run, temporaryFolder } from './run.ts';
import { stepping, useScene } from './scene.ts';

const scene = useScene();
let lines: string[];
beforeEach(() => {
  lines = [];
});

/** Checks job_1, and runs one step per wait. */
async function checkJob(steps: (() => unknown)[], options: Partial<CheckOptions> = {}, isTTY = false) {
  const line = createProgressLine({ isTTY, columns: 60, write: (text) => lines.push(String(text)) > 0 });
  const all = { timeout: 60_000, every: 5_000, ...options };
  const result = await check(stepping(scene.notifier, steps), 'job_1', all, line);
  return { ...result, document: result.document as Record<string, unknown> };
}

/** The same with --wait, and how long it took. */
async function wait(steps: (() => unknown)[], options: Partial<CheckOptions> = {}, isTTY = false) {
  const begun = scene.notifier.clock.now();
  const result = await checkJob(steps, { wait: true, ...options }, isTTY);
  return { ...result, tookMs: scene.notifier.clock.now() - begun };
}

type Values = Parameters<World['setJob']>[1];
const set = (values: Values) => scene.world.setJob('job_1', { at: scene.notifier.clock.now(), ...values });
const sweeps = (count: number) => Array(count).fill(() => scene.notifier.sweep());
/** Another worker acts after the check has read the API, and before it writes. */
function beforeRecording(act: () => Promise<unknown>): void {
  let isFirst = true;
  wrapStore(scene.notifier, (real) => ({
    save: async (...args) => {
      if (isFirst) {
        isFirst = false;
        await act();
      }
      return await real.save(...args);
    },
  }));
}
const anHour = 3_600_000;

describe('without --wait', () => {
  test('records the job, notifies its channels, and prints the response of POST /jobs', async () => {
    set({ status: 'Completed', failed: 3 });
    const { exitCode, document, text } = await checkJob([]);
    expect(exitCode).toBe(0);
    expect(document).toMatchObject({
      ...{ jobId: 'job_1', environment: 'production', status: 'Completed', previousStatus: null, changed: true },
      ...{ watching: false, outcome: 'completedWithWarnings' },
      deliveries: ['team', 'events'].map((channel) => ({ channel, state: 'sent' })),
    });
    expect(text).toMatch(/status +Completed\nbefore +never seen\noutcome +completed with warnings\n/);
    expect(text).toContain('✔ team completed with warnings, sent at 2026-01-01 10:10:00 UTC');
    expect([scene.world.slack.messages.length, scene.world.topic.messages.length]).toEqual([1, 1]);
  });

  test('prints one state if another worker records the end while this check reads the job as running', async () => {
    set({ status: 'Queued' });
    await scene.notifier.post('job_1');
    set({ status: 'Running', failed: 10 });
    beforeRecording(async () => {
      set({ status: 'Failed', failed: 13 });
      await scene.notifier.post('job_1');
    });
    const { document } = await checkJob([]);
    expect(document).toMatchObject({ status: 'Failed', job: { status: 'Failed', statistics: { failed: 13 } } });
  });

  test('says why a job could not be read, and that it is recorded', async () => {
    const { exitCode, document, text } = await checkJob([]);
    expect([exitCode, document['detail']]).toEqual([1, expect.stringContaining('no such job (404)')]);
    expect(text).toMatch(/next +the sweeps watch the job/);
    expect((await scene.notifier.get('job_1')).status).toBe(200);
  });

  test('a delivery that a channel refuses is a cross', async () => {
    scene.world.slack.answerWith({ status: 404, body: 'no_service' });
    set({ status: 'Failed' });
    expect((await checkJob([])).text).toMatch(
      /✘ team failed, pending, last attempt at .+ UTC, next attempt at .+ UTC: Slack: answered 404 no_service/,
    );
  });
});

describe('--wait', () => {
  test.each<[string, Values, number]>([
    ['completed', { status: 'Completed' }, 0],
    ['completedWithWarnings', { status: 'Completed', failed: 1 }, 3],
    ['publishedNothing', { status: 'Completed', processed: 0, skipped: 7 }, 4],
    ['failed', { status: 'Failed' }, 5],
    ['canceled', { status: 'Canceled' }, 6],
  ])('%s has its exit code', async (outcome, values, code) => {
    set({ status: 'Running' });
    const { exitCode, document } = await wait([() => set(values)]);
    expect([exitCode, document['outcome']]).toEqual([code, outcome]);
  });

  test('a job that is not found for ten minutes has the exit code of lostTrack', async () => {
    set({ status: 'Running' });
    const remove = () => scene.world.api.setJob('job_1', undefined);
    const { exitCode } = await wait([remove, ...sweeps(3)], { every: 300_000, timeout: anHour });
    expect(exitCode).toBe(7);
  });

  test('stops when the sweeps no longer watch a job that never existed', async () => {
    const { exitCode, text } = await wait(sweeps(3), { every: 300_000, timeout: anHour });
    expect([exitCode, text]).toEqual([1, expect.stringMatching(/next +nothing: the job is no longer watched/)]);
  });

  test('a job that does not end in time has its own exit code', async () => {
    set({ status: 'Running' });
    const expected = { exitCode: 8, tookMs: 60_000, document: { status: 'Running', watching: true } };
    expect(await wait([])).toMatchObject(expected);
  });

  test('shows the statistics, one line per change', async () => {
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

  test('prints the state that another worker recorded, and not what the last check read', async () => {
    set({ status: 'Running', processed: 40, failed: 10 });
    const { exitCode, document } = await wait([
      async () => {
        set({ status: 'Failed', processed: 50, failed: 13 });
        await scene.notifier.post('job_1');
      },
    ]);
    expect([exitCode, lines.at(-1)]).toEqual([5, 'Failed  100 sent · 50 processed · 13 failed · 0 skipped\n']);
    expect(document).toMatchObject({
      ...{ status: 'Failed', previousStatus: 'Running', outcome: 'failed', detail: null },
      job: { status: 'Failed', finishedAt: expect.any(String), statistics: { processed: 50, failed: 13 } },
    });
  });

  test('rewrites one line on a terminal, within its width', async () => {
    set({ status: 'Running', sent: 1_000_000, processed: 1_000_000, failed: 1_000_000, skipped: 1_000_000 });
    await wait([() => set({ status: 'Completed' })], {}, true);
    expect(lines.map((text) => text.slice(0, 5))).toEqual(['\r\x1b[2K', '\r\x1b[2K', '\r\x1b[2K']);
    expect(lines.at(-1)).toBe('\r\x1b[2K');
    expect(Math.max(...lines.map(({ length }) => length))).toBe('\r\x1b[2K'.length + 59);
  });

  test('waits for the deliveries, which the sweeps retry', async () => {
    scene.world.slack.answerWith({ status: 500 });
    set({ status: 'Running' });
    const { exitCode, document } = await wait([() => set({ status: 'Failed' }), ...sweeps(30)], { timeout: 600_000 });
    expect(exitCode).toBe(5);
    expect(document['deliveries']).toMatchObject([
      { channel: 'team', state: 'sent', attempts: 2 },
      { channel: 'events', state: 'sent', attempts: 1 },
    ]);
    expect(lines.join('')).toContain('pending: team');
  });

  test('waits for deliveries for a limited time, and then has the exit code of the outcome', async () => {
    scene.world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
    set({ status: 'Failed' });
    const { text, ...others } = await wait([], { timeout: anHour });
    expect(others).toMatchObject({ exitCode: 5, tookMs: 150_000 });
    expect(text).toMatch(/next +the sweeps send the pending deliveries/);
  });

  test('does not wait for a job that has ended before', async () => {
    set({ status: 'Canceled' });
    await scene.notifier.post('job_1');
    expect(await wait([])).toMatchObject({ exitCode: 6, tookMs: 0 });
  });
});

describe('the process', () => {
  test('sets the exit code, and prints one document', async () => {
    scene.world.setJob('job_1', { status: 'Failed' });
    const { code, stdout, stderr } = await run(['check', 'job_1', '--wait', '--json'], scene.world.env());
    expect([code, stderr, JSON.parse(stdout)]).toEqual([5, '', expect.objectContaining({ outcome: 'failed' })]);
    expect(scene.world.slack.messages).toHaveLength(1);
  });

  test('takes the id of a job as an option too', async () => {
    scene.world.setJob('job_1', { status: 'Running' });
    const { code, stdout } = await run(['check', '--job', 'job_1'], scene.world.env());
    expect([code, stdout]).toEqual([0, expect.stringMatching(/status +Running/)]);
  });

  test('finds a running npm start by its data folder', async () => {
    await using folder = await temporaryFolder();
    await announceRunning(folder.path, scene.world.env());
    scene.world.setJob('job_1', { status: 'Running' });
    const { code, stdout } = await run(['check', 'job_1'], { DATA_DIR: folder.path, AWS_PROFILE: 'some-profile' });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/status +Running/)]);
  });
});
