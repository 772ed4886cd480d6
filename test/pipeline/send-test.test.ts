/** A message marked TEST, sent along the path of every other message. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendTest } from '../../lib/pipeline/send-test.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { startWorld, type World } from '../support/world.ts';

const minute = 60_000;

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const begin = (...channels: string[]) => sendTest(notifier.deps, { environment: 'production', channels });
const deliveriesOf = async (jobId: string) => (await notifier.get(jobId)).body.deliveries;

test('is sent by the next sweep, once, and sends no request about a job', async () => {
  const { jobId } = await begin('team', 'events');
  expect(world.calls()).toBe(0);
  expect(await notifier.sweep()).toMatchObject({ sent: 2, checked: 0 });
  expect(world.api.requests).toEqual([]);
  expect(world.slack.messages).toMatchObject([
    { payload: { text: expect.stringMatching(/^TEST in production: TEST-/) } },
  ]);
  expect(JSON.parse(world.topic.messages[0]?.document ?? '')).toMatchObject({ outcome: 'test', reason: 'test', jobId });
  notifier.clock.advance(minute);
  expect(await notifier.sweep()).toMatchObject({ sent: 0 });
  expect((await notifier.get(jobId)).body).toMatchObject({ watching: false, outcome: 'test', status: null });
});

test('goes to the channels that are named, and to no others', async () => {
  await begin('events');
  await notifier.sweep();
  expect([world.slack.messages.length, world.topic.messages.length]).toEqual([0, 1]);
});

test('shows why it did not arrive, and is tried again', async () => {
  world.slack.answerWith({ status: 404, body: 'no_service' });
  const { jobId } = await begin('team');
  await notifier.sweep();
  expect(await deliveriesOf(jobId)).toMatchObject([
    { channel: 'team', outcome: 'test', state: 'pending', attempts: 1, error: expect.stringContaining('no_service') },
  ]);
  notifier.clock.advance(60 * minute);
  await notifier.sweep();
  expect(await deliveriesOf(jobId)).toMatchObject([{ state: 'sent', attempts: 2 }]);
});

test('no rule applies, and the message has no mention', async () => {
  const config = { ...world.config(), rules: [{ notify: [], mention: 'channel' }] };
  notifier = deploy(world, { config });
  await begin('team');
  await notifier.sweep();
  expect(world.slack.messages).toHaveLength(1);
  expect(JSON.stringify(world.slack.messages)).not.toContain('<!channel>');
});
