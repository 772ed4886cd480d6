/** Wake-ups: `POST /wake` for whoever knows that something ended, and the sweeps between those of the schedule. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { queueEvent } from '../../local/embedded-queue.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { configWith, logged } from '../support/scene.ts';
import { httpEvent, startWorld, type World } from '../support/world.ts';

const second = 1_000;

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const setJob = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const wakeEvent = (environment?: string, more: Parameters<typeof httpEvent>[1] = {}) =>
  httpEvent('POST /wake', { ...(environment ? { queryStringParameters: { environment } } : {}), ...more });
const sent = () => world.queue.messages.map(({ body, delaySeconds }) => [JSON.parse(body).environment, delaySeconds]);

describe('POST /wake', () => {
  const looks = [
    ['production', 0],
    ['production', 15],
    ['production', 45],
  ];

  test('starts a sweep of the environment at once, and looks again a little later', async () => {
    expect(await notifier.request(wakeEvent('production'))).toMatchObject({
      status: 202,
      body: { environment: 'production', detail: expect.any(String) },
    });
    expect(sent()).toEqual(looks);
  });

  test.each<[string, Parameters<typeof httpEvent>[1]]>([
    ['no body', {}],
    ['a body that is not JSON', { body: 'publish:end', headers: { 'content-type': 'text/plain' } }],
    ['a body of Experience Edge', { body: '{"invocation_id":"a"}', headers: { 'content-type': 'application/json' } }],
    ['broken JSON', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['a binary body', { body: 'AAECAw==', isBase64Encoded: true, headers: { 'content-type': 'image/png' } }],
  ])('takes %s', async (_, request) => {
    expect((await notifier.request(wakeEvent('production', request))).status).toBe(202);
    expect(sent()).toEqual(looks);
  });

  test('the environment may be left out when there is only one', async () => {
    expect((await notifier.request(wakeEvent())).status).toBe(202);
    expect(sent()).toEqual(looks);
  });

  test.each([
    ['an environment that is not configured', 'nowhere'],
    ['none, when there are several', undefined],
  ])('refuses %s', async (_, environment) => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    expect((await notifier.request(wakeEvent(environment))).status).toBe(422);
    expect(sent()).toEqual([]);
  });

  test('refuses who brings no credential, and calls nobody', async () => {
    const refused = await notifier.request(wakeEvent('production', { headers: { authorization: 'Bearer wrong' } }));
    expect([refused.status, sent()]).toEqual([401, []]);
  });

  test('calls that repeat each other within seconds cost one sweep', async () => {
    const calls = Array.from({ length: 20 }, () => notifier.request(wakeEvent('production')));
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(Array(20).fill(202));
    notifier.clock.advance(9 * second);
    await notifier.request(wakeEvent('production'));
    expect(sent()).toEqual(looks);
    notifier.clock.advance(second);
    await notifier.request(wakeEvent('production'));
    expect(sent()).toEqual([...looks, ...looks]);
  });

  test('environments do not stand in for each other', async () => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    await notifier.request(wakeEvent('production'));
    await notifier.request(wakeEvent('staging'));
    expect(sent().map(([environment]) => environment)).toEqual([
      ...Array(3).fill('production'),
      ...Array(3).fill('staging'),
    ]);
  });

  test('says when no sweep could be started, and does it when asked again', async () => {
    world.queue.answerWith({ status: 403, times: 1 });
    const { status, headers } = await notifier.request(wakeEvent('production'));
    expect([status, headers['retry-after']]).toEqual([503, '10']);
    expect((await notifier.request(wakeEvent('production'))).status).toBe(202);
    expect(sent()).toEqual(looks);
  });
});

describe('a sweep that was woken', () => {
  test('looks at the jobs of the environment that it was woken for, and at no others', async () => {
    notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
    setJob('job_1', 'Running');
    setJob('job_2', 'Running');
    await notifier.post('job_1', 'production');
    await notifier.post('job_2', 'staging');
    setJob('job_1', 'Failed');
    setJob('job_2', 'Failed');
    const woken = queueEvent('{"environment":"production"}', '{"environment":"production"}');
    expect(await notifier.wakeUp(woken)).toMatchObject({ checked: 1, changed: 1 });
    expect(await notifier.wakeUp(queueEvent('{"environment":null}'))).toMatchObject({ checked: 1, changed: 1 });
  });

  test('for an environment that is no longer configured does nothing', async () => {
    expect(await notifier.wakeUp(queueEvent('{"environment":"gone"}'))).toMatchObject({ checked: 0, left: 0 });
  });

  test.each(['', 'x', '[]', '{"environment":5}'])(
    'by a message that says nothing (%s) looks at everything',
    async (body) => {
      setJob('job_1', 'Running');
      await notifier.post('job_1');
      expect(await notifier.wakeUp(queueEvent(body))).toMatchObject({ checked: 1 });
    },
  );
});

describe('between two sweeps of the schedule', () => {
  const deployed = (lookEverySeconds?: number) =>
    deploy(world, {
      config: { ...world.config(), ...(lookEverySeconds === undefined ? {} : { settings: { lookEverySeconds } }) },
    });

  test.each<[number | undefined, number[]]>([
    [undefined, [10, 20, 30, 40, 50]],
    [20, [20, 40]],
    [6, [6, 12, 18, 24, 30, 36, 42, 48, 54]],
    [60, []],
    [0, []],
  ])('jobs that run are looked at: every %s s, after %j', async (every, delays) => {
    notifier = deployed(every);
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    await notifier.sweep();
    expect(sent()).toEqual(delays.map((delay) => [null, delay]));
  });

  test('nobody is woken when nothing runs', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    setJob('job_1', 'Completed');
    await notifier.sweep();
    await notifier.sweep();
    expect(sent()).toEqual([]);
  });

  test('a sweep that was woken wakes no other', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    await notifier.wakeUp(queueEvent('{"environment":null}'));
    expect(sent()).toEqual([]);
  });

  test('looks count from the beginning of the sweep', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    world.api.setJob('job_1', () => {
      notifier.clock.advance(12 * second);
      return { id: 'job_1', system: { status: 'Running' } };
    });
    await notifier.sweep();
    expect(sent().map(([, delay]) => delay)).toEqual([0, 8, 18, 28, 38]);
  });

  test('a queue that is away breaks no sweep', async () => {
    world.queue.answerWith({ status: 403 });
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    expect(await notifier.sweep()).toMatchObject({ checked: 1, left: 0 });
    expect(logged(notifier).some(({ level, message }) => level === 'warn' && message.includes('between'))).toBe(true);
  });
});
