/** The sweep queue: `POST /wake` requests sweeps because something ended, and scheduled sweeps request polls. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { queueEvent } from '../../local/embedded-queue.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { configWith, logged, second, wrapChannel } from '../support/scene.ts';
import { httpEvent, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const setJob = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const watch = (id: string, environment?: string) => {
  setJob(id, 'Running');
  return notifier.post(id, environment);
};
const wake = (environment?: string, more: Parameters<typeof httpEvent>[1] = {}) =>
  notifier.request(
    httpEvent('POST /wake', { ...(environment ? { queryStringParameters: { environment } } : {}), ...more }),
  );
const sent = () => world.queue.messages.map(({ body, delaySeconds }) => [JSON.parse(body).environment, delaySeconds]);

describe('POST /wake', () => {
  const sweeps = [['production', 0]];

  test.each<[every: number, delays: number[]]>([
    [5, [0]],
    [10, [0]],
    [11, [0, 10]],
    [60, [0, 10]],
  ])('with polls every %s s requests sweeps of the environment after %j s', async (pollEverySeconds, delays) => {
    notifier = deploy(world, { config: { ...world.config(), settings: { pollEverySeconds } } });
    const accepted = { status: 202, body: { environment: 'production', detail: expect.any(String) } };
    expect(await wake('production')).toMatchObject(accepted);
    expect(sent()).toEqual(delays.map((delay) => ['production', delay]));
  });

  test.each<[string, Parameters<typeof httpEvent>[1]]>([
    ['a body that is not JSON', { body: 'publish:end', headers: { 'content-type': 'text/plain' } }],
    ['a body of Experience Edge', { body: '{"invocation_id":"a"}', headers: { 'content-type': 'application/json' } }],
    ['broken JSON', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['a binary body', { body: 'AAECAw==', isBase64Encoded: true, headers: { 'content-type': 'image/png' } }],
    ['a body of any length, which is not read', { body: 'x'.repeat(200_000) }],
    ['no environment if there is only one', { queryStringParameters: {} }],
  ])('accepts %s', async (_, request) => {
    expect((await wake('production', request)).status).toBe(202);
    expect(sent()).toEqual(sweeps);
  });

  test.each<[string, number, string | undefined, Parameters<typeof httpEvent>[1]]>([
    ['an environment that is not configured', 422, 'nowhere', {}],
    ['no environment if there are several', 422, undefined, {}],
    ['a wrong credential', 401, 'production', { headers: { authorization: 'Bearer wrong' } }],
  ])('refuses %s with %i, and requests nothing', async (_, status, environment, request) => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    expect((await wake(environment, request)).status).toBe(status);
    expect(sent()).toEqual([]);
  });

  test('requests sweeps once for calls within ten seconds', async () => {
    const calls = await Promise.all(Array.from({ length: 20 }, () => wake('production')));
    expect(calls.map(({ status }) => status)).toEqual(Array(20).fill(202));
    notifier.clock.advance(9 * second);
    await wake('production');
    expect(sent()).toEqual(sweeps);
    notifier.clock.advance(second);
    await wake('production');
    expect(sent()).toEqual([...sweeps, ...sweeps]);
  });

  test('requests sweeps of each environment by itself', async () => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    await wake('production');
    await wake('staging');
    expect(sent()).toEqual([...sweeps, ['staging', 0]]);
  });

  test('returns 503 if the queue fails, and requests sweeps when called again', async () => {
    world.queue.answerWith({ status: 403, times: 1 });
    const { status, headers } = await wake('production');
    expect([status, headers['retry-after']]).toEqual([503, '10']);
    expect(logged(notifier)).toContainEqual(expect.objectContaining({ message: 'sweep request failed' }));
    expect((await wake('production')).status).toBe(202);
    expect(sent()).toEqual(sweeps);
  });
});

describe('a sweep from the queue', () => {
  test('checks the jobs of the requested environment only', async () => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    await watch('job_1', 'production');
    await watch('job_2', 'staging');
    setJob('job_1', 'Failed');
    setJob('job_2', 'Failed');
    const requests = queueEvent('{"environment":"production"}', '{"environment":"production"}');
    expect(await notifier.wakeUp(requests)).toMatchObject({ checked: 1, changed: 1 });
    expect(await notifier.poll()).toMatchObject({ checked: 1, changed: 1 });
  });

  test('does nothing for an environment that is not configured', async () => {
    expect(await notifier.wakeUp(queueEvent('{"environment":"gone"}'))).toMatchObject({ checked: 0, left: 0 });
  });

  test.each(['', 'x', '[]', '{"environment":5}'])('checks all jobs if its message is unusable: %j', async (body) => {
    await watch('job_1');
    expect(await notifier.wakeUp(queueEvent(body))).toMatchObject({ checked: 1 });
  });
});

describe('polls between two scheduled sweeps', () => {
  test.each<[number | undefined, number[]]>([
    [undefined, [10, 20, 30, 40, 50]],
    [20, [20, 40]],
    [7, [7, 14, 21, 28, 35, 42, 49, 56]],
    [5, [5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55]],
    [60, []],
  ])('are requested every %s s, with or without jobs: after %j', async (every, delays) => {
    const settings = every === undefined ? {} : { settings: { pollEverySeconds: every } };
    notifier = deploy(world, { config: { ...world.config(), ...settings } });
    await notifier.sweep();
    expect(sent()).toEqual(delays.map((delay) => [null, delay]));
  });

  test('request no other polls, and neither do wake-ups, triggers and jobs that are named again', async () => {
    await watch('job_1');
    for (let again = 0; again < 3; again++) {
      await watch('job_1');
      await notifier.event({ jobId: 'job_1', environment: 'production' });
      await notifier.poll();
      await notifier.wakeUp(queueEvent('{"environment":"production"}'));
    }
    expect(sent()).toEqual([]);
  });

  test('have delays from the start of the sweep', async () => {
    await watch('job_1');
    world.api.setJob('job_1', () => {
      notifier.clock.advance(12 * second);
      return { id: 'job_1', system: { status: 'Running' } };
    });
    await notifier.sweep();
    expect(sent().map(([, delay]) => delay)).toEqual([0, 8, 18, 28, 38]);
  });

  test('are requested before messages that wait for their turn', async () => {
    let polls: unknown[] = [];
    wrapChannel(notifier, 'team', ({ send }) => async (...message) => {
      await vi.waitFor(() => expect(sent()).not.toEqual([]));
      polls = sent();
      return await send(...message);
    });
    await watch('job_1');
    setJob('job_1', 'Failed');
    await notifier.sweep();
    expect(polls).toHaveLength(5);
  });

  test('that cannot be requested break no sweep', async () => {
    world.queue.answerWith({ status: 403 });
    await watch('job_1');
    expect(await notifier.sweep()).toMatchObject({ checked: 1, left: 0 });
    expect(logged(notifier)).toContainEqual(
      expect.objectContaining({ level: 'warn', message: 'poll scheduling failed' }),
    );
  });
});
