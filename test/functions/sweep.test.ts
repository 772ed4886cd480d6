/** The scheduled sweep: one pass over the work list, as much as the time allows; the next sweep continues. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler } from '../../functions/sweep.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  answerSlowly,
  contextOn,
  countStore,
  latch,
  logged,
  markOf,
  minute,
  second,
  sweepAfter,
  wrapStore,
} from '../support/scene.ts';
import {
  type ConfigDocument,
  type EnvironmentDocument,
  lambdaContext,
  startWorld,
  type World,
} from '../support/world.ts';

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

/** Running jobs that are watched, first seen so many milliseconds apart. */
async function watch(ids: string[], { apartMs = 0, environment }: { apartMs?: number; environment?: string } = {}) {
  for (const id of ids) {
    setJob(id, 'Running');
    await notifier.post(id, environment);
    notifier.clock.advance(apartMs);
  }
}

/** Another worker on the same table, with this concurrency. */
const worker = (sweepConcurrency: number, config: Partial<ConfigDocument> = {}) =>
  deploy(world, { clock: notifier.clock, config: { ...world.config(), ...config, settings: { sweepConcurrency } } });
/** A sweep with so much time, which passes with the clock that all share. */
const sweepFor = (of: Notifier, ms = 55_000) => createHandler(of.deps)({}, contextOn(of.clock, ms));
/** The jobs that the API was asked for, in order. */
const asked = (from = 0) => world.api.requests.slice(from).map(({ path }) => path.split('/').at(-1) ?? '');
/** Runs something before the API is asked for a job. */
function beforeRead(of: Notifier, act: (id: string, environment: string) => Promise<unknown>): void {
  const { api } = of.deps;
  of.deps.api = (name) => ({
    ...api(name),
    async getJob(id, deadline) {
      await act(id, name);
      return await api(name).getJob(id, deadline);
    },
  });
}

describe('the result', () => {
  test('has exactly the documented members, all zero if nothing is due, and calls nobody', async () => {
    expect(await notifier.sweep()).toEqual(nothing);
    expect(world.calls()).toBe(0);
  });

  test('counts what was checked, changed and sent, and what failed', async () => {
    await watch(['job_same', 'job_done', 'job_sick', 'job_gone']);
    setJob('job_done', 'Completed');
    world.api.fault({ call: 'job', jobId: 'job_sick', status: 500 });
    world.api.setJob('job_gone', undefined);
    world.slack.answerWith({ status: 500 });
    const result = { checked: 4, changed: 1, sent: 1, failedChecks: 2, failedDeliveries: 1, left: 0 };
    expect(await sweepAfter(notifier, minute)).toEqual(result);
    expect(logged(notifier).at(-1)).toMatchObject({ message: 'sweep finished', ...result });
  });

  test.each([[{}], [null], [undefined], ['x'], [{ jobId: 'job_1', detail: { jobId: 'job_1' } }]])(
    'does not depend on the event %j',
    async (event) => {
      await watch(['job_2']);
      setJob('job_2', 'Completed');
      const result = await createHandler(notifier.deps)(event, lambdaContext());
      expect(result).toMatchObject({ checked: 1, changed: 1, sent: 2 });
    },
  );
});

describe('what a sweep costs', () => {
  test('unchanged running jobs cost no write and no read of their items', async () => {
    await watch(idsOf(12));
    const counts = countStore(notifier);
    for (let round = 1; round <= 3; round++) {
      // Moving counters are not a change.
      for (const id of idsOf(12)) world.setJob(id, { status: 'Running', at: notifier.clock.now(), processed: round });
      expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 12, changed: 0, left: 0 });
    }
    expect(counts).toEqual({ readMarks: 3, due: 3 });
  });

  test('finished and announced jobs are not checked any more', async () => {
    setJob('job_1', 'Completed');
    await notifier.post('job_1');
    const calls = world.calls();
    expect(await sweepAfter(notifier, minute)).toEqual(nothing);
    expect(world.calls()).toBe(calls);
  });
});

describe('the concurrency', () => {
  test.each([
    ['is `sweepConcurrency`', 1, () => worker(1)],
    ['is `sweepConcurrency`', 7, () => worker(7)],
    ['is by default', 20, () => notifier],
  ])('%s: %i', async (_, limit, sweeperOf) => {
    await watch(idsOf(30));
    const sweeper = sweeperOf();
    const full = latch();
    let [underWay, most] = [0, 0];
    const { api } = sweeper.deps;
    sweeper.deps.api = (name) => ({
      ...api(name),
      async getJob(id, deadline) {
        most = Math.max(most, ++underWay);
        // Holds all requests until as many as allowed are under way.
        if (underWay === limit) full.open();
        await full.opened;
        const job = await api(name).getJob(id, deadline);
        underWay -= 1;
        return job;
      },
    });
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ checked: 30, left: 0 });
    expect(most).toBe(limit);
  });

  test('is not reduced to nothing by one slow job', async () => {
    await watch(idsOf(12));
    const sweeper = worker(2);
    const others = latch();
    let read = 0;
    beforeRead(sweeper, async (id) => {
      if (id === 'job_01') await others.opened;
      else if (++read === 11) others.open();
    });
    expect(await sweepAfter(sweeper, minute)).toMatchObject({ checked: 12, left: 0 });
  });
});

describe('with too little time', () => {
  const slow = (ids: string[], ms: number, status?: string) => answerSlowly(world, notifier, ids, ms, status);

  test('a sweep starts nothing that it cannot finish, calls nobody, and counts what is left', async () => {
    await watch(idsOf(5));
    const calls = world.calls();
    expect(await sweepFor(notifier, 5_000)).toEqual({ ...nothing, left: 5 });
    expect(world.calls()).toBe(calls);
    expect(await sweepFor(notifier)).toMatchObject({ checked: 5, left: 0 });
  });

  test.each([
    ['one after another', 7],
    ['in the same millisecond', 0],
  ])('each sweep continues where the last one stopped, and no job of 30 first seen %s starves', async (_, apartMs) => {
    const ids = idsOf(30);
    await watch(ids, { apartMs });
    slow(ids, 4 * second);
    const sweeper = worker(1);
    const visits = new Map(ids.map((id) => [id, 0]));
    for (let round = 0; round < 9; round++) {
      sweeper.clock.advance(minute);
      const before = world.api.requests.length;
      const start = sweeper.clock.now();
      const { checked, left } = await sweepFor(sweeper);
      expect(sweeper.clock.now() - start).toBeLessThanOrEqual(50_000);
      expect(checked).toBeGreaterThan(5);
      expect(checked).toBeLessThan(30);
      expect(left).toBe(30 - checked);
      const seen = asked(before);
      expect(new Set(seen).size).toBe(checked);
      for (const id of seen) visits.set(id, (visits.get(id) ?? 0) + 1);
      // No job is checked twice before all were checked once.
      expect(Math.max(...visits.values()) - Math.min(...visits.values())).toBeLessThanOrEqual(1);
    }
  });

  describe('the cursor', () => {
    const ids = idsOf(12);
    /** The id of the job at which a sweep stopped. */
    const stopEarly = async (): Promise<string> => {
      await watch(ids, { apartMs: 5 });
      slow(ids, 10 * second);
      notifier.clock.advance(minute);
      const before = world.api.requests.length;
      await sweepFor(worker(1));
      const stoppedAt = asked(before).at(-1) ?? '';
      const from = { production: { jobKey: `production#${stoppedAt}` } };
      expect(await markOf(world, 'sweep')).toMatchObject({ from });
      return stoppedAt;
    };

    test('is stored in the table, so that any worker continues there', async () => {
      const stoppedAt = await stopEarly();
      const before = world.api.requests.length;
      await sweepFor(worker(1));
      expect(asked(before)[0]).toBe(ids[ids.indexOf(stoppedAt) + 1]);
    });

    test('is removed by a sweep that reaches the end, and the next one starts at the head', async () => {
      await stopEarly();
      slow(ids, 0);
      expect(await sweepFor(worker(1))).toMatchObject({ checked: 12, left: 0 });
      expect(await markOf(world, 'sweep')).toBeUndefined();
      const before = world.api.requests.length;
      await sweepFor(worker(1));
      expect(asked(before)).toEqual(ids);
    });

    test('may name a job that has left the work list', async () => {
      const stoppedAt = await stopEarly();
      slow(ids, 0);
      setJob(stoppedAt, 'Failed');
      await notifier.post(stoppedAt);
      expect(await sweepFor(worker(1))).toMatchObject({ checked: 11, left: 0 });
    });
  });

  test('sweeps at the same time leave a cursor from which all jobs are reached', async () => {
    const ids = idsOf(10);
    await watch(ids);
    slow(ids, 8 * second);
    notifier.clock.advance(minute);
    const before = world.api.requests.length;
    for (let round = 0; round < 6; round++) await Promise.all([worker(1), worker(1)].map((one) => one.sweep()));
    expect([...new Set(asked(before))].sort()).toEqual(ids);
  });

  test('`left` counts due jobs only, not those that back off', async () => {
    await watch(idsOf(5));
    world.api.fault({ call: 'job', jobId: 'job_03', status: 500 });
    await sweepAfter(notifier, minute);
    expect(await sweepFor(notifier, 5_000)).toMatchObject({ left: 4 });
  });
});

describe('many environments in one sweep', () => {
  const names = Array.from({ length: 20 }, (_, index) => `site-${index + 1}`);
  const sites = (sweepConcurrency = 20) => {
    const { environments, channels } = world.config();
    const production = environments['production'] as EnvironmentDocument;
    return worker(sweepConcurrency, {
      environments: Object.fromEntries(names.map((name) => [name, production])),
      // Without Slack, whose rate limit takes its time.
      channels: { events: channels['events'] as { type: string } },
    });
  };
  beforeEach(() => {
    notifier = sites();
  });

  test('a slow one and one whose API is down delay no other', async () => {
    const ids = idsOf(3);
    for (const environment of names) await watch(ids, { environment });
    for (const id of ids) setJob(id, 'Failed');
    const othersAreDone = latch();
    beforeRead(notifier, async (_, environment) => {
      if (environment === 'site-1' || environment === 'site-2') await othersAreDone.opened;
      if (environment === 'site-2') throw new UpstreamError('unavailable', 'no response in time');
    });
    const sent = () => world.topic.messages.length;
    notifier.clock.advance(minute);
    const sweep = notifier.sweep();
    await expect.poll(sent, { timeout: 20_000 }).toBe(18 * 3);
    othersAreDone.open();
    expect(await sweep).toMatchObject({ checked: 60, failedChecks: 3, changed: 19 * 3, left: 0 });
    expect(sent()).toBe(19 * 3);
  });

  test('each has a cursor of its own', async () => {
    const ids = idsOf(12);
    const [ofSite1, ofSite2] = [ids.slice(0, 6), ids.slice(6)];
    await watch(ofSite1, { environment: 'site-1', apartMs: 1 });
    await watch(ofSite2, { environment: 'site-2', apartMs: 1 });
    answerSlowly(world, notifier, ids, 8 * second);
    const before = world.api.requests.length;
    for (let round = 0; round < 6; round++) {
      notifier.clock.advance(minute);
      expect((await sweepFor(sites(1))).left).toBeGreaterThan(0);
      const seen = asked(before);
      for (const its of [ofSite1, ofSite2]) {
        const visits = its.map((id) => seen.filter((one) => one === id).length);
        expect(Math.max(...visits) - Math.min(...visits)).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('one bad job never stops the others', () => {
  test.each([
    ['has ended', () => setJob('job_bad', 'Failed')],
    ['cannot be read', () => world.api.fault({ call: 'job', jobId: 'job_bad', status: 500 })],
    ['is not found', () => world.api.setJob('job_bad', undefined)],
  ])('if it %s and its item can be neither read nor written', async (_, arrange) => {
    await watch(['job_bad', 'job_good']);
    arrange();
    setJob('job_good', 'Failed');
    const fail = () => Promise.reject(new Error('this item is cursed'));
    wrapStore(notifier, ({ get, save }) => ({
      get: (job) => (job.jobId === 'job_bad' ? fail() : get(job)),
      save: (next, ...rest) => (next.jobId === 'job_bad' ? fail() : save(next, ...rest)),
    }));
    expect(await sweepAfter(notifier, minute)).toMatchObject({ checked: 2, changed: 1, sent: 2, left: 0 });
    expect([world.slack.messages.length, world.topic.messages.length]).toEqual([1, 1]);
    for (const message of ['job check failed', 'job backoff failed']) {
      expect(logged(notifier)).toContainEqual(expect.objectContaining({ message, jobId: 'job_bad' }));
    }
  });
});
