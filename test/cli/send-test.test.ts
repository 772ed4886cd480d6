/** `publishing-job-notifier send-test`: a message by the path of every message, followed until each channel was tried. */

import { expect, test } from 'vitest';
import { noProgressLine } from '../../cli/progress-line.ts';
import { sendTest } from '../../cli/send-test.ts';
import { deploy } from '../support/notifier.ts';
import { run } from './run.ts';
import { stepping, useScene } from './scene.ts';

const scene = useScene();

/** Sends a test, and runs one step per wait. */
async function send(channels: string[], steps: (() => unknown)[], options = {}) {
  const deps = stepping(scene.notifier, steps);
  const result = await sendTest(deps, { kind: 'stack' }, channels, options, noProgressLine);
  return { ...result, document: result.document as { jobId: string; deliveries: unknown[] } };
}

test('the next sweep sends it to every channel', async () => {
  const { exitCode, text, document } = await send([], [() => undefined, scene.notifier.sweep]);
  expect(exitCode).toBe(0);
  expect(text).toMatch(/^✔ team test, sent at .+ UTC\n✔ events test, sent at .+ UTC$/);
  expect(document).toMatchObject({ jobId: expect.stringMatching(/^TEST-/), environment: 'production' });
  expect(scene.world.slack.messages).toMatchObject([
    { payload: { text: expect.stringMatching(/^TEST in production: /) } },
  ]);
  expect(scene.world.topic.messages).toHaveLength(1);
});

test('named channels get it once each', async () => {
  const { document } = await send(['events', 'events'], [scene.notifier.sweep]);
  expect(document.deliveries).toMatchObject([{ channel: 'events', state: 'sent' }]);
  const { body } = await scene.notifier.get(document.jobId);
  expect(body).toMatchObject({ decision: { channels: ['events'] } });
  expect(scene.world.slack.messages).toEqual([]);
});

test('a channel that writes to the person who started a job gets none', async () => {
  const { slack, config } = scene.world;
  const { token } = slack.workspace.app;
  const dm = { type: 'slack-app', token, channel: 'starter', apiUrl: slack.apiUrl };
  scene.notifier = deploy(scene.world, { config: { ...config(), channels: { ...config().channels, dm } } });
  const { document } = await send([], [scene.notifier.sweep]);
  expect(document.deliveries).toMatchObject([{ channel: 'team' }, { channel: 'events' }]);
  await expect(send(['dm'], [])).rejects.toThrow('The channel dm writes to the person who started a job');
});

test('a channel that refuses it is a cross with its error, and ends the wait', async () => {
  scene.world.slack.answerWith({ status: 404, body: 'no_service' });
  const { exitCode, text } = await send([], [scene.notifier.sweep]);
  expect(exitCode).toBe(1);
  expect(text).toMatch(/✘ team test, pending, last attempt at .+: Slack: answered 404 no_service/);
  expect(text).toMatch(/✔ events test, sent at/);
  expect(text).toMatch(/The sweeps retry the failed deliveries\.$/);
});

test('a missing sweep is reported', async () => {
  const begun = scene.notifier.clock.now();
  const { exitCode, text } = await send(['team'], []);
  expect([exitCode, scene.notifier.clock.now() - begun]).toEqual([1, 150_000]);
  expect(text).toMatch(
    /^- team test, pending\nNo sweep has sent it to team within 150 s\. Check the log and the schedule/,
  );
});

test('a name that is not configured is a mistake in the command line, and nothing is recorded', async () => {
  const { code, stdout, stderr } = await run(['send-test', 'teem'], scene.world.env());
  expect([code, stdout, stderr]).toEqual([2, '', 'Unknown channel. Configured channels: team, events.\n']);
  await expect(send([], [], { environment: 'staging' })).rejects.toThrow(/^Unknown environment\. .+ production\.$/);
  expect(await scene.notifier.sweep()).toMatchObject({ sent: 0 });
});
