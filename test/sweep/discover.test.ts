/** Jobs that nobody named, found by the list call: each that ends after the start is told once. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { queueEvent } from '../../local/embedded-queue.ts';
import type { ListBehavior } from '../../local/publishing-api-list.ts';
import { isoTime, publishingJob } from '../../local/publishing-job.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { configWith, contextOn, counted, countStore, itemOf, logged, wrapStore } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = start();
});
afterEach(() => world.close());

/** Without Slack, whose pace takes its time. */
const config = (...environments: string[]): ConfigDocument => {
  const document = configWith(world, ...(environments.length > 0 ? environments : ['production']));
  for (const environment of Object.values(document.environments)) environment.discover = true;
  const { events } = document.channels;
  return { ...document, channels: { events: events as { type: string } } };
};
const start = (options: Parameters<typeof deploy>[1] = {}) =>
  deploy(world, { config: config(), ...(notifier ? { clock: notifier.clock } : {}), ...options });

/** A job that was queued at a time, and ended at another, by Sitecore's clock. */
function set(id: string, status: string, times: { queued?: number; ended?: number } = {}): void {
  const { queued = notifier.clock.now(), ended = notifier.clock.now() } = times;
  const isOver = ['Completed', 'Failed', 'Canceled'].includes(status);
  const finishTime = isOver ? isoTime(ended) : null;
  world.api.setJob(
    id,
    publishingJob({
      id,
      status,
      queuedTime: isoTime(queued),
      startTime: isoTime(queued),
      finishTime,
      lastReportTime: isoTime(ended),
    }),
  );
}
const ended = (id: string, queued = notifier.clock.now()) => set(id, 'Completed', { queued });
const told = () => world.topic.messages.map(({ attributes }) => attributes['jobId']).sort();
const sweepAfter = (ms = minute, of = notifier) => {
  of.clock.advance(ms);
  return of.sweep();
};

describe('the first sweep', () => {
  test('announces nothing that has ended, and watches what goes on', async () => {
    set('job_old', 'Completed', { queued: notifier.clock.now() - hour, ended: notifier.clock.now() - minute });
    set('job_runs', 'Running', { queued: notifier.clock.now() - minute });
    await notifier.sweep();
    expect(told()).toEqual([]);
    expect((await notifier.get('job_runs')).body).toMatchObject({ status: 'Running', watching: true });
    ended('job_runs', notifier.clock.now() - minute);
    await sweepAfter();
    await sweepAfter();
    expect(told()).toEqual(['job_runs']);
  });

  test('watches what was queued before yesterday, and still goes on', async () => {
    const queued = notifier.clock.now() - 50 * hour;
    set('job_long', 'Running', { queued });
    await notifier.sweep();
    ended('job_long', queued);
    await sweepAfter();
    expect(told()).toEqual(['job_long']);
  });

  test('with nothing there is a beginning too', async () => {
    await notifier.sweep();
    ended('job_1');
    await sweepAfter();
    expect(told()).toEqual(['job_1']);
  });
});

describe('a job that begins and ends between two sweeps', () => {
  test('is told once', async () => {
    await notifier.sweep();
    ended('job_1');
    for (let sweeps = 0; sweeps < 4; sweeps++) await sweepAfter();
    expect(told()).toEqual(['job_1']);
  });

  test('is found at once when Sitecore says that something ended', async () => {
    await notifier.sweep();
    ended('job_1');
    await notifier.wakeUp(queueEvent('{"environment":"production"}'));
    expect(told()).toEqual(['job_1']);
  });

  test('is no affair of the sweeps in between, which look at what is watched', async () => {
    await notifier.sweep();
    ended('job_1');
    await notifier.wakeUp(queueEvent('{"environment":null}'));
    expect([told(), world.api.listRequests.length]).toEqual([[], 2]);
  });
});

describe('a job that is discovered and given by its id', () => {
  test.each<[string, (id: string) => Promise<unknown>]>([
    ['before', async (id) => notifier.post(id)],
    ['at the same moment, by many', (id) => Promise.all(Array.from({ length: 10 }, () => start().post(id)))],
  ])('%s is one item and one message', async (_, give) => {
    await notifier.sweep();
    set('job_1', 'Running');
    const workers = [start(), start(), start()];
    notifier.clock.advance(minute);
    await Promise.all([give('job_1'), ...workers.map((one) => one.sweep())]);
    ended('job_1');
    notifier.clock.advance(minute);
    await Promise.all([give('job_1'), ...workers.map((one) => one.sweep())]);
    await sweepAfter(5 * minute);
    expect(told()).toEqual(['job_1']);
  });

  test('after it was found is one item and one message', async () => {
    await notifier.sweep();
    ended('job_1');
    await sweepAfter();
    expect((await notifier.post('job_1')).body).toMatchObject({ changed: false, outcome: 'completed' });
    expect(told()).toEqual(['job_1']);
  });
});

describe('every job that ends after the start is told once, and nothing else, whatever the list call is like', () => {
  const rows: [string, Partial<ListBehavior>][] = [
    ['as documented', {}],
    ['by checkpoints', { paging: 'checkpoint' }],
    ['with small pages', { maxPageSize: 7 }],
    ['with page sizes refused', { refusedPageSizes: [100, 50] }],
    ['with the filter by time ignored', { ignoredFilters: ['queuedTime'] }],
    ['with the filter by time refused', { refusedFilters: ['queuedTime'] }],
    ['with the filter by status ignored', { ignoredFilters: ['status'] }],
    ['with all filters refused', { refusedFilters: ['queuedTime', 'status'] }],
    ['oldest first', { order: 'oldestFirst' }],
    ['in no order', { order: 'none' }],
    ['in no order, with all filters ignored', { order: 'none', ignoredFilters: ['queuedTime', 'status'] }],
    ['without a count', { totalCount: null }],
    ['without statistics', { omit: ['statistics'] }],
    ['without names', { omit: ['name'] }],
    ['without the time of the end', { omit: ['system.finishTime'] }],
    ['without the time of queueing', { omit: ['system.queuedTime'] }],
    ['without a status', { omit: ['system.status'] }],
    ['without anything but ids', { omit: ['system', 'statistics', 'name', 'source'] }],
    ['capped', { cap: 20, maxPageSize: 10 }],
    ['absent', { absent: true }],
    ['forbidden', { forbidden: true }],
  ];

  test.each(rows)('%s', async (_, behavior) => {
    Object.assign(world.api.list, behavior);
    const begin = notifier.clock.now();
    for (let index = 0; index < 30; index++) {
      set(`job_old_${index}`, 'Completed', {
        queued: begin - (index + 5) * minute,
        ended: begin - index * minute - second,
      });
    }
    set('job_runs', 'Running', { queued: begin - 2 * minute });
    await notifier.sweep();

    // Without a list, only what is given by its id can be known.
    const given = ['job_given', ...(behavior.absent || behavior.forbidden ? ['job_runs', 'job_new', 'job_quick'] : [])];
    notifier.clock.advance(minute);
    set('job_new', 'Queued');
    set('job_given', 'Running');
    for (const id of given.filter((id) => id !== 'job_quick')) await notifier.post(id);
    await notifier.sweep();
    ended('job_runs', begin - 2 * minute);
    ended('job_quick');
    ended('job_new', begin + minute);
    ended('job_given', begin + minute);
    if (given.includes('job_quick')) await notifier.post('job_quick');
    const workers = [start(), start()];
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      notifier.clock.advance(minute);
      await Promise.all([...workers.map((one) => one.sweep()), start().post('job_given')]);
    }
    expect(told()).toEqual(['job_given', 'job_new', 'job_quick', 'job_runs']);
  });

  test('a job that appears in the list late is told all the same', async () => {
    await notifier.sweep();
    world.api.list.hidden.add('job_late');
    ended('job_late');
    ended('job_prompt', notifier.clock.now() + minute);
    for (let sweeps = 0; sweeps < 10; sweeps++) await sweepAfter();
    world.api.list.hidden.clear();
    await sweepAfter();
    await sweepAfter();
    expect(told()).toEqual(['job_late', 'job_prompt']);
  });
});

describe('nothing old is told, and nothing that ended meanwhile is left out', () => {
  const before = async () => {
    ended('job_old');
    await notifier.sweep();
    ended('job_known');
    await sweepAfter();
    expect(told()).toEqual(['job_known']);
  };

  test('when discovery was off for a while', async () => {
    await before();
    const off = config();
    for (const environment of Object.values(off.environments)) environment.discover = false;
    const without = start({ config: off });
    notifier.clock.advance(hour);
    ended('job_meanwhile');
    await without.sweep();
    expect(told()).toEqual(['job_known']);
    await sweepAfter(hour, start());
    expect(told()).toEqual(['job_known', 'job_meanwhile']);
  });

  test.each(['discovery#production', 'discovery-begun#production'])('when the mark %s is lost', async (key) => {
    await before();
    await notifier.deps.store.removeMark(key);
    ended('job_meanwhile');
    await sweepAfter();
    await sweepAfter();
    expect(told()).toEqual(['job_known', 'job_meanwhile']);
  });

  test.each([-5, 5])('when our clock is %i minutes off', async (off) => {
    // Sitecore's clock is that of the jobs.
    const sitecore = notifier.clock.now();
    const ours = createFakeClock(new Date(sitecore + off * minute).toISOString());
    set('job_old', 'Completed', { queued: sitecore - 2 * minute, ended: sitecore - minute });
    const worker = start({ clock: ours });
    await worker.sweep();
    set('job_1', 'Completed', { queued: sitecore + second, ended: sitecore + 30 * second });
    await sweepAfter(minute, worker);
    set('job_2', 'Completed', { queued: sitecore + 61 * second, ended: sitecore + 90 * second });
    await sweepAfter(minute, worker);
    expect(told()).toEqual(['job_1', 'job_2']);
  });

  test('after a day without sweeps; what ended more than 24 hours ago is no news', async () => {
    await before();
    notifier.clock.advance(2 * hour);
    ended('job_too_long_ago');
    notifier.clock.advance(23 * hour);
    const queued = notifier.clock.now() - 20 * hour;
    for (let index = 0; index < 150; index++) {
      set(`job_day_${index}`, 'Completed', { queued: queued + index, ended: queued + hour });
    }
    await sweepAfter(2 * hour);
    await sweepAfter();
    const days = Array.from({ length: 150 }, (_, index) => `job_day_${index}`);
    expect(told()).toEqual(['job_known', ...days].sort());
  });

  test('a time of queueing in the future hides nothing', async () => {
    await notifier.sweep();
    set('job_future', 'Running', { queued: notifier.clock.now() + 300 * hour });
    await sweepAfter();
    ended('job_1');
    await sweepAfter();
    expect(told()).toEqual(['job_1']);
  });
});

describe('fewer calls than jobs', () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => `job_${index}`);
  const requests = () => world.api.listRequests.length + world.api.requests.length;

  test.each([
    ['queued just now', 0],
    ['queued long ago', 5 * hour],
  ])(
    '1,000 running jobs, %s, are at most 20 calls, and no write',
    async (_, ago) => {
      const queued = notifier.clock.now() - ago;
      for (const [index, id] of ids.entries()) set(id, 'Running', { queued: queued - index * 500 });
      await notifier.sweep();
      notifier.clock.advance(ago === 0 ? minute : hour);
      const before = requests();
      const counts = countStore(notifier);
      expect(await notifier.sweep()).toMatchObject({ checked: 1_000, changed: 0, left: 0 });
      expect(requests() - before).toBeLessThanOrEqual(20);
      expect(counts['save'] ?? 0).toBe(0);
    },
    60_000,
  );

  test('pages + watched jobs missing from them + ended ones whose entry says too little', async () => {
    const queued = notifier.clock.now();
    for (const id of ids.slice(0, 250)) set(id, 'Running', { queued });
    await notifier.sweep();
    for (const id of ids.slice(0, 4)) world.api.list.hidden.add(id);
    for (const id of ids.slice(4, 9)) ended(id, queued);
    world.api.list.omit = ['name'];
    const [lists, byId] = [world.api.listRequests.length, world.api.requests.length];
    expect(await sweepAfter()).toMatchObject({ checked: 250, changed: 5 });
    // Three pages since the mark; three missing ones before a list of all that go on, three pages of that, one more by id.
    expect(world.api.listRequests.length - lists).toBe(6);
    expect(world.api.requests.length - byId).toBe(4 + 5);
  }, 30_000);
});

describe('a list call that does not work', () => {
  const said = () => logged(notifier).filter(({ message }) => message.includes('cannot all be found'));

  test.each<[string, Partial<ListBehavior>, RegExp]>([
    ['absent', { absent: true }, /404/],
    ['forbidden', { forbidden: true }, /403.*xmcpub/],
  ])('because it is %s is said once and counted, and jobs given by their ids go on', async (_, behavior, reason) => {
    Object.assign(world.api.list, behavior);
    set('job_1', 'Running');
    await notifier.post('job_1');
    for (let sweeps = 0; sweeps < 3; sweeps++) await sweepAfter();
    expect(said()).toMatchObject([
      { level: 'error', environment: 'production', reason: expect.stringMatching(reason) },
    ]);
    expect(counted(notifier, 'discoveryFailed')).toBe(3);
    ended('job_1');
    await sweepAfter();
    expect(told()).toEqual(['job_1']);
  });

  test('that works again finds what ended meanwhile', async () => {
    await notifier.sweep();
    world.api.list.absent = true;
    ended('job_1');
    await sweepAfter();
    world.api.list.absent = false;
    await sweepAfter();
    expect(told()).toEqual(['job_1']);
    expect(await itemOf(world, 'discovery#production')).not.toHaveProperty('trouble');
  });

  test('because the credential is refused lets the environment rest, as for a job', async () => {
    world.api.fault({ call: 'token', status: 401, times: 9 });
    await notifier.sweep();
    expect(await itemOf(world, 'cooldown#environment#production')).toBeDefined();
    await sweepAfter(second);
    expect(world.api.tokenRequests).toHaveLength(1);
  });
});

test('a list that is slow leaves time for the jobs that are watched', async () => {
  const ids = Array.from({ length: 600 }, (_, index) => `job_${index}`);
  const queued = (index: number) => notifier.clock.now() - index * second;
  for (const [index, id] of ids.entries()) set(id, 'Running', { queued: queued(index) });
  await notifier.sweep();
  const { jobList } = notifier.deps;
  const { listJobs } = notifier.deps.api('production');
  const slow = createJobList({
    clock: notifier.clock,
    api: {
      listJobs(query, deadline) {
        notifier.clock.advance(7 * second);
        return listJobs(query, deadline);
      },
    },
  });
  notifier.deps.jobList = () => slow;
  ended('job_599', queued(599));
  notifier.clock.advance(minute);
  expect(await createSweep(notifier.deps)({}, contextOn(notifier.clock, 55_000))).toMatchObject({
    checked: 600,
    changed: 1,
  });
  notifier.deps.jobList = jobList;
});

test('a list that can never be read to its end is said once, and what it shows is told all the same', async () => {
  Object.assign(world.api.list, {
    order: 'none',
    ignoredFilters: ['queuedTime', 'status'],
    cap: 100,
    beyondCap: 'refused',
  });
  const begin = notifier.clock.now();
  for (let index = 0; index < 130; index++) {
    set(`job_old_${index}`, 'Completed', { queued: begin - hour - index, ended: begin - 15 * minute });
  }
  await notifier.sweep();
  for (let index = 0; index < 20; index++) ended(`job_${index}`, notifier.clock.now() + 1);
  for (let sweeps = 0; sweeps < 3; sweeps++) await sweepAfter();
  const shown = told();
  // It depends on the order which of them the list shows; those that it shows are news, and the old ones are not.
  expect(shown.length).toBeGreaterThan(5);
  expect(shown.filter((id) => id?.startsWith('job_old'))).toEqual([]);
  const said = logged(notifier).filter(({ message }) => message.includes('cannot all be found'));
  expect(said).toMatchObject([{ reason: 'the list cannot be read to its end' }]);
}, 30_000);

test('marks that cannot be read anew at the first list keep no watched job waiting', async () => {
  set('job_1', 'Running');
  await notifier.post('job_1');
  ended('job_1');
  // The first reading is that of the invocation, the second one that of the first list.
  let readings = 0;
  wrapStore(notifier, (real) => ({
    readMarks: (keys) => (++readings > 1 ? Promise.reject(new Error('throttled')) : real.readMarks(keys)),
  }));
  expect(await sweepAfter()).toMatchObject({ checked: 1, changed: 1 });
  expect([readings, told()]).toEqual([2, ['job_1']]);
});

test('a table that is away when jobs are found breaks no sweep', async () => {
  await notifier.sweep();
  ended('job_1');
  const broken = start();
  wrapStore(broken, () => ({ known: () => Promise.reject(new Error('throttled')) }));
  await expect(sweepAfter(minute, broken)).resolves.toMatchObject({ left: 0 });
  await sweepAfter();
  expect(told()).toEqual(['job_1']);
});

test('jobs of a credential that belongs to another tenant now are not taken for ours', async () => {
  for (let index = 0; index < 6; index++) set(`job_${index}`, 'Running');
  await notifier.sweep();
  for (let index = 0; index < 6; index++) world.api.setJob(`job_${index}`, undefined);
  ended('job_foreign');
  await sweepAfter();
  expect(told()).toEqual([]);
  expect((await itemOf(world, 'cooldown#environment#production'))?.['reason']).toContain('another tenant');
});

test('a job of the list that cannot be recorded now is found again by the next sweep', async () => {
  await notifier.sweep();
  ended('job_1');
  const broken = start();
  wrapStore(broken, () => ({ save: () => Promise.reject(new Error('throttled')) }));
  await sweepAfter(minute, broken);
  expect(told()).toEqual([]);
  await sweepAfter(30 * minute);
  expect(told()).toEqual(['job_1']);
});

test('environments have marks of their own', async () => {
  notifier = start({ config: config('production', 'staging') });
  await notifier.sweep();
  expect(await itemOf(world, 'discovery#production')).toBeDefined();
  expect(await itemOf(world, 'discovery#staging')).toBeDefined();
});

test('with nothing new, a sweep is one call, and no write', async () => {
  ended('job_old');
  await notifier.sweep();
  await sweepAfter();
  const counts = countStore(notifier);
  const before = world.api.listRequests.length;
  await sweepAfter();
  expect(world.api.listRequests.length - before).toBe(1);
  expect([counts['writeMark'] ?? 0, counts['save'] ?? 0]).toEqual([0, 0]);
});
