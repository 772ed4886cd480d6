/** Deployments with another configuration, and their effect on existing jobs and deliveries. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  configWith,
  counted,
  day,
  deliveriesIn,
  itemOf,
  logged,
  minute,
  statesIn,
  sweepAfter,
  sweepEvery,
} from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
});
afterEach(() => world.close());

const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const told = () => [world.slack.messages.length, world.topic.messages.length];
const redeploy = (config: ConfigDocument = world.config()) => deploy(world, { clock: notifier.clock, config });
const both = () => configWith(world, 'production', 'staging');
const staging = (id: string) => redeploy(both()).get(id, 'staging');

async function watch(environment: string, ...ids: string[]): Promise<void> {
  for (const id of ids) {
    set(id, 'Running');
    await notifier.post(id, environment);
  }
}

describe('environment no longer configured', () => {
  const without = () => redeploy(configWith(world, 'production'));

  test('its jobs stay in the work list and are not checked; other environments are', async () => {
    await watch('staging', 'job_1', 'job_2');
    await watch('production', 'job_3');
    for (const id of ['job_1', 'job_2', 'job_3']) set(id, 'Failed');
    const sweeper = without();
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ checked: 1, sent: 2, failedChecks: 0, left: 0 });
    expect(told()).toEqual([1, 1]);
    expect((await staging('job_1')).body).toMatchObject({
      status: 'Running',
      watching: true,
      decision: { outcome: null },
    });
    const removed = logged(sweeper).filter(({ message }) => message === 'environment removed');
    expect(removed).toMatchObject([{ level: 'warn', environment: 'staging', jobs: 2 }]);
  });

  test('its jobs do not count as the oldest entry', async () => {
    await watch('staging', 'job_1');
    const sweeper = without();
    await sweepAfter(sweeper, 2 * day);
    expect(logged(sweeper).at(-1)).toMatchObject({ message: 'sweep finished', watched: 1, oldestEntrySeconds: 0 });
  });

  test('its jobs are checked again by the first sweep after it is back, however often it is removed', async () => {
    await watch('staging', 'job_1', 'job_2');
    for (let round = 0; round < 3; round++) {
      expect(await sweepAfter(without(), minute)).toMatchObject({ checked: 0, changed: 0 });
      expect(await sweepAfter(redeploy(both()), minute)).toMatchObject({ checked: 2, changed: 0 });
    }
    set('job_1', 'Failed');
    await sweepEvery(without(), day, 2);
    await sweepAfter(redeploy(both()), minute);
    expect(told()).toEqual([1, 1]);
    expect((await staging('job_2')).body).toMatchObject({ status: 'Running', watching: true });
  });

  test('pending messages of its jobs are sent all the same', async () => {
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    set('job_1', 'Failed');
    await notifier.post('job_1', 'staging');
    expect(told()).toEqual([0, 1]);
    await sweepEvery(without(), minute, 2);
    expect(told()).toEqual([1, 1]);
    expect((await staging('job_1')).body).toMatchObject({
      outcome: 'failed',
      watching: false,
      decision: { reason: 'firstSeenFinished' },
    });
  });

  test('jobs that have been due for `keepForDays` leave the work list, and nobody is notified', async () => {
    await watch('staging', 'job_1');
    await sweepAfter(without(), 30 * day - 1);
    expect((await staging('job_1')).body.watching).toBe(true);
    await sweepAfter(without(), 1);
    expect((await staging('job_1')).body).toMatchObject({
      status: 'Running',
      watching: false,
      decision: { reason: 'environmentRemoved', outcome: null },
    });
    expect((await itemOf(world, 'staging#job_1'))?.expiresAt).toBeGreaterThan(0);
    expect(told()).toEqual([0, 0]);
  });
});

describe('channel no longer configured', () => {
  const only = (...names: string[]) => {
    const config = world.config();
    return {
      ...config,
      channels: Object.fromEntries(Object.entries(config.channels).filter(([name]) => names.includes(name))),
    };
  };

  test('the delivery is `dead`, "no longer configured"; the other channel gets its message', async () => {
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    world.topic.answerWith({ status: 500 });
    set('job_1', 'Failed');
    await redeploy().post('job_1');
    const without = redeploy(only('events'));
    await sweepEvery(without, minute, 2);
    const { body } = await without.get('job_1');
    expect(deliveriesIn(body)).toMatchObject({
      'failed/team': { state: 'dead', nextAt: null, error: expect.stringContaining('no longer configured') },
      'failed/events': { state: 'sent' },
    });
    expect(body.watching).toBe(false);
    expect(counted(without, 'dead')).toBe(1);
    expect(told()).toEqual([0, 1]);
  });

  test('the dead delivery stays in the table, for the day when the channel comes back', async () => {
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    set('job_1', 'Failed');
    await redeploy().post('job_1');
    await sweepEvery(redeploy(only('events')), minute, 2);
    notifier.clock.advance(400 * day);
    expect(await world.store.removeExpired(notifier.clock.now())).toBe(0);
    const item = await itemOf(world, 'production#job_1');
    expect(item).toMatchObject({ watch: 'dead' });
    expect(item).not.toHaveProperty('expiresAt');
  });

  test('dead even while the channel is paused', async () => {
    world.slack.answerWith({ status: 429, headers: { 'retry-after': '900' }, body: 'rate_limited' });
    set('job_1', 'Failed');
    await redeploy().post('job_1');
    await sweepEvery(redeploy(only('events')), 16 * minute, 1);
    expect(statesIn((await redeploy().get('job_1')).body)).toMatchObject({ 'failed/team': 'dead' });
  });

  test('a job that ends after that is told to the others only', async () => {
    await redeploy().post('job_1');
    set('job_1', 'Failed');
    expect(await sweepAfter(redeploy(only('events')), minute)).toMatchObject({ sent: 1, failedDeliveries: 0 });
    expect(statesIn((await redeploy().get('job_1')).body)).toEqual({ 'failed/events': 'sent' });
  });
});

describe('other rules', () => {
  test('change nothing for what was decided: retries use the stored decision', async () => {
    const rules = [{ notify: ['team'], mention: 'here' }];
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    set('job_1', 'Failed');
    await redeploy({ ...world.config(), rules }).post('job_1');
    const quiet = redeploy({ ...world.config(), rules: [{ notify: [] }] });
    await sweepEvery(quiet, minute, 2);
    expect(told()).toEqual([1, 0]);
    expect(JSON.stringify(world.slack.messages[0]?.payload.blocks)).toContain('<!here>');
    expect((await quiet.get('job_1')).body.decision).toMatchObject({ rule: 'rules[0]', channels: ['team'] });
  });

  test('a channel that is new does not hear of what was told before', async () => {
    set('job_1', 'Failed');
    await redeploy().post('job_1');
    const config = world.config();
    config.channels['extra'] = { type: 'slack', webhookUrl: world.slack.webhookUrl('extra') };
    const more = redeploy(config);
    await more.post('job_1');
    await sweepAfter(more, minute);
    expect(world.slack.requestCount('extra')).toBe(0);
  });
});
