/** Polls of a warm process: they read little while nothing happens, and act on what the table holds now. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cooldownKey } from '../../lib/pipeline/cooldown.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { configWith, latch, linesOf, markOf, minute, second, sweepAfter } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = start();
  // The process is warm, and knows that nothing is going on.
  await notifier.sweep();
  await poll();
});
afterEach(() => world.close());

function start(options: Parameters<typeof deploy>[1] = {}): Notifier {
  const config = configWith(world, 'production');
  for (const environment of Object.values(config.environments)) environment.discover = true;
  return deploy(world, { config, ...options });
}
const poll = () => {
  notifier.clock.advance(10 * second);
  return notifier.poll();
};
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const announced = () => world.topic.messages.map(({ attributes }) => attributes['jobId']);
const lists = () => world.api.listRequests.length;

test('one that finds nothing to do leaves no line, no metric and no mark', async () => {
  const [lines, state] = [notifier.lines.length, await markOf(world, 'discovery#production')];
  expect(await poll()).toEqual({ checked: 0, changed: 0, sent: 0, failedChecks: 0, failedDeliveries: 0, left: 0 });
  expect(notifier.lines.length).toBe(lines);
  expect(await markOf(world, 'discovery#production')).toEqual(state);
});

test('the next one sees a job that another process has watched, and its end', async () => {
  const other = start({ clock: notifier.clock });
  set('job_1', 'Running');
  await other.post('job_1');
  expect(await poll()).toMatchObject({ checked: 1, changed: 0 });
  set('job_1', 'Completed');
  expect(await poll()).toMatchObject({ checked: 1, changed: 1, sent: 2 });
});

test('one that discovers an end sends nothing to a channel that another process has just paused', async () => {
  const { store } = start({ clock: notifier.clock }).deps;
  const now = notifier.clock.now();
  const since = new Date(now).toISOString();
  const cooldown = { until: now + 5 * minute, failures: 1, reason: 'too many messages', since };
  await store.writeMark(cooldownKey('channel', 'team'), cooldown);
  set('job_1', 'Failed');
  expect(await poll()).toMatchObject({ sent: 1 });
  expect([world.slack.messages.length, announced()]).toEqual([0, ['job_1']]);
});

test('one calls no environment that another process has just paused, and leaves the pause as it is', async () => {
  const { store } = start({ clock: notifier.clock }).deps;
  const now = notifier.clock.now();
  const cooldown = { until: now + 2 * minute, failures: 3, reason: '429', since: new Date(now - minute).toISOString() };
  await store.writeMark(cooldownKey('environment', 'production'), cooldown);
  world.api.fault({ call: 'list', ...problemFault(429) });
  const before = lists();
  for (let polls = 0; polls < 5; polls++) await poll();
  expect(lists()).toBe(before);
  expect(await markOf(world, 'cooldown#environment#production')).toMatchObject(cooldown);
});

test('one lists nothing where a list of another process has just failed', async () => {
  world.api.list.absent = true;
  await start({ clock: notifier.clock }).sweep();
  const before = lists();
  await poll();
  expect(lists()).toBe(before);
});

describe('one that discovers an end in one environment', () => {
  /** The next list call of another environment waits for `first`. */
  async function startWith(first: Promise<void>) {
    const config = configWith(world, 'staging', 'production');
    for (const environment of Object.values(config.environments)) environment.discover = true;
    notifier = deploy(world, { config, clock: notifier.clock });
    await notifier.sweep();
    const { jobList } = notifier.deps;
    const waits = [first];
    notifier.deps.jobList =
      (name) =>
      async (query, ...limits) => {
        if (name === 'staging') await waits.shift();
        return await jobList(name)(query, ...limits);
      };
    set('job_1', 'Completed');
  }

  test('does not wait for the slow list of another to announce it, and ends after that list', async () => {
    const answer = latch();
    await startWith(answer.opened);
    const order: string[] = [];
    const polled = poll().then(() => order.push('poll ended'));
    await vi.waitFor(() => expect(linesOf(notifier, 'sweep finished')).toHaveLength(2));
    expect(announced()).toContain('job_1');
    order.push('list answered');
    answer.open();
    await polled;
    expect(order).toEqual(['list answered', 'poll ended']);
  });

  test('announces it although the list of another threw an unexpected error', async () => {
    const broken = Promise.reject(new Error('unexpected'));
    broken.catch(() => undefined);
    await startWith(broken);
    await poll();
    expect(announced()).toContain('job_1');
  });
});

test('a list that fails is asked for by the schedule alone until it works', async () => {
  world.api.list.absent = true;
  await sweepAfter(notifier, minute);
  const failing = lists();
  await poll();
  await poll();
  expect(lists()).toBe(failing);
  world.api.list.absent = false;
  set('job_1', 'Completed');
  await sweepAfter(notifier, minute);
  set('job_2', 'Completed');
  await poll();
  expect(announced()).toEqual(['job_1', 'job_2']);
});

test('jobs of an environment that is no longer configured are left to the schedule', async () => {
  set('job_1', 'Running');
  await notifier.post('job_1');
  const config = configWith(world, 'staging');
  notifier = deploy(world, { config, clock: notifier.clock });
  const removed = () => notifier.lines.filter((line) => line.includes('environment removed')).length;
  await poll();
  expect(removed()).toBe(0);
  await notifier.sweep();
  expect(removed()).toBe(1);
});
