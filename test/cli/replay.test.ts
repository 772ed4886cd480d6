/** `npx publishing-job-notifier replay`, as an operator types it. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { startWorld, type World } from '../support/world.ts';

const script = fileURLToPath(new URL('../../cli/notifier.ts', import.meta.url));
const hour = 60 * 60_000;

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

/** Runs the command; what it printed, and with which exit code it ended. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...world.env() };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [script, 'replay', ...args], { env })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

/** A failed job whose Slack message died because the hook was gone for longer than three days. */
async function die(jobId: string): Promise<void> {
  world.slack.answerWith({ status: 404, body: 'no_service', times: 1_000 });
  world.api.setJob(jobId, publishingJob({ id: jobId, status: 'Failed', at: notifier.clock.now() }));
  await notifier.post(jobId);
  for (let sweeps = 0; sweeps < 16; sweeps++) {
    notifier.clock.advance(6 * hour);
    await notifier.sweep();
  }
  world.slack.clearAnswers();
}

const states = async (jobId: string): Promise<string[]> =>
  (await notifier.get(jobId)).body.deliveries.map(
    ({ channel, state }: { channel: string; state: string }) => `${channel} ${state}`,
  );

test('what is dead of a channel is sent by the next sweep, once', async () => {
  await die('job_1');
  expect(await states('job_1')).toEqual(['events sent', 'team dead']);
  const { code, stdout } = await run('--channel', 'team');
  expect([code, stdout]).toEqual([0, 'production job_1: failed/team\nThe next sweep sends 1 delivery.\n']);
  notifier.clock.set(new Date().toISOString());
  notifier.clock.advance(hour);
  await notifier.sweep();
  expect(await states('job_1')).toEqual(['events sent', 'team sent']);
  expect(world.slack.messages).toHaveLength(1);
  expect((await run('--channel', 'team')).stdout).toBe('No dead delivery matches.\n');
});

test('one job by its id', async () => {
  await die('job_1');
  expect((await run('--job', 'job_2')).stdout).toBe('No dead delivery matches.\n');
  expect((await run('--job', 'job_1', '--environment', 'production')).stdout).toContain('failed/team');
  expect(await states('job_1')).toEqual(['events sent', 'team pending']);
});

test('only what died lately, when asked so', async () => {
  await die('job_1');
  expect((await run('--since', '2h')).stdout).toBe('No dead delivery matches.\n');
  expect(await states('job_1')).toEqual(['events sent', 'team dead']);
});

describe('--pending', () => {
  /** A failed job whose Slack message waits, because Slack was down. */
  const wait = async (jobId: string): Promise<void> => {
    notifier.clock.set(new Date().toISOString());
    world.slack.answerWith({ status: 503, times: 1_000 });
    world.api.setJob(jobId, publishingJob({ id: jobId, status: 'Failed', at: notifier.clock.now() }));
    await notifier.post(jobId);
    for (let sweeps = 0; sweeps < 5; sweeps++) {
      notifier.clock.advance(hour);
      await notifier.sweep();
    }
    world.slack.clearAnswers();
  };

  test('a waiting delivery is sent by the next sweep, once, even if its channel is paused', async () => {
    await wait('job_1');
    notifier.clock.set(new Date().toISOString());
    await notifier.sweep();
    expect(await states('job_1')).toEqual(['events sent', 'team pending']);
    const { code, stdout } = await run('--pending', '--channel', 'team');
    expect([code, stdout]).toEqual([0, 'production job_1: failed/team\nThe next sweep sends 1 delivery.\n']);
    notifier.clock.set(new Date().toISOString());
    await notifier.sweep();
    expect(await states('job_1')).toEqual(['events sent', 'team sent']);
    expect(world.slack.messages).toHaveLength(1);
    expect((await run('--pending')).stdout).toBe('No waiting delivery matches.\n');
  });

  test('without it, waiting deliveries stay as they are', async () => {
    await wait('job_1');
    expect((await run()).stdout).toBe('No dead delivery matches.\n');
  });
});
