/** Deployments with another configuration: what becomes of jobs and deliveries that are under way. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemFault } from '../../local/publishing-api-server.ts';
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
  test('its jobs leave the work list, reason `environmentRemoved`, and that is counted; others go on', async () => {
    await watch('staging', 'job_1', 'job_2');
    await watch('production', 'job_3');
    const without = redeploy(configWith(world, 'production'));
    set('job_3', 'Failed');
    expect(await sweepAfter(without, minute)).toMatchObject({ sent: 2, failedChecks: 0, left: 0 });
    for (const id of ['job_1', 'job_2']) {
      expect((await staging(id)).body).toMatchObject({
        status: 'Running',
        watching: false,
        outcome: null,
        decision: { reason: 'environmentRemoved', outcome: null },
      });
      expect((await itemOf(world, `staging#${id}`))?.expiresAt).toBeGreaterThan(0);
    }
    expect(counted(without, 'environmentRemoved')).toBeGreaterThan(0);
    expect(logged(without)).toContainEqual(expect.objectContaining({ level: 'warn', environment: 'staging' }));
    expect(await sweepAfter(without, minute)).toMatchObject({ checked: 0, changed: 0 });
    expect(told()).toEqual([1, 1]);
  });

  test('they come back with it, and their ends are told', async () => {
    await watch('staging', 'job_1', 'job_2');
    await sweepAfter(redeploy(configWith(world, 'production')), minute);
    set('job_1', 'Failed');
    const back = redeploy(both());
    await sweepEvery(back, minute, 2);
    expect(told()).toEqual([1, 1]);
    expect((await staging('job_2')).body).toMatchObject({ status: 'Running', watching: true });
    expect(await itemOf(world, 'staging#job_2')).not.toHaveProperty('expiresAt');
    set('job_2', 'Failed');
    await sweepAfter(back, minute);
    expect(told()).toEqual([2, 2]);
  });

  test('more than once', async () => {
    await watch('staging', 'job_1');
    for (let round = 0; round < 3; round++) {
      await sweepAfter(redeploy(configWith(world, 'production')), minute);
      expect((await staging('job_1')).body.watching).toBe(false);
      await sweepAfter(redeploy(both()), minute);
      expect((await staging('job_1')).body.watching).toBe(true);
    }
  });

  test.each([
    ['a trigger for one of its jobs', 'job_1', () => undefined],
    ['a trigger for a new job', 'job_new', () => set('job_new', 'Running')],
    [
      'a trigger that meets a refused credential',
      'job_1',
      () => world.api.fault({ call: 'job', jobId: 'job_1', times: 2, ...problemFault(401) }),
    ],
    [
      'a trigger that meets a rate limit',
      'job_1',
      () => world.api.fault({ call: 'job', jobId: 'job_1', ...problemFault(429, { 'retry-after': '30' }) }),
    ],
  ])('they come back with it, even if %s comes before the first sweep', async (_name, id, arrange) => {
    await watch('staging', 'job_1', 'job_2');
    await sweepAfter(redeploy(configWith(world, 'production')), minute);
    arrange();
    const back = redeploy(both());
    await back.post(id, 'staging');
    await sweepEvery(back, 2 * minute, 3);
    expect((await staging('job_2')).body).toMatchObject({ status: 'Running', watching: true });
    set('job_2', 'Failed');
    await sweepAfter(back, minute);
    expect(told()).toEqual([1, 1]);
  });

  test('while it comes back with a refused credential, its jobs are watched again once that is put right', async () => {
    await watch('staging', 'job_1');
    await sweepAfter(redeploy(configWith(world, 'production')), minute);
    const wrong = both();
    wrong.environments['staging'] = { ...wrong.environments['staging'], clientSecret: 'a-wrong-secret' };
    await sweepEvery(redeploy(wrong), minute, 2);
    set('job_1', 'Failed');
    await sweepEvery(redeploy(both()), 5 * minute, 2);
    expect(told()).toEqual([1, 1]);
  });

  test('what was to be told of its finished jobs is still told', async () => {
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    set('job_1', 'Failed');
    await notifier.post('job_1', 'staging');
    expect(told()).toEqual([0, 1]);
    const without = redeploy(configWith(world, 'production'));
    await sweepEvery(without, minute, 2);
    expect(told()).toEqual([1, 1]);
    expect((await staging('job_1')).body).toMatchObject({
      outcome: 'failed',
      watching: false,
      decision: { reason: 'firstSeenFinished' },
    });
  });

  test('a job that waits for its next reading leaves as well', async () => {
    await watch('staging', 'job_1');
    world.api.fault({ call: 'job', status: 500, times: 3 });
    await sweepEvery(notifier, 2 * minute, 3);
    await sweepAfter(redeploy(configWith(world, 'production')), 15 * minute);
    expect((await staging('job_1')).body).toMatchObject({ watching: false, status: 'Running' });
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

  test('the dead delivery stays in the table, for whoever brings the channel back', async () => {
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

  test('while it rests: dead all the same', async () => {
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
