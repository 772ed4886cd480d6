/** `GET /health`: what works, since when not, and why. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { problemFault } from '../../local/publishing-api-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { configWith, countStore, logged, minute } from '../support/scene.ts';
import { httpEvent, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const always = 1_000;
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const ask = (authorization?: string) =>
  notifier.request(httpEvent('GET /health', authorization === undefined ? {} : { headers: { authorization } }));
const begunAt = '2026-01-01T10:10:00.000Z';
const well = { works: true, since: null, reason: null };
const sweepAfter = async (ms: number) => {
  notifier.clock.advance(ms);
  await notifier.sweep();
};

test('everything works: 200, with one read of the table and no other call', async () => {
  const counts = countStore(notifier);
  const { status, body } = await ask();
  expect([status, body]).toEqual([
    200,
    {
      works: true,
      environments: [{ environment: 'production', ...well }],
      channels: [
        { channel: 'team', ...well },
        { channel: 'events', ...well },
      ],
    },
  ]);
  expect([counts, world.calls()]).toEqual([{ readMarks: 1 }, 0]);
});

test('without a credential there is the status and nothing else; a wrong credential is 401', async () => {
  const asked = await ask('');
  expect([asked.status, asked.headers, asked.body]).toEqual([200, {}, null]);
  set('job_1', 'Failed');
  world.slack.answerWith({ status: 500 });
  await notifier.post('job_1');
  const failing = await ask('');
  expect([failing.status, failing.headers, failing.body]).toEqual([503, {}, null]);
  expect((await ask('Bearer wrong')).status).toBe(401);
  expect((await ask('Basic wrong')).status).toBe(401);
});

test('a channel that fails is shown with the reason that the log has, until a message is accepted', async () => {
  set('job_1', 'Failed');
  world.slack.answerWith({ status: 404, body: 'no_service' });
  await notifier.post('job_1');
  const { status, body } = await ask();
  const [{ reason } = { reason: '' }] = logged(notifier).filter(({ message }) => message === 'channel paused');
  expect(reason).toMatch(/no_service.+Check that the incoming webhook/);
  expect(status).toBe(503);
  expect(body.channels[0]).toEqual({ channel: 'team', works: false, since: begunAt, reason });
  expect(body).toMatchObject({ works: false, environments: [well], channels: [{}, well] });

  await sweepAfter(15 * minute);
  expect((await ask()).body).toMatchObject({ works: true, channels: [well, well] });
});

const outages: [string, Parameters<World['api']['fault']>[0], RegExp][] = [
  ['the credential is refused', { ...problemFault(401), times: always }, /refused \(401\)/],
  ['the API is down', { status: 500, times: always }, /answered 500/],
  ['a permission is missing', { status: 403, times: always }, /xmcpub/],
  ['the API asks to wait', { status: 429, times: always }, /too many requests/],
];

test.each(outages)('an environment that cannot be read is shown with the reason: %s', async (_name, fault, reason) => {
  set('job_1', 'Running');
  await notifier.post('job_1');
  world.api.fault(fault);
  await sweepAfter(minute);
  const since = new Date(notifier.clock.now()).toISOString();
  await sweepAfter(5 * minute);
  const { status, body } = await ask();
  expect(status).toBe(503);
  expect(body.environments).toEqual([
    { environment: 'production', works: false, since, reason: expect.stringMatching(reason) },
  ]);
  world.api.clearFaults();
  await sweepAfter(15 * minute);
  expect((await ask()).body).toMatchObject({ works: true });
});

test('one job that cannot be read does not make its environment unreadable', async () => {
  set('job_1', 'Running');
  set('job_2', 'Running');
  await notifier.post('job_1');
  await notifier.post('job_2');
  world.api.fault({ call: 'job', jobId: 'job_1', status: 500, times: always });
  await sweepAfter(minute);
  expect((await ask()).status).toBe(200);
});

test('discovery that is incomplete is shown for its environment, until it is complete', async () => {
  const config = configWith(world, 'production', 'staging');
  notifier = deploy(world, {
    config: {
      ...config,
      environments: { ...config.environments, staging: { ...config.environments['staging'], discover: true } },
    },
  });
  set('job_1', 'Running');
  await notifier.post('job_1', 'staging');
  world.api.fault({ call: 'list', status: 500, times: always });
  await notifier.sweep();
  await sweepAfter(minute);
  const { status, body } = await ask();
  expect(status).toBe(503);
  expect(body.environments).toEqual([
    { environment: 'production', ...well },
    { environment: 'staging', works: false, since: begunAt, reason: expect.stringMatching(/answered 500/) },
  ]);
  world.api.clearFaults();
  await sweepAfter(minute);
  expect((await ask()).status).toBe(200);
});
