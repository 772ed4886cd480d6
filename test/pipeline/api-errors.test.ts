/** Failures of the Publishing API: no message, the right error, the job stays watched, other jobs are unaffected. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backoffMs } from '../../lib/domain/backoff.ts';
import { type ApiFaultRule, problemFault } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  configWith,
  hurryRead,
  type Item,
  itemOf,
  itemsOf,
  logged,
  markOf,
  minute,
  second,
  statesIn,
  sweepAfter,
} from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, { config: configWith(world, 'production', 'staging') });
});
afterEach(() => world.close());

const always = 1_000;
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const asked = (id: string) => world.api.requests.filter(({ path }) => path.endsWith(`/${id}`)).length;
const told = () => [world.slack.requestCount(), world.topic.publishCount()];
const errors = () => logged(notifier).filter(({ level }) => level === 'error');
const jobs = async (): Promise<Item[]> => (await itemsOf(world)).filter(({ jobId }) => jobId);

/** Jobs that were seen running: in production, and one in staging. */
async function watch(...ids: string[]): Promise<void> {
  for (const id of ids) {
    set(id, 'Running');
    await notifier.post(id, id === 'job_staging' ? 'staging' : 'production');
    notifier.clock.advance(1);
  }
}

/** A job that is Completed, if one could only read it. */
const _completed = () => publishingJob({ id: 'job_bad', at: notifier.clock.now() });

type Row = [string, Omit<ApiFaultRule, 'call' | 'jobId'> & { body?: unknown }, RegExp];

const perJob: Row[] = [
  ['500', { status: 500 }, /answered 500/],
  ['200 in HTML', { status: 200, body: '<html>Completed</html>' }, /not JSON/],
  ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:9/' } }, /answered 302/],
  ['half a body', { kind: 'half', status: 200, body: publishingJob({ id: 'job_bad' }) }, /broke during the response/],
  ['a body of 50 MB', { status: 200, bytes: 50_000_000 }, /longer than/],
  ['a reset', { kind: 'reset' }, /connection broke/],
  ['nothing', { kind: 'silence' }, /no response within/],
  ['403', problemFault(403), /xmcpub\.jobs\.a:r, xmcpub\.jobs\.t:r, xmcpub\.jobs\.t:rl.*automation client of the env/],
  ['404', problemFault(404), /no such job \(404\)/],
  ['400 with the fields that are wrong', badRequest(), /no such job \(400\).*jobId: is malformed/],
];

function badRequest(): Row[1] {
  const { body, ...fault } = problemFault(400);
  return { ...fault, body: { ...(body as object), errors: { jobId: ['is malformed'] } } };
}

const noStatus: Row[] = [
  ['null', null],
  ['a number', 7],
  ['a text', '"Completed"'],
  ['a list', [completedNow()]],
  ['an empty object', {}],
  ['a job without system', { ...completedNow(), system: undefined }],
  ['a status that is absent', withStatus(undefined)],
  ['a status that is an object', withStatus({ value: 'Completed' })],
  ['a status in the wrong place', { ...completedNow(), system: {}, status: 'Completed' }],
].map(([name, body]) => [name as string, { status: 200, body }, /no status in the response/]);

function completedNow() {
  return publishingJob({ id: 'job_bad' });
}
function withStatus(status: unknown) {
  const job = completedNow();
  return { ...job, system: { ...job.system, status } };
}

/** Makes a job unreadable; `silence` is not waited for. */
function fault(id: string, rule: Row[1]): void {
  world.api.fault({ call: 'job', jobId: id, times: always, ...rule });
  if (rule.kind === 'silence') hurryRead(notifier, id);
}

describe.each([
  ['5xx, reset, time-out, unreadable response for one job, 403 and 404', perJob],
  ['response without a readable `system.status`', noStatus],
])('%s', (_row, rows) => {
  test.each(rows)('%s: only that job backs off, and no message is sent', async (_name, rule, error) => {
    await watch('job_bad', 'job_good', 'job_staging');
    fault('job_bad', rule);
    set('job_good', 'Failed');
    set('job_staging', 'Failed');
    const result = await sweepAfter(notifier, minute);
    expect(result).toMatchObject({ checked: 3, changed: 2, sent: 4, failedChecks: 1, left: 0 });
    for (let round = 0; round < 3; round++) await sweepAfter(notifier, minute);
    expect(told()).toEqual([2, 2]);

    const { body } = await notifier.get('job_bad');
    expect(body).toMatchObject({ status: 'Running', watching: true, outcome: null, deliveries: [] });
    expect(body.check.error).toMatch(error);
    expect(body.check.error).not.toMatch(/<html|traceId/);
    expect(await itemOf(world, 'production#job_bad')).toMatchObject({ watch: 'jobs' });
    expect(logged(notifier)).toContainEqual(
      expect.objectContaining({ level: 'warn', jobId: 'job_bad', error: expect.stringMatching(error) }),
    );

    // The failure changed nothing about the job.
    world.api.clearFaults();
    set('job_bad', 'Completed');
    await sweepAfter(notifier, 15 * minute);
    expect(told()).toEqual([3, 3]);
    expect((await notifier.get('job_bad')).body.check).toEqual({
      failures: 0,
      error: null,
      nextAt: null,
      failingSince: null,
    });
  });

  test.each(rows)('%s at first sight: recorded, watched, and no status', async (_name, rule, error) => {
    await watch('job_good');
    fault('job_bad', rule);
    const { status, body } = await notifier.post('job_bad', 'production');
    expect([status, body.status, body.watching]).toEqual([202, null, true]);
    expect(body.detail).toMatch(error);
    expect((await notifier.get('job_bad')).body.check.error).toMatch(error);
    expect(told()).toEqual([0, 0]);
  });
});

describe('10 such failures in a row in one environment', () => {
  const ids = Array.from({ length: 30 }, (_, index) => `job_${index + 10}`);
  const oneByOne = (sweepConcurrency = 1) =>
    deploy(world, {
      clock: notifier.clock,
      config: { ...configWith(world, 'production', 'staging'), settings: { sweepConcurrency } },
    });

  test.each([
    [1, 10],
    [20, 29],
  ])('the API is down: %i at once, it is asked at most %i times, and there is one clear line', async (atOnce, most) => {
    await watch(...ids, 'job_staging');
    for (const id of ids) fault(id, { status: 500 });
    set('job_staging', 'Failed');
    const sweeper = oneByOne(atOnce);
    const before = world.api.requests.length;
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ changed: 1, sent: 2, left: 0 });
    const requests = world.api.requests.length - before - 1;
    expect(requests).toBeGreaterThanOrEqual(10);
    expect(requests).toBeLessThanOrEqual(most);
    const lines = logged(sweeper).filter(({ level }) => level === 'error');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ environment: 'production', reason: expect.stringMatching(/down.*answered 500/) });
    expect(await jobs()).toHaveLength(31);
    for (const item of await jobs()) if (item.environment === 'production') expect(item.watch).toBe('jobs');
  });

  test('it is paused until the next sweep, which reads those that were not reached', async () => {
    await watch(...ids);
    for (const id of ids) fault(id, { status: 500, times: 1 } as Row[1]);
    const sweeper = oneByOne();
    await sweepAfter(sweeper, minute);
    const failed = ids.filter((id) => asked(id) > 1);
    expect(failed).toHaveLength(10);
    await sweepAfter(sweeper, second);
    expect(ids.filter((id) => asked(id) > 1)).toHaveLength(20);
    world.api.clearFaults();
    await sweepAfter(sweeper, minute);
    expect(ids.filter((id) => asked(id) > 1)).toHaveLength(30);
    expect(told()).toEqual([0, 0]);
  });
});

describe('401', () => {
  test('once: the token is dropped, a new one fetched once, and asked once more', async () => {
    await watch('job_bad', 'job_good');
    world.api.revokeTokens();
    set('job_bad', 'Failed');
    const [requests, tokens] = [world.api.requests.length, world.api.tokenRequests.length];
    expect(await notifier.post('job_bad', 'production')).toMatchObject({ status: 200, body: { status: 'Failed' } });
    expect(world.api.requests.length - requests).toBe(2);
    expect(world.api.tokenRequests.length - tokens).toBe(1);
    expect(errors()).toEqual([]);
    expect(told()).toEqual([1, 1]);
    expect(await markOf(world, 'cooldown#environment#production')).toBeUndefined();
  });

  const causes: [string, () => void, RegExp][] = [
    ['always', () => fault('job_bad', problemFault(401)), /a fresh token was refused \(401\)/],
    ['for the token itself', () => refuseTokens(401), /client id or secret was refused \(401\)/],
  ];
  const refuseTokens = (status: number) => {
    fault('job_bad', problemFault(401));
    // The job in staging has a token of its own already.
    world.api.fault({ call: 'token', times: always, status, body: { error: 'access_denied' } });
  };

  const callsForProduction = () => world.api.requests.length + world.api.tokenRequests.length - asked('job_staging');

  test.each(causes)(
    '%s: the environment is paused with backoff, with one clear error each time',
    async (_name, arrange, error) => {
      await watch('job_bad', 'job_staging');
      arrange();
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 6; attempt++) {
        const before = callsForProduction();
        expect(await notifier.sweep()).toMatchObject({ changed: 0, sent: 0, left: 0 });
        expect(callsForProduction()).toBeGreaterThan(before);
        expect(errors()).toHaveLength(attempt);
        expect(errors().at(-1)).toMatchObject({ environment: 'production', reason: expect.stringMatching(error) });
        const { until, failures } = (await markOf(world, 'cooldown#environment#production')) as Item & {
          until: number;
        };
        expect(failures).toBe(attempt);
        waits.push(until - notifier.clock.now());
        // Before that time neither a sweep nor a trigger sends a request.
        const calls = callsForProduction();
        notifier.clock.advance(until - notifier.clock.now() - 1);
        await notifier.sweep();
        expect((await notifier.post('job_bad', 'production')).status).toBe(202);
        expect(callsForProduction()).toBe(calls);
        notifier.clock.advance(1);
      }
      expect(waits).toEqual([1, 2, 3, 4, 5, 6].map(backoffMs));
      expect(told()).toEqual([0, 0]);
      expect((await notifier.get('job_bad')).body).toMatchObject({ status: 'Running', watching: true });

      world.api.clearFaults();
      set('job_bad', 'Failed');
      set('job_staging', 'Failed');
      expect(await sweepAfter(notifier, 15 * minute)).toMatchObject({ changed: 2, sent: 4 });
      expect(await markOf(world, 'cooldown#environment#production')).toMatchObject({ recoveredAt: expect.any(String) });
    },
  );

  test('a credential that cannot be read is one error of its own environment', async () => {
    const config = configWith(world, 'production', 'staging');
    config.environments['production'] = { ...config.environments['production'], clientSecret: 'env:NOT_SET_ANYWHERE' };
    const half = deploy(world, { clock: notifier.clock, config });
    await watch('job_bad', 'job_staging');
    set('job_staging', 'Failed');
    expect(await sweepAfter(half, minute)).toMatchObject({ changed: 1, sent: 2 });
    expect(logged(half).filter(({ level }) => level === 'error')).toMatchObject([
      { environment: 'production', reason: expect.stringContaining('NOT_SET_ANYWHERE') },
    ]);
  });
});

describe('429 from the API', () => {
  const limited = (retryAfter?: string) =>
    fault('job_bad', { ...problemFault(429, retryAfter ? { 'retry-after': retryAfter } : {}), times: 1 } as Row[1]);
  const slowly = () =>
    deploy(world, {
      clock: notifier.clock,
      config: { ...configWith(world, 'production', 'staging'), settings: { sweepConcurrency: 1 } },
    });

  test.each([
    ['120', 2 * minute],
    ['Thu, 01 Jan 2026 10:14:30 GMT', 200 * second],
  ])('with Retry-After "%s" the environment is paused for that long, for every worker', async (retryAfter, wait) => {
    await watch('job_bad', 'job_good', 'job_staging');
    limited(retryAfter);
    set('job_staging', 'Failed');
    const sweeper = slowly();
    notifier.clock.set('2026-01-01T10:11:10.000Z');
    expect(await sweeper.sweep()).toMatchObject({ changed: 1, sent: 2 });
    // Not even the job behind it was asked for.
    expect([asked('job_bad'), asked('job_good')]).toEqual([2, 1]);
    notifier.clock.advance(wait - 1);
    await slowly().sweep();
    expect((await notifier.post('job_new', 'production')).status).toBe(202);
    expect([asked('job_bad'), asked('job_good'), asked('job_new')]).toEqual([2, 1, 0]);
    notifier.clock.advance(1);
    await slowly().sweep();
    expect([asked('job_bad'), asked('job_good'), asked('job_new')]).toEqual([3, 2, 1]);
    expect(await jobs()).toHaveLength(4);
    // A limit is no failure of a job.
    expect((await notifier.get('job_bad')).body.check).toMatchObject({ failures: 0 });
    expect(told()).toEqual([1, 1]);
  });
});

describe('an exception of our own on one job', () => {
  test('is logged with its job, and the job backs off as after a 5xx; the others go on', async () => {
    await watch('job_bad', 'job_good', 'job_staging');
    set('job_good', 'Failed');
    const { api } = notifier.deps;
    notifier.deps.api = (name) => ({
      ...api(name),
      getJob: (id, deadline) => {
        if (id === 'job_bad') throw new TypeError('a bug of ours');
        return api(name).getJob(id, deadline);
      },
    });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      const at = notifier.clock.now();
      expect(await notifier.sweep()).toMatchObject({ failedChecks: 1, left: 0 });
      const { check } = (await notifier.get('job_bad')).body;
      expect(check.failures).toBe(attempt);
      // The text for outside tells nothing of our internals.
      expect(check.error).not.toContain('a bug of ours');
      waits.push(Date.parse(check.nextAt) - at);
      notifier.clock.set(check.nextAt);
    }
    expect(waits).toEqual([1, 2, 3, 4].map(backoffMs));
    expect(told()).toEqual([1, 1]);
    expect(errors()[0]).toMatchObject({
      environment: 'production',
      jobId: 'job_bad',
      error: { name: 'TypeError', message: 'a bug of ours' },
    });
  });
});

describe('a paused environment', () => {
  test('its terminal jobs are still delivered: nothing has to be fetched for that', async () => {
    await watch('job_done', 'job_bad');
    world.slack.answerWith({ status: 500 });
    set('job_done', 'Failed');
    await notifier.post('job_done', 'production');
    expect(statesIn((await notifier.get('job_done')).body)).toMatchObject({ 'failed/team': 'pending' });
    fault('job_bad', problemFault(401));
    await sweepAfter(notifier, 59 * second);
    expect(await markOf(world, 'cooldown#environment#production')).toBeDefined();
    const calls = world.api.requests.length + world.api.tokenRequests.length;
    expect(await sweepAfter(notifier, 2 * second)).toMatchObject({ checked: 0, sent: 1 });
    expect(world.api.requests.length + world.api.tokenRequests.length).toBe(calls);
    expect(statesIn((await notifier.get('job_done')).body)).toMatchObject({ 'failed/team': 'sent' });
  });
});
