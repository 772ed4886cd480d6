/** A list call that is slow, ignores its filters or fails: watched jobs are read by their ids, and discovery resumes. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemFault } from '../../local/publishing-api-server.ts';
import { isoTime, publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { hour, linesOf, logged, markOf, minute, second, sweepAfter, sweepEvery } from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = start();
});
afterEach(() => world.close());

/** A new process: it has learned nothing about the API. */
function start(of: { clock?: Notifier['clock'] } = {}): Notifier {
  const { events } = world.config().channels;
  const config = { ...world.config(), channels: { events: events as { type: string } } };
  for (const environment of Object.values(config.environments)) environment.discover = true;
  return deploy(world, { config, ...of });
}

/** Sets a job that was queued so long ago. */
function set(id: string, status: string, ago = 0): void {
  const now = notifier.clock.now();
  const [queuedTime, lastReportTime] = [isoTime(now - ago), isoTime(now)];
  const finishTime = status === 'Running' ? null : lastReportTime;
  world.api.setJob(id, publishingJob({ id, status, queuedTime, startTime: queuedTime, finishTime, lastReportTime }));
}
const idsOf = (count: number, prefix: string) => Array.from({ length: count }, (_, index) => `${prefix}_${index}`);
function setOld(count: number): void {
  for (const [index, id] of idsOf(count, 'old').entries()) {
    const time = isoTime(notifier.clock.now() - 30 * hour - index * minute);
    world.api.setJob(
      id,
      publishingJob({
        id,
        status: 'Completed',
        queuedTime: time,
        startTime: time,
        finishTime: time,
        lastReportTime: time,
      }),
    );
  }
}
const announced = () => world.topic.messages.map(({ attributes }) => attributes['jobId']).sort();
/** Each page of the list takes this long by the notifier's clock. */
function slowList(ms: number): void {
  const { jobList } = notifier.deps;
  notifier.deps.jobList = (name) => async (query, deadline, mostCalls) => {
    notifier.clock.advance(ms);
    return notifier.clock.now() >= deadline
      ? { jobs: new Map(), isComplete: false, left: [query], error: null, calls: 1, skipped: 0, tenants: new Set() }
      : await jobList(name)(query, deadline, mostCalls);
  };
}

describe('watched jobs are read in time', () => {
  test.each([
    [8, 5_000],
    [100, 3_000],
  ])(
    '%i running ones among %i old ones, with the filter by status ignored',
    async (running, old) => {
      world.api.list.ignoredFilters = ['status'];
      setOld(old);
      const ids = idsOf(running, 'job');
      for (const id of ids) set(id, 'Running', 2 * hour);
      await sweepEvery(notifier, minute, 3);
      const before = world.api.listRequests.length;
      for (const id of ids) set(id, 'Completed', 2 * hour);
      await sweepAfter(notifier, hour);
      expect(announced()).toEqual([...ids].sort());
      // The new jobs, and some pages of all unfinished ones.
      expect(world.api.listRequests.length - before).toBeLessThanOrEqual(1 + Math.ceil(running / 10));
    },
    60_000,
  );

  test('a list of unfinished jobs that does not pay is not requested again for ten minutes', async () => {
    world.api.list.ignoredFilters = ['status'];
    const ids = idsOf(8, 'job');
    for (const id of ids) set(id, 'Running', 40 * hour);
    await notifier.sweep();
    for (const id of idsOf(120, 'quick')) set(id, 'Completed', 0);
    await sweepAfter(notifier, hour);
    const unfinished = () => world.api.listRequests.filter(({ path }) => path.includes('Running')).length;
    const poll = async () => {
      const before = unfinished();
      notifier.clock.advance(10 * second);
      expect(await notifier.poll()).toMatchObject({ checked: 8, failedChecks: 0 });
      return unfinished() - before;
    };
    expect([await poll(), await poll(), await poll()]).toEqual([expect.any(Number), 0, 0]);
    notifier.clock.advance(11 * minute);
    expect(await poll()).toBe(1);
  });

  test('with a list that never responds in time, by their ids', async () => {
    const ids = idsOf(8, 'job');
    for (const id of ids) set(id, 'Running', 2 * hour);
    await notifier.sweep();
    slowList(6 * second);
    for (const id of ids) set(id, 'Completed', 2 * hour);
    expect(await sweepAfter(notifier, hour)).toMatchObject({ checked: 8, changed: 8, failedChecks: 0 });
    expect(announced()).toEqual(ids);
  });
});

describe('what ran before the first look is found', () => {
  test('when the list of unfinished jobs fails in the first sweep', async () => {
    set('job_long', 'Running', 40 * hour);
    set('job_now', 'Running');
    const { jobList } = notifier.deps;
    let fails = true;
    notifier.deps.jobList = (name) => (query, deadline, mostCalls) => {
      if (fails && query.statuses) world.api.fault({ call: 'list', ...problemFault(503) });
      return jobList(name)(query, deadline, mostCalls);
    };
    await notifier.sweep();
    expect((await notifier.get('job_long')).status).toBe(404);
    fails = false;
    notifier = start(notifier);
    await sweepAfter(notifier, minute);
    set('job_long', 'Failed', 40 * hour);
    await sweepAfter(notifier, minute);
    expect(announced()).toEqual(['job_long']);
    expect(await markOf(world, 'discovery#production')).not.toHaveProperty('left');
  });

  test('when the list is too long for one sweep', async () => {
    world.api.list.ignoredFilters = ['status'];
    setOld(9_000);
    const ago = (30 * 60 + 8_900) * minute;
    set('job_long', 'Running', ago);
    await notifier.sweep();
    expect(await markOf(world, 'discovery#production')).toHaveProperty('left');
    await sweepEvery(notifier, minute, 3);
    set('job_long', 'Failed', ago);
    await sweepAfter(notifier, minute);
    expect(announced()).toEqual(['job_long']);
    expect(await markOf(world, 'discovery#production')).not.toHaveProperty('left');
    expect(logged(notifier).filter(({ message }) => message === 'discovery incomplete')).toEqual([]);
  }, 60_000);
});

describe('known jobs that all vanish', () => {
  const vanish = async () => {
    for (const id of idsOf(6, 'job')) set(id, 'Running');
    await sweepEvery(notifier, minute, 2);
    for (const id of idsOf(6, 'job')) world.api.setJob(id, undefined);
  };

  test('do not close an environment that shows new jobs of its own tenant', async () => {
    await vanish();
    for (const id of idsOf(3, 'new')) set(id, 'Failed');
    await sweepEvery(notifier, minute, 2);
    expect(announced()).toEqual(idsOf(3, 'new'));
    expect(await markOf(world, 'cooldown#environment#production')).toBeUndefined();
    await sweepEvery(notifier, minute, 12);
    expect(announced()).toEqual([...idsOf(6, 'job'), ...idsOf(3, 'new')].sort());
  });

  test('close it until the list shows such a job', async () => {
    await vanish();
    notifier.clock.advance(21 * minute);
    await notifier.poll();
    expect(await markOf(world, 'cooldown#environment#production')).toHaveProperty('reason');
    set('new_0', 'Failed');
    await sweepEvery(notifier, 5 * minute, 4);
    expect(announced()).toContain('new_0');
  });
});

describe('listed jobs whose ids have another form', () => {
  test('are watched if the id is safe in a URL, and else logged once', async () => {
    const watchable = ['{9E1C8B1A-0000-0000-0000-000000000001}', 'job 1', 'job(2)@site'];
    const others = ['a/b', 'c\\d', '100%', '#5', ' x', 'jöb'];
    for (const id of [...watchable, ...others]) set(id, 'Running');
    await sweepEvery(notifier, minute, 3);
    const [skipped, ...more] = linesOf(notifier, 'jobs skipped');
    expect(skipped).toMatchObject({ level: 'warn', environment: 'production' });
    expect(skipped?.['jobs']).toBeGreaterThanOrEqual(others.length);
    expect(more).toEqual([]);
    for (const id of watchable) set(id, 'Completed');
    await sweepAfter(notifier, minute);
    expect(announced()).toEqual([...watchable].sort());
  });
});
