/** `notifier send-test`: a message on the real way, followed until it has arrived or has not. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLiveLine } from '../../cli/live-line.ts';
import { sendTest } from '../../cli/send-test.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { startWorld, type World } from '../support/world.ts';
import { steppingClock } from './clock.ts';
import { run } from './run.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const line = createLiveLine({ write: () => true });

/** Sends a test, while the world goes on by a step per wait. */
async function send(channels: string[], steps: (() => unknown)[], environment?: string) {
  const deps = { ...notifier.deps, clock: steppingClock(notifier, steps) };
  const options = environment === undefined ? {} : { environment };
  const answer = await sendTest(deps, { kind: 'stack' }, channels, options, line);
  return { ...answer, document: answer.document as { jobId: string; deliveries: unknown[] } };
}

test('goes to every channel with the next sweep, and is a tick each', async () => {
  const { exitCode, text, document } = await send([], [() => undefined, notifier.sweep]);
  expect(exitCode).toBe(0);
  expect(text).toMatch(/^✔ team test, sent at .+ UTC\n✔ events test, sent at .+ UTC$/);
  expect(document).toMatchObject({ jobId: expect.stringMatching(/^TEST-/), environment: 'production' });
  expect(world.slack.messages).toMatchObject([{ payload: { text: expect.stringMatching(/^TEST: /) } }]);
  expect(world.topic.messages).toHaveLength(1);
});

test('goes to the channels that are named, once each', async () => {
  const { document } = await send(['events', 'events'], [notifier.sweep]);
  expect(document.deliveries).toMatchObject([{ channel: 'events', state: 'sent' }]);
  expect(world.slack.messages).toEqual([]);
});

test('a channel that refuses it is a cross with its error, and the others are not waited for in vain', async () => {
  world.slack.answerWith({ status: 404, body: 'no_service' });
  const { exitCode, text } = await send([], [notifier.sweep]);
  expect(exitCode).toBe(1);
  expect(text).toMatch(/✘ team test, pending, last tried at .+: Slack: answered 404 no_service/);
  expect(text).toMatch(/✔ events test, sent at/);
  expect(text).toMatch(/What failed is tried again by the sweeps\.$/);
});

test('says so when no sweep comes', async () => {
  const begun = notifier.clock.now();
  const { exitCode, text } = await send(['team'], []);
  expect([exitCode, notifier.clock.now() - begun]).toEqual([1, 150_000]);
  expect(text).toMatch(
    /^- team test, pending\nNo sweep has sent it to team within 150 s: look at the log and the schedule/,
  );
});

test('a name that is not configured is a mistake of the command line, and nothing is written', async () => {
  const { code, stdout, stderr } = await run(['send-test', 'teem'], world.env());
  expect([code, stdout, stderr]).toEqual([2, '', 'No such channel. Configured are: team, events.\n']);
  await expect(send([], [], 'staging')).rejects.toThrow(/^Unknown environment\. Configured environments: production\.$/);
  expect(await notifier.sweep()).toMatchObject({ sent: 0 });
});
