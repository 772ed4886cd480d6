/** Discovery by the list call: every job that ends after the first sweep is announced once. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler as createSweep } from '../../functions/sweep.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { queueEvent } from '../../local/embedded-queue.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import type { ListBehavior } from '../../local/publishing-api-list.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { isoTime, publishingJob } from '../../local/publishing-job.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  configWith,
  contextOn,
  counted,
  countStore,
  hour,
  latch,
  logged,
  markOf,
  minute,
  second,
  sweepAfter,
  sweepEvery,
  wrapChannel,
  wrapStore,
} from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world, { config: config() });
});
afterEach(() => world.close());

/** Without Slack, whose rate limit takes its time. */
function config({ discover = true, environments = ['production'] } = {}): ConfigDocument {
  const document = configWith(world, ...environments);
  for (const environment of Object.values(document.environments)) environment.discover = discover;
  const { events } = document.channels;
  return { ...document, channels: { events: events as { type: string } } };
}
/** Another worker. */
const start = (options: Parameters<typeof deploy>[1] = {}) =>
  deploy(world, { config: config(), clock: notifier.clock, ...options });

/** A job that was queued at a time, and ended at another, by Sitecore's clock. */
function set(id: string, status: string, times: { queued?: number; ended?: number } = {}): void {
  const { queued = notifier.clock.now(), ended = notifier.clock.now() } = times;
  const isOver = ['Completed', 'Failed', 'Canceled'].includes(status);
  const [queuedTime, lastReportTime] = [isoTime(queued), isoTime(ended)];
  const finishTime = isOver ? lastReportTime : null;
  world.api.setJob(id, publishingJob({ id, status, queuedTime, startTime: queuedTime, finishTime, lastReportTime }));
}
const ended = (id: string, queued = notifier.clock.now()) => set(id, 'Completed', { queued });
const idsOf = (count: number, prefix = 'job') => Array.from({ length: count }, (_, index) => `${prefix}_${index}`);
const announced = () => world.topic.messages.map(({ attributes }) => attributes['jobId']).sort();
/** So many sweeps, each a minute after the one before. */
async function sweep(times = 1, of = notifier) {
  await sweepEvery(of, minute, times - 1);
  return await sweepAfter(of, minute);
}

describe('the first sweep', () => {
  test('announces no job that has ended, and watches the others, whenever they were queued', async () => {
    const [justNow, longAgo] = [notifier.clock.now() - minute, notifier.clock.now() - 50 * hour];
    set('job_old', 'Completed', { queued: justNow - hour, ended: justNow });
    set('job_runs', 'Running', { queued: justNow });
    set('job_long', 'Running', { queued: longAgo });
    await notifier.sweep();
    expect(announced()).toEqual([]);
    expect((await notifier.get('job_runs')).body).toMatchObject({ status: 'Running', watching: true });
    ended('job_runs', justNow);
    ended('job_long', longAgo);
    await sweep(2);
    expect(announced()).toEqual(['job_long', 'job_runs']);
  });

  test('begins discovery in each environment, even if there are no jobs', async () => {
    notifier = start({ config: config({ environments: ['production', 'staging'] }) });
    await notifier.sweep();
    for (const name of ['production', 'staging'])
      expect(await markOf(world, `discovery#${name}`)).toHaveProperty('begunAt');
  });
});

test('a job that never says when it ended is announced once, although the list shows it when its record has expired', async () => {
  world.api.list.ignoredFilters = ['queuedTime'];
  await notifier.sweep();
  const queuedTime = isoTime(notifier.clock.now());
  const times = { queuedTime, startTime: queuedTime, finishTime: null, lastReportTime: queuedTime };
  world.api.setJob('job_1', publishingJob({ id: 'job_1', status: 'Failed', ...times }));
  await sweep(2);
  expect(announced()).toEqual(['job_1']);
  await sweepEvery(notifier, 24 * hour, 31);
  expect(await world.store.removeExpired(notifier.clock.now())).toBe(1);
  // A warm process may still know that the job has ended.
  notifier.clock.advance(hour);
  await sweep(3);
  expect(announced()).toEqual(['job_1']);
  expect((await notifier.get('job_1')).body).toMatchObject({ decision: { reason: 'finishedLongAgo' } });
});

describe('two first sweeps at the same time', () => {
  /** The list that the first one has asked for when the second one begins. */
  const beginDuringList = async (then: () => void, result: 'list' | 'error') => {
    const [asked, released] = [latch(), latch()];
    const slow = start();
    const { jobList } = slow.deps;
    slow.deps.jobList = (name) => async (query, deadline) => {
      asked.open();
      await released.opened;
      if (result === 'error') world.api.list.absent = true;
      return await jobList(name)(query, deadline).finally(() => Object.assign(world.api.list, { absent: false }));
    };
    const sweeping = slow.sweep();
    await asked.opened;
    await notifier.sweep();
    then();
    released.open();
    await sweeping;
  };

  test('a job that ends after one of them began discovery is announced by the other', async () => {
    await beginDuringList(() => ended('job_1'), 'list');
    expect(announced()).toEqual(['job_1']);
  });

  test('one that cannot list the jobs does not undo the beginning of the other', async () => {
    await beginDuringList(() => undefined, 'error');
    ended('job_1');
    await sweep();
    expect(announced()).toEqual(['job_1']);
  });
});

describe('a job that starts and ends between two sweeps', () => {
  beforeEach(async () => {
    await notifier.sweep();
    ended('job_1');
  });

  test('is announced once', async () => {
    await sweep(4);
    expect(announced()).toEqual(['job_1']);
  });

  test('is discovered at once when Sitecore calls', async () => {
    await notifier.wakeUp(queueEvent('{"environment":"production"}'));
    expect(announced()).toEqual(['job_1']);
  });

  test('is discovered by the next poll', async () => {
    await notifier.poll();
    expect(announced()).toEqual(['job_1']);
  });
});

test('a job that is discovered and given by its id at the same moment, by many, is announced once', async () => {
  await notifier.sweep();
  const workers = [start(), start(), start()];
  for (const status of ['Running', 'Completed']) {
    set('job_1', status);
    notifier.clock.advance(minute);
    const posts = Array.from({ length: 10 }, () => start().post('job_1'));
    await Promise.all([...posts, ...workers.map((one) => one.sweep())]);
  }
  await sweepAfter(notifier, 5 * minute);
  expect(announced()).toEqual(['job_1']);
});

describe('every job that ends after the first sweep is announced once, and no other, if the list call', () => {
  test.each<[string, Partial<ListBehavior>]>([
    ['is as documented', {}],
    ['pages by checkpoints', { paging: 'checkpoint' }],
    ['has small pages', { maxPageSize: 7 }],
    ['refuses page sizes', { refusedPageSizes: [100, 50] }],
    ['ignores the filter by time', { ignoredFilters: ['queuedTime'] }],
    ['refuses the filter by time', { refusedFilters: ['queuedTime'] }],
    ['ignores the filter by status', { ignoredFilters: ['status'] }],
    ['refuses all filters', { refusedFilters: ['queuedTime', 'status'] }],
    ['sorts the oldest first', { order: 'oldestFirst' }],
    ['does not sort', { order: 'none' }],
    ['does not sort, and ignores all filters', { order: 'none', ignoredFilters: ['queuedTime', 'status'] }],
    ['has no count', { totalCount: null }],
    ['has no statistics', { omit: ['statistics'] }],
    ['has no names', { omit: ['name'] }],
    ['has no time of the end', { omit: ['system.finishTime'] }],
    ['has no time of queueing', { omit: ['system.queuedTime'] }],
    ['has no status', { omit: ['system.status'] }],
    ['has nothing but ids', { omit: ['system', 'statistics', 'name', 'source'] }],
    ['is capped', { cap: 20, maxPageSize: 10 }],
    ['is absent', { absent: true }],
    ['is forbidden', { forbidden: true }],
  ])('%s', async (_, behavior) => {
    Object.assign(world.api.list, behavior);
    const begin = notifier.clock.now();
    for (const [index, id] of idsOf(30, 'job_old').entries()) {
      set(id, 'Completed', { queued: begin - (index + 5) * minute, ended: begin - index * minute - second });
    }
    set('job_runs', 'Running', { queued: begin - 2 * minute });
    await notifier.sweep();

    // Without a list, jobs must be given by their ids.
    const hasList = !behavior.absent && !behavior.forbidden;
    notifier.clock.advance(minute);
    set('job_new', 'Queued');
    set('job_given', 'Running');
    for (const id of ['job_given', ...(hasList ? [] : ['job_runs', 'job_new'])]) await notifier.post(id);
    await notifier.sweep();
    ended('job_runs', begin - 2 * minute);
    for (const id of ['job_new', 'job_given']) ended(id, begin + minute);
    ended('job_quick');
    if (!hasList) await notifier.post('job_quick');
    const workers = [start(), start()];
    for (let sweeps = 0; sweeps < 4; sweeps++) {
      notifier.clock.advance(minute);
      await Promise.all([...workers.map((one) => one.sweep()), start().post('job_given')]);
    }
    expect(announced()).toEqual(['job_given', 'job_new', 'job_quick', 'job_runs']);
  });

  test('shows a job late', async () => {
    await notifier.sweep();
    world.api.list.hidden.add('job_late');
    ended('job_late');
    ended('job_prompt', notifier.clock.now() + minute);
    await sweep(10);
    world.api.list.hidden.clear();
    await sweep(2);
    expect(announced()).toEqual(['job_late', 'job_prompt']);
  });

  test.each([-5, 5])('has a clock that is %i minutes off', async (off) => {
    // The jobs have the times of Sitecore's clock.
    const sitecore = notifier.clock.now();
    const worker = start({ clock: createFakeClock(isoTime(sitecore + off * minute)) });
    set('job_old', 'Completed', { queued: sitecore - 2 * minute, ended: sitecore - minute });
    await worker.sweep();
    set('job_1', 'Completed', { queued: sitecore + second, ended: sitecore + 30 * second });
    await sweep(1, worker);
    set('job_2', 'Completed', { queued: sitecore + 61 * second, ended: sitecore + 90 * second });
    await sweep(1, worker);
    expect(announced()).toEqual(['job_1', 'job_2']);
  });

  test('shows a time of queueing in the future', async () => {
    await notifier.sweep();
    set('job_future', 'Running', { queued: notifier.clock.now() + 300 * hour });
    await sweep();
    ended('job_1');
    await sweep();
    expect(announced()).toEqual(['job_1']);
  });
});

describe('a job that was given up, and that the list shows again', () => {
  const lose = () => world.api.setJob('job_1', undefined);
  const outcomes = () =>
    world.topic.messages.map(({ attributes }) => `${attributes['jobId']} ${attributes['outcome']}`);
  const body = async () => (await notifier.get('job_1')).body;
  beforeEach(() => notifier.sweep());

  /** A job that was seen running, and then was not found for ten minutes. */
  async function loseTrack() {
    set('job_1', 'Running');
    await sweep();
    lose();
    await sweep(12);
    expect(await body()).toMatchObject({ outcome: 'lostTrack', check: { nextAt: null } });
  }

  test('running, after the notifier lost track, is watched again, and its end is announced', async () => {
    await loseTrack();
    set('job_1', 'Running');
    await sweep();
    expect(await body()).toMatchObject({ watching: true, decision: { reason: 'foundAgain' } });
    set('job_1', 'Failed');
    await sweep(3);
    expect(outcomes()).toEqual(['job_1 lostTrack', 'job_1 failed']);
  });

  test('running, after it was never found, is watched again, and its end is announced', async () => {
    expect((await notifier.post('job_1')).status).toBe(202);
    await sweep(12);
    expect(await body()).toMatchObject({ watching: false, decision: { reason: 'notFound' } });
    set('job_1', 'Running');
    await sweep();
    expect(await body()).toMatchObject({ watching: true, status: 'Running' });
    set('job_1', 'Failed');
    await sweep(3);
    expect(outcomes()).toEqual(['job_1 failed']);
  });

  test('ended, is announced, once', async () => {
    await loseTrack();
    set('job_1', 'Failed');
    await sweep(3);
    expect(outcomes()).toEqual(['job_1 lostTrack', 'job_1 failed']);
    expect(await body()).toMatchObject({ watching: false, status: 'Failed' });
  });

  test('while the message about it is still pending, is watched again', async () => {
    world.topic.answerWith({ ...snsFault(500, 'InternalError'), times: 1_000 });
    await loseTrack();
    set('job_1', 'Running');
    await sweep();
    set('job_1', 'Failed');
    await sweep();
    world.topic.clearAnswers();
    await sweepAfter(notifier, 15 * minute);
    expect(outcomes()).toEqual(['job_1 lostTrack', 'job_1 failed']);
  });

  test('is not watched while only its id is listed and reading it fails', async () => {
    await loseTrack();
    set('job_1', 'Failed');
    Object.assign(world.api.list, { omit: ['statistics'] });
    world.api.fault({ call: 'job', status: 404, times: 2 });
    await sweep(2);
    expect(outcomes()).toEqual(['job_1 lostTrack']);
    await sweep();
    expect(outcomes()).toEqual(['job_1 lostTrack', 'job_1 failed']);
  });
});

describe('after a pause, jobs that ended meanwhile are announced, and no older ones', () => {
  beforeEach(async () => {
    ended('job_old');
    await notifier.sweep();
    ended('job_known');
    await sweep();
    expect(announced()).toEqual(['job_known']);
  });

  test('when discovery was off', async () => {
    notifier.clock.advance(hour);
    ended('job_meanwhile');
    await start({ config: config({ discover: false }) }).sweep();
    expect(announced()).toEqual(['job_known']);
    await sweepAfter(start(), hour);
    expect(announced()).toEqual(['job_known', 'job_meanwhile']);
  });

  test('when there was no sweep for a day; jobs that ended more than 24 hours ago are not announced', async () => {
    notifier.clock.advance(2 * hour);
    ended('job_too_long_ago');
    notifier.clock.advance(23 * hour);
    const queued = notifier.clock.now() - 20 * hour;
    const ids = idsOf(150, 'job_day');
    for (const [index, id] of ids.entries()) set(id, 'Completed', { queued: queued + index, ended: queued + hour });
    // On a busy machine, requests to a server would time out, and be repeated.
    const sent: string[] = [];
    wrapChannel(notifier, 'events', () => async ({ document }) => {
      sent.push(document.jobId);
      return { receipt: 'accepted', dedupWindowMs: 0 };
    });
    await sweepAfter(notifier, 2 * hour);
    await sweep();
    expect(sent.sort()).toEqual([...ids].sort());
  });
});

describe('what discovery costs', () => {
  const requests = () => world.api.listRequests.length + world.api.requests.length;

  test('with no new job, a sweep is one call and no write', async () => {
    ended('job_old');
    await notifier.sweep();
    await sweep();
    const counts = countStore(notifier);
    const before = requests();
    await sweep();
    expect([requests() - before, counts['writeMark'], counts['save']]).toEqual([1, undefined, undefined]);
  });

  test.each([
    ['just now', 0],
    ['long ago', 5 * hour],
  ])(
    '1,000 running jobs, queued %s, are at most 20 calls and no write',
    async (_, ago) => {
      const queued = notifier.clock.now() - ago;
      for (const [index, id] of idsOf(1_000).entries()) set(id, 'Running', { queued: queued - index * 500 });
      await notifier.sweep();
      notifier.clock.advance(ago === 0 ? minute : hour);
      const before = requests();
      const counts = countStore(notifier);
      expect(await notifier.sweep()).toMatchObject({ checked: 1_000, changed: 0, left: 0 });
      expect(requests() - before).toBeLessThanOrEqual(20);
      expect(counts['save']).toBeUndefined();
    },
    60_000,
  );

  test('a sweep lists pages, and reads by id what they do not show or show without details', async () => {
    const queued = notifier.clock.now();
    const ids = idsOf(250);
    for (const id of ids) set(id, 'Running', { queued });
    await notifier.sweep();
    for (const id of ids.slice(0, 4)) world.api.list.hidden.add(id);
    for (const id of ids.slice(4, 9)) ended(id, queued);
    world.api.list.omit = ['name'];
    const [lists, byId] = [world.api.listRequests.length, world.api.requests.length];
    expect(await sweep()).toMatchObject({ checked: 250, changed: 5 });
    // Three pages of new jobs; three hidden jobs by id, then one page of all unfinished jobs, and the last one by id: more
    // pages for one job would cost more than they save.
    expect(world.api.listRequests.length - lists).toBe(4);
    expect(world.api.requests.length - byId).toBe(4 + 5);
  }, 30_000);

  test('a slow list leaves time for the watched jobs', async () => {
    const queued = (index: number) => notifier.clock.now() - index * second;
    for (const [index, id] of idsOf(600).entries()) set(id, 'Running', { queued: queued(index) });
    await notifier.sweep();
    ended('job_599', queued(599));
    notifier.clock.advance(minute);
    const { listJobs } = notifier.deps.api('production');
    const slowPage: typeof listJobs = (query, deadline) => {
      notifier.clock.advance(7 * second);
      return listJobs(query, deadline);
    };
    const slow = createJobList({ clock: notifier.clock, api: { listJobs: slowPage } });
    notifier.deps.jobList = () => slow;
    const result = await createSweep(notifier.deps)({}, contextOn(notifier.clock, 55_000));
    expect(result).toMatchObject({ checked: 600, changed: 1 });
  });
});

describe('a list call that fails', () => {
  const incomplete = () => logged(notifier).filter(({ message }) => message === 'discovery incomplete');

  test.each<[string, Partial<ListBehavior>, RegExp]>([
    ['absent', { absent: true }, /404/],
    ['forbidden', { forbidden: true }, /403.*xmcpub/],
  ])(
    'because it is %s is logged once, and is trouble in every sweep after it; jobs given by their ids are checked',
    async (...row) => {
      const [, behavior, reason] = row;
      Object.assign(world.api.list, behavior);
      set('job_1', 'Running');
      await notifier.post('job_1');
      await sweep(3);
      expect(incomplete()).toMatchObject([
        { level: 'error', environment: 'production', reason: expect.stringMatching(reason) },
      ]);
      expect(counted(notifier, 'trouble')).toBe(2);
      ended('job_1');
      await sweep();
      expect(announced()).toEqual(['job_1']);
    },
  );

  test('and works again discovers the jobs that ended meanwhile', async () => {
    await notifier.sweep();
    world.api.list.absent = true;
    ended('job_1');
    await sweep();
    world.api.list.absent = false;
    await sweep();
    expect(announced()).toEqual(['job_1']);
    expect(await markOf(world, 'discovery#production')).not.toHaveProperty('trouble');
    expect(logged(notifier).some(({ message }) => message === 'discovery recovered')).toBe(true);
  });

  test('because the credential is refused pauses the environment, as for a job', async () => {
    world.api.fault({ call: 'token', ...problemFault(401), times: 9 });
    await notifier.sweep();
    expect(await markOf(world, 'cooldown#environment#production')).toBeDefined();
    await sweepAfter(notifier, second);
    expect(world.api.tokenRequests).toHaveLength(1);
  });

  test('because it has no end is logged once, and the jobs that it shows are announced', async () => {
    const unsorted = { order: 'none', ignoredFilters: ['queuedTime', 'status'] } as const;
    Object.assign(world.api.list, { ...unsorted, cap: 100, beyondCap: 'refused' });
    const begin = notifier.clock.now();
    for (const [index, id] of idsOf(130, 'job_old').entries()) {
      set(id, 'Completed', { queued: begin - hour - index, ended: begin - 15 * minute });
    }
    await notifier.sweep();
    for (const id of idsOf(20)) ended(id, notifier.clock.now() + 1);
    await sweep(3);
    // Which of them the list shows depends on its order. Old jobs are not announced in any order.
    expect(announced().length).toBeGreaterThan(5);
    expect(announced().filter((id) => id?.startsWith('job_old'))).toEqual([]);
    expect(incomplete()).toMatchObject([{ reason: 'the list cannot be read to its end' }]);
  }, 30_000);
});

describe('a table that fails', () => {
  const fail = () => Promise.reject(new Error('throttled'));

  test.each<[string, Parameters<typeof wrapStore>[1], string]>([
    ['when new jobs are compared with it', () => ({ known: fail }), 'discovery failed'],
    ['when new jobs are recorded', () => ({ save: fail }), 'discovery incomplete'],
    ['when the state is saved', () => ({ writeMark: fail }), 'discovery state write failed'],
  ])('%s breaks no sweep, and no job is lost', async (_, methods, message) => {
    await notifier.sweep();
    ended('job_1');
    const broken = start();
    wrapStore(broken, methods);
    expect(await sweep(1, broken)).toMatchObject({ left: 0 });
    expect(logged(broken).some((line) => line.message === message)).toBe(true);
    await sweepAfter(notifier, 30 * minute);
    expect(announced()).toEqual(['job_1']);
  });

  test('when the first list is compared with it delays no watched job', async () => {
    set('job_1', 'Running');
    await notifier.post('job_1');
    ended('job_1');
    ended('job_2');
    // The invocation reads marks first, and the first list for an ended job afterwards.
    let readings = 0;
    wrapStore(notifier, (real) => ({ readMarks: (keys) => (++readings > 1 ? fail() : real.readMarks(keys)) }));
    expect(await sweep()).toMatchObject({ checked: 1, changed: 1 });
    expect([readings, announced()]).toEqual([2, ['job_1']]);
    expect(logged(notifier).some(({ message }) => message === 'discovery incomplete')).toBe(true);
  });
});

test('jobs of another tenant, to which the credential belongs now, are not watched', async () => {
  for (const id of idsOf(6)) set(id, 'Running');
  await notifier.sweep();
  for (const id of idsOf(6)) world.api.setJob(id, undefined);
  const { system, ...job } = publishingJob({ id: 'job_foreign', status: 'Completed', at: notifier.clock.now() });
  world.api.setJob('job_foreign', { ...job, system: { ...system, tenantId: 'another-tenant' } });
  await sweep();
  expect(announced()).toEqual([]);
  expect((await markOf(world, 'cooldown#environment#production'))?.['reason']).toContain('another tenant');
});
