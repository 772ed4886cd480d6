/** The schedule: one pass over the work list, as much of it as the time allows, and the rest the next time. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler } from '../../functions/sweep.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  answerSlowly,
  contextOn,
  counted,
  countStore,
  itemOf,
  latch,
  minute,
  second,
  sweepAfter,
  wrapStore,
} from '../support/scene.ts';
import { type EnvironmentDocument, lambdaContext, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const setJob = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const nothing = { checked: 0, changed: 0, sent: 0, failedChecks: 0, failedDeliveries: 0, left: 0 };
const idsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => `job_${String(index + 1).padStart(2, '0')}`);

/** Another worker on the same table, which may do so much at once. */
const worker = (sweepConcurrency: number) =>
  deploy(world, { clock: notifier.clock, config: { ...world.config(), settings: { sweepConcurrency } } });

describe('the result', () => {
  test('has exactly the documented members, all zero when there is nothing to do, and asks nobody', async () => {
    expect(await notifier.sweep()).toEqual(nothing);
    expect(world.calls()).toBe(0);
  });

  test('tells what was checked, changed and sent, and what failed', async () => {
    for (const id of ['job_same', 'job_done', 'job_sick', 'job_gone']) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    setJob('job_done', 'Completed');
    world.api.fault({ call: 'job', jobId: 'job_sick', status: 500 });
    world.api.setJob('job_gone', undefined);
    world.slack.answerWith({ status: 500 });
    expect(await sweepAfter(notifier, minute)).toEqual({
      checked: 4,
      changed: 1,
      sent: 1,
      failedChecks: 2,
      failedDeliveries: 1,
      left: 0,
    });
  });

  test.each([[{}], [null], [undefined], ['x'], [{ jobId: 'job_1', detail: { jobId: 'job_1' } }]])(
    'does not depend on the event %j',
    async (event) => {
      setJob('job_2', 'Running');
      await notifier.post('job_2');
      setJob('job_2', 'Completed');
      const result = await createHandler(notifier.deps)(event, lambdaContext());
      expect(result).toMatchObject({ checked: 1, changed: 1, sent: 2 });
    },
  );

  test('is logged, and counted as metrics', async () => {
    setJob('job_1', 'Running');
    await notifier.post('job_1');
    await notifier.sweep();
    expect(notifier.lines.some((line) => line.includes('"message":"swept"') && line.includes('"checked":1'))).toBe(
      true,
    );
    expect(counted(notifier, 'checked')).toBe(1);
  });
});

describe('what a sweep costs', () => {
  test('unchanged running jobs cost no write and no read of their items', async () => {
    for (const id of idsOf(12)) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    const counts = countStore(notifier);
    for (let round = 1; round <= 3; round++) {
      // Counters that move are no change.
      for (const id of idsOf(12)) world.setJob(id, { status: 'Running', at: notifier.clock.now(), processed: round });
      expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 12, changed: 0, left: 0 });
    }
    expect(counts).toEqual({ readMarks: 3, due: 3 });
  });

  test('finished and announced jobs are not looked at any more', async () => {
    setJob('job_1', 'Completed');
    await notifier.post('job_1');
    const calls = world.calls();
    expect(await sweepAfter(notifier, minute)).toEqual(nothing);
    expect(world.calls()).toBe(calls);
  });

  test('one token serves a whole sweep, however many jobs ask for it at once', async () => {
    for (const id of idsOf(20)) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    const fresh = worker(20);
    const before = world.api.tokenRequests.length;
    await sweepAfter(fresh, minute);
    expect(world.api.tokenRequests.length - before).toBe(1);
  });
});

describe('how much at once', () => {
  const watch = async (count: number) => {
    for (const id of idsOf(count)) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
  };
  /** Holds every request until `limit` of them are under way, and tells the most that ever were. */
  const measure = (of: Notifier, limit: number) => {
    const full = latch();
    const seen = { most: 0 };
    let underWay = 0;
    const { api } = of.deps;
    of.deps.api = (name) => ({
      ...api(name),
      async getJob(id, deadline) {
        underWay += 1;
        seen.most = Math.max(seen.most, underWay);
        if (underWay === limit) full.open();
        await full.opened;
        const job = await api(name).getJob(id, deadline);
        underWay -= 1;
        return job;
      },
    });
    return seen;
  };

  test.each([1, 3, 7])('is `sweepConcurrency`: %i', async (limit) => {
    await watch(15);
    const sweeper = worker(limit);
    const seen = measure(sweeper, limit);
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ checked: 15, left: 0 });
    expect(seen.most).toBe(limit);
  });

  test('is 20 unless told otherwise', async () => {
    await watch(30);
    const seen = measure(notifier, 20);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 30 });
    expect(seen.most).toBe(20);
  });

  test('a slow job does not hold up the others: who is done takes the next one', async () => {
    await watch(12);
    const sweeper = worker(2);
    const others = latch();
    let read = 0;
    const { api } = sweeper.deps;
    sweeper.deps.api = (name) => ({
      ...api(name),
      async getJob(id, deadline) {
        if (id === 'job_01') await others.opened;
        else if (++read === 11) others.open();
        return await api(name).getJob(id, deadline);
      },
    });
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ checked: 12, left: 0 });
  });
});

describe('when the time is short', () => {
  /** Each look at a job takes so long, by the clock that all share. */
  const slowJobs = (ids: string[], ms: number, status?: string) => answerSlowly(world, notifier, ids, ms, status);
  const asked = (from = 0) => world.api.requests.slice(from).map(({ path }) => path.split('/').at(-1) ?? '');
  const sweepFor = (of: Notifier, ms = 55_000) => createHandler(of.deps)({}, contextOn(of.clock, ms));
  const watchAll = async (ids: string[], apartMs: number) => {
    for (const id of ids) {
      setJob(id, 'Running');
      await notifier.post(id);
      notifier.clock.advance(apartMs);
    }
  };

  test('takes nothing on with no time to finish it, calls nobody, and says how much is left', async () => {
    await watchAll(idsOf(5), 0);
    const calls = world.calls();
    expect(await sweepFor(notifier, 5_000)).toEqual({ ...nothing, left: 5 });
    expect(world.calls()).toBe(calls);
    expect(await sweepFor(notifier)).toMatchObject({ checked: 5, left: 0 });
  });

  test.each([
    ['one after another', 7],
    ['in the same millisecond', 0],
  ])(
    '30 jobs that came %s: each sweep goes on where the last one stopped, and none starves',
    async (_name, apartMs) => {
      const ids = idsOf(30);
      await watchAll(ids, apartMs);
      slowJobs(ids, 4 * second);
      const sweeper = worker(1);
      const visits = new Map(ids.map((id) => [id, 0]));
      for (let round = 0; round < 9; round++) {
        sweeper.clock.advance(minute);
        const before = world.api.requests.length;
        const start = sweeper.clock.now();
        const { checked, left } = await sweepFor(sweeper);
        // Stops in time: nothing is begun that could not be finished.
        expect(sweeper.clock.now() - start).toBeLessThanOrEqual(50_000);
        expect(checked).toBeGreaterThan(5);
        expect(checked).toBeLessThan(30);
        expect(left).toBe(30 - checked);
        const seen = asked(before);
        expect(new Set(seen).size).toBe(checked);
        for (const id of seen) visits.set(id, (visits.get(id) ?? 0) + 1);
        const counts = [...visits.values()];
        // Nobody is visited twice before everybody was visited once.
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    },
  );

  test('the cursor is remembered by the table, so that any worker goes on there', async () => {
    const ids = idsOf(12);
    await watchAll(ids, 5);
    slowJobs(ids, 10 * second);
    notifier.clock.advance(minute);
    const first = world.api.requests.length;
    await sweepFor(worker(1));
    const seen = asked(first);
    expect(await itemOf(world, 'sweep')).toMatchObject({
      from: { production: { jobKey: `production#${seen.at(-1)}` } },
    });
    const then = world.api.requests.length;
    await sweepFor(worker(1));
    expect(asked(then)[0]).toBe(ids[ids.indexOf(seen.at(-1) ?? '') + 1]);
  });

  test('a sweep that reaches the end forgets the cursor, and the next one starts at the head', async () => {
    const ids = idsOf(6);
    await watchAll(ids, 5);
    slowJobs(ids, 10 * second);
    notifier.clock.advance(minute);
    await sweepFor(worker(1));
    slowJobs(ids, 0);
    expect(await sweepFor(worker(1))).toMatchObject({ checked: 6, left: 0 });
    expect(await itemOf(world, 'sweep')).toBeUndefined();
    const before = world.api.requests.length;
    await sweepFor(worker(1));
    expect(asked(before)).toEqual(ids);
  });

  test('jobs that left the work list meanwhile, the remembered one too, do no harm', async () => {
    const ids = idsOf(8);
    await watchAll(ids, 5);
    slowJobs(ids, 10 * second);
    notifier.clock.advance(minute);
    await sweepFor(worker(1));
    slowJobs(ids, 0);
    const cursor = (await itemOf(world, 'sweep')) as unknown as { from: { production: { jobKey: string } } };
    const id = cursor.from.production.jobKey.split('#')[1] ?? '';
    setJob(id, 'Failed');
    await notifier.post(id);
    expect(await sweepFor(worker(1))).toMatchObject({ checked: 7, left: 0 });
  });

  test('jobs that end while there is no time are told by a later sweep, each once', async () => {
    const ids = idsOf(12);
    await watchAll(ids, 0);
    slowJobs(ids, 8 * second, 'Failed');
    const sweeper = worker(2);
    for (let round = 0; round < 12; round++) await sweepAfter(sweeper, minute);
    expect(world.slack.messages).toHaveLength(12);
    expect(new Set(world.topic.messages.map(({ attributes }) => attributes['jobId']))).toEqual(new Set(ids));
    expect(world.topic.messages).toHaveLength(12);
  });

  test('`left` counts only what is due: jobs that stepped back are not', async () => {
    await watchAll(idsOf(5), 0);
    world.api.fault({ call: 'job', jobId: 'job_03', status: 500 });
    notifier.clock.advance(minute);
    await notifier.sweep();
    expect(await sweepFor(notifier, 5_000)).toMatchObject({ left: 4 });
  });
});

describe('many environments in one sweep', () => {
  const names = Array.from({ length: 20 }, (_, index) => `site-${index + 1}`);
  /** Site 1 is slow, and site 2 away: neither answers before all others are done. */
  const deploySites = () => {
    const production = world.config().environments['production'] as EnvironmentDocument;
    const environments = Object.fromEntries(names.map((name) => [name, production]));
    // Without Slack, whose pace takes its time.
    const { events } = world.config().channels;
    const channels = { events: events as { type: string } };
    return deploy(world, { clock: notifier.clock, config: { ...world.config(), environments, channels } });
  };

  test('a slow one and one whose API is away hold up no other: those are told before it answers', async () => {
    const sites = deploySites();
    for (const name of names) {
      for (const id of ['job_1', 'job_2', 'job_3']) {
        setJob(id, 'Running');
        await sites.post(id, name);
      }
    }
    for (const id of ['job_1', 'job_2', 'job_3']) setJob(id, 'Failed');
    const othersAreTold = latch();
    const { api } = sites.deps;
    sites.deps.api = (name) => ({
      ...api(name),
      async getJob(id, deadline) {
        if (name === 'site-1' || name === 'site-2') await othersAreTold.opened;
        if (name === 'site-2') throw new UpstreamError('unavailable', 'no answer in time');
        return await api(name).getJob(id, deadline);
      },
    });
    const told = () => world.topic.messages.length;
    sites.clock.advance(minute);
    const sweep = sites.sweep();
    await expect.poll(told, { timeout: 20_000 }).toBe(18 * 3);
    othersAreTold.open();
    expect(await sweep).toMatchObject({ checked: 60, failedChecks: 3, changed: 19 * 3, left: 0 });
    expect(told()).toBe(19 * 3);
  });

  test('each goes on where it had to stop itself', async () => {
    const sites = deploySites();
    const ids = idsOf(12);
    for (const [index, id] of ids.entries()) {
      setJob(id, 'Running');
      await sites.post(id, index < 6 ? 'site-1' : 'site-2');
      sites.clock.advance(1);
    }
    answerSlowly(world, sites, ids, 8 * second);
    const seen = new Map(ids.map((id) => [id, 0]));
    for (let round = 0; round < 6; round++) {
      sites.clock.advance(minute);
      const before = world.api.requests.length;
      const oneByOne = deploy(world, {
        clock: sites.clock,
        config: {
          ...world.config(),
          environments: sites.deps.config.environments as never,
          settings: { sweepConcurrency: 1 },
        },
      });
      expect((await createHandler(oneByOne.deps)({}, contextOn(sites.clock, 55_000))).left).toBeGreaterThan(0);
      for (const { path } of world.api.requests.slice(before)) {
        const id = path.split('/').at(-1) ?? '';
        seen.set(id, (seen.get(id) ?? 0) + 1);
      }
    }
    const counts = [...seen.values()];
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});

describe('two sweeps at once', () => {
  test('are safe: every end is told once', async () => {
    const ids = idsOf(15);
    for (const id of ids) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    for (const id of ids) setJob(id, 'Completed');
    const workers = [notifier, worker(4), worker(20)];
    notifier.clock.advance(minute);
    const results = await Promise.all(workers.map((one) => one.sweep()));
    expect(results.reduce((sum, { changed }) => sum + changed, 0)).toBe(15);
    await sweepAfter(notifier, 2 * minute);
    await sweepAfter(notifier, 2 * minute);
    expect([world.slack.requestCount(), world.topic.publishCount()]).toEqual([15, 15]);
    expect(await sweepAfter(notifier, minute)).toEqual(nothing);
  });

  test('that stop early leave a cursor from which all is reached', async () => {
    const ids = idsOf(10);
    for (const id of ids) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    answerSlowly(world, notifier, ids, 8 * second);
    notifier.clock.advance(minute);
    const before = world.api.requests.length;
    for (let round = 0; round < 4; round++) await Promise.all([worker(1), worker(1)].map((one) => one.sweep()));
    const seen = new Set(world.api.requests.slice(before).map(({ path }) => path.split('/').at(-1)));
    expect([...seen].sort()).toEqual(ids);
  });
});

describe('one bad job never stops the others', () => {
  const isBad = ({ jobId }: { jobId: string }) => jobId === 'job_bad';
  const away = () => Promise.reject(new Error('this item is cursed'));
  const cursed = (of: Notifier) =>
    wrapStore(of, (real) => ({
      get: (job) => (isBad(job) ? away() : real.get(job)),
      save: (next, known, options) => (isBad(next) ? away() : real.save(next, known, options)),
    }));

  test.each([
    ['that ended', () => setJob('job_bad', 'Failed')],
    ['that cannot be read', () => world.api.fault({ call: 'job', jobId: 'job_bad', status: 500 })],
    ['that the API denies', () => world.api.setJob('job_bad', undefined)],
  ])('one %s, and whose item cannot be written', async (_name, arrange) => {
    for (const id of ['job_bad', 'job_good']) {
      setJob(id, 'Running');
      await notifier.post(id);
    }
    arrange();
    setJob('job_good', 'Failed');
    cursed(notifier);
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 2, changed: 1, sent: 2, left: 0 });
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
    expect(notifier.lines.some((line) => line.includes('job_bad') && line.includes('cursed'))).toBe(true);
  });

  test('an environment whose items cannot be written when it comes back', async () => {
    const both = (names: string[]) => {
      const config = world.config();
      const production = config.environments['production'] as EnvironmentDocument;
      return { ...config, environments: Object.fromEntries(names.map((name) => [name, production])) };
    };
    const options = { clock: notifier.clock };
    const first = deploy(world, { ...options, config: both(['production', 'staging']) });
    setJob('job_bad', 'Running');
    setJob('job_good', 'Running');
    await first.post('job_bad', 'staging');
    await first.post('job_good', 'production');
    await sweepAfter(deploy(world, { ...options, config: both(['production']) }), minute);
    const back = deploy(world, { ...options, config: both(['production', 'staging']) });
    cursed(back);
    setJob('job_good', 'Failed');
    expect(await sweepAfter(back, minute)).toMatchObject({ changed: 1, sent: 2 });
  });
});
