/** Jobs that the API no longer knows, or that have been unreadable for a week. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { problemFault } from '../../local/publishing-api-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  configWith,
  day,
  hour,
  itemOf,
  logged,
  markOf,
  minute,
  second,
  statesIn,
  sweepAfter,
  sweepEvery,
} from '../support/scene.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const always = 10_000;
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const forget = (id: string) => world.api.setJob(id, undefined);
const told = () => [world.slack.messages.length, world.topic.messages.length];
const documents = () => world.topic.messages.map(({ document }) => JSON.parse(document));
const texts = () => [world.slack.messages.at(-1)?.payload.text ?? '', world.topic.messages.at(-1)?.email ?? ''];

async function watch(...ids: string[]): Promise<void> {
  for (const id of ids) {
    set(id, 'Running');
    await notifier.post(id, 'production');
  }
}

describe.each([400, 404])('%i for a job never seen', (status) => {
  const deny = () => world.api.fault({ call: 'job', jobId: 'job_1', times: always, ...problemFault(status) });

  test('stays watched for 10 minutes, then leaves the work list with reason `notFound`', async () => {
    deny();
    expect((await notifier.post('job_1')).status).toBe(202);
    await sweepEvery(notifier, minute, 9);
    expect((await notifier.get('job_1')).body).toMatchObject({ status: null, watching: true, decision: null });
    await sweepEvery(notifier, minute, 2);
    const { body } = await notifier.get('job_1');
    expect(body).toMatchObject({ status: null, watching: false, outcome: null, deliveries: [] });
    expect(body.decision).toMatchObject({ reason: 'notFound', outcome: null, channels: [] });
    expect(body.check.error).toContain(String(status));
    expect(told()).toEqual([0, 0]);
    const item = await itemOf(world, 'production#job_1');
    expect(item).not.toHaveProperty('watch');
    expect(item?.expiresAt).toBeGreaterThan(0);
    const asked = world.api.requests.length;
    await sweepEvery(notifier, minute, 3);
    expect(world.api.requests.length).toBe(asked);
  });

  test('appears within the 10 minutes: handled like any other job', async () => {
    deny();
    await notifier.post('job_1');
    await sweepEvery(notifier, minute, 8);
    world.api.clearFaults();
    set('job_1', 'Running');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, failedChecks: 0 });
    expect((await notifier.get('job_1')).body).toMatchObject({ status: 'Running', check: { error: null } });
    await sweepEvery(notifier, minute, 5);
    set('job_1', 'Failed');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
  });

  test('a later trigger watches it again, for another 10 minutes', async () => {
    deny();
    await notifier.post('job_1');
    await sweepEvery(notifier, minute, 11);
    expect((await notifier.get('job_1')).body.watching).toBe(false);
    notifier.clock.advance(3 * day);
    expect(await notifier.post('job_1')).toMatchObject({ status: 202, body: { watching: true } });
    expect(await itemOf(world, 'production#job_1')).not.toHaveProperty('expiresAt');
    await sweepEvery(notifier, minute, 9);
    expect((await notifier.get('job_1')).body.watching).toBe(true);
    world.api.clearFaults();
    set('job_1', 'Failed');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
  });
});

describe.each([400, 404])('%i for a job seen before', (status) => {
  const deny = (times = always) => world.api.fault({ call: 'job', jobId: 'job_1', times, ...problemFault(status) });

  test('the same wait, then `lostTrack` once, which says what was last read and since when', async () => {
    await watch('job_1');
    notifier.clock.advance(hour);
    await notifier.sweep();
    deny();
    await sweepEvery(notifier, minute, 10);
    expect(told()).toEqual([0, 0]);
    expect((await notifier.get('job_1')).body).toMatchObject({ status: 'Running', watching: true, outcome: null });
    await sweepEvery(notifier, minute, 1);
    expect(told()).toEqual([1, 1]);
    expect(documents()[0]).toMatchObject({ outcome: 'lostTrack', status: 'Running', reason: 'lostTrackNotFound' });
    for (const text of texts()) {
      expect(text).toMatch(/^(\? )?Lost track in production: /);
      expect(text).toContain('not found since 2026-01-01 11:11 UTC');
      expect(text).toContain('last known status is Running');
    }
    await sweepEvery(notifier, minute, 15);
    expect(told()).toEqual([1, 1]);
    expect((await notifier.get('job_1')).body).toMatchObject({
      status: 'Running',
      outcome: 'lostTrack',
      watching: false,
    });
    expect((await itemOf(world, 'production#job_1'))?.expiresAt).toBeGreaterThan(0);
  });

  test('a trigger finds it again: it is watched again, and its end is announced', async () => {
    await watch('job_1');
    deny();
    await sweepEvery(notifier, minute, 12);
    world.api.clearFaults();
    set('job_1', 'Running');
    expect((await notifier.post('job_1')).body).toMatchObject({ status: 'Running', watching: true });
    set('job_1', 'Completed');
    expect(await sweepAfter(notifier, minute)).toMatchObject({ changed: 1, sent: 2 });
    expect(documents().map(({ outcome }) => outcome)).toEqual(['lostTrack', 'completed']);
  });
});

describe.each([400, 401, 403, 404])('a gateway in front of the API answers %i with a page', (status) => {
  test.each([1, 6])(
    'for 16 minutes: no job is lost, and the real end of each of %i jobs is announced',
    async (count) => {
      const ids = Array.from({ length: count }, (_, index) => `job_${index + 1}`);
      await watch(...ids);
      world.api.fault({ call: 'job', times: always, status, body: '<html><h1>Be right back</h1></html>' });
      await sweepEvery(notifier, minute, 16);
      expect(told()).toEqual([0, 0]);
      world.api.clearFaults();
      for (const id of ids) set(id, 'Failed');
      await sweepEvery(notifier, minute, 16);
      expect(documents().map(({ outcome }) => outcome)).toEqual(ids.map(() => 'failed'));
    },
  );
});

describe('a `lostTrack` message that could not be sent at once', () => {
  /** A lost job: `events` is notified, `team` is not yet. */
  const lose = async () => {
    await watch('job_1');
    forget('job_1');
    await notifier.sweep();
    world.slack.answerWith({ status: 429, body: 'rate_limited' });
    await sweepAfter(notifier, 10 * minute);
    expect(statesIn((await notifier.get('job_1')).body)).toEqual({
      'lostTrack/team': 'pending',
      'lostTrack/events': 'sent',
    });
  };

  test('says in the past that the job was lost if it has reappeared as Completed', async () => {
    await lose();
    set('job_1', 'Completed');
    await notifier.post('job_1');
    await sweepEvery(notifier, 2 * minute, 3);
    const lost = world.slack.messages
      .map(({ payload }) => payload.text ?? '')
      .filter((text) => /Lost track/.test(text));
    expect(lost).toHaveLength(1);
    expect(lost[0]).toContain('did not recognize this job, and it was found again later: its status is Completed.');
    expect(lost[0]).toContain('was not found since 2026-01-01 10:10 UTC');
  });

  test('is still sent when the job has reappeared as Running', async () => {
    await lose();
    set('job_1', 'Running');
    expect((await notifier.post('job_1')).body).toMatchObject({ status: 'Running', watching: true });
    await sweepEvery(notifier, 5 * minute, 3);
    expect(statesIn((await notifier.get('job_1')).body)).toEqual({
      'lostTrack/team': 'sent',
      'lostTrack/events': 'sent',
    });
  });
});

describe('5 seen jobs of an environment return 404 in one sweep, and none is found', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `job_${index}`);

  test('the environment is paused and is alarmed, and nothing is announced, however long it lasts', async () => {
    notifier = deploy(world, { clock: notifier.clock, config: configWith(world, 'production', 'staging') });
    await watch(...ids(5));
    set('job_staging', 'Running');
    await notifier.post('job_staging', 'staging');
    ids(5).forEach(forget);
    await sweepAfter(notifier, minute);
    const alarms = () => logged(notifier).filter(({ level }) => level === 'error');
    expect(alarms()).toMatchObject([{ environment: 'production', reason: expect.stringContaining('another tenant') }]);
    expect((await markOf(world, 'cooldown#environment#production'))?.['until']).toBeGreaterThan(notifier.clock.now());
    // It is paused: no request is sent until then.
    const asked = world.api.requests.length;
    await sweepAfter(notifier, 59 * second);
    expect(world.api.requests.length).toBe(asked + 1);

    set('job_staging', 'Failed');
    await sweepEvery(notifier, 5 * minute, 12);
    expect(documents()).toMatchObject([{ environment: 'staging', outcome: 'failed' }]);
    for (const id of ids(5)) expect((await notifier.get(id)).body).toMatchObject({ status: 'Running', watching: true });
    // The credential is put right, and all goes on.
    for (const id of ids(5)) set(id, 'Completed');
    await sweepAfter(notifier, 15 * minute);
    expect(told()).toEqual([6, 6]);
  });

  test('one of the environment is found: then they are gone, and that is announced', async () => {
    await watch(...ids(6));
    ids(5).forEach(forget);
    await sweepEvery(notifier, minute, 12);
    expect(documents().map(({ outcome }) => outcome)).toEqual(Array(5).fill('lostTrack'));
    expect(await markOf(world, 'cooldown#environment#production')).toBeUndefined();
  });

  test('four are too few to conclude that: they are lost', async () => {
    await watch(...ids(4));
    ids(4).forEach(forget);
    await sweepEvery(notifier, minute, 12);
    expect(told()).toEqual([4, 4]);
  });

  test('jobs that were never seen do not count: they leave as usual', async () => {
    for (const id of ids(8)) await notifier.post(id);
    await sweepEvery(notifier, minute, 12);
    expect(await markOf(world, 'cooldown#environment#production')).toBeUndefined();
    for (const id of ids(8)) expect((await notifier.get(id)).body.decision).toMatchObject({ reason: 'notFound' });
  });
});

describe('7 days without a readable response', () => {
  const rows: [string, () => void][] = [
    ['500', () => world.api.fault({ call: 'job', status: 500, times: always })],
    ['401', () => world.api.fault({ call: 'job', times: always, ...problemFault(401) })],
    [
      '429 with Retry-After',
      () => world.api.fault({ call: 'job', times: always, ...problemFault(429, { 'retry-after': '60' }) }),
    ],
    ['a token endpoint that is down', () => loseTokens(500)],
  ];

  const loseTokens = (status: number) => {
    world.api.revokeTokens();
    world.api.fault({ call: 'token', status, times: always });
  };

  test.each(rows)('(%s): `lostTrack` once, which says since when', async (_name, arrange) => {
    await watch('job_1');
    // It could be read for two days.
    await sweepEvery(notifier, 6 * hour, 8);
    arrange();
    await sweepEvery(notifier, hour, 1);
    const [since] = new Date(notifier.clock.now()).toISOString().split(':');
    await sweepEvery(notifier, 6 * hour, 27);
    expect(told()).toEqual([0, 0]);
    expect((await notifier.get('job_1')).body).toMatchObject({ status: 'Running', watching: true, outcome: null });
    await sweepEvery(notifier, 6 * hour, 3);
    expect(told()).toEqual([1, 1]);
    expect(documents()[0]).toMatchObject({ outcome: 'lostTrack', status: 'Running', reason: 'lostTrackUnreadable' });
    for (const text of texts()) {
      expect(text).toContain('last known status is Running');
      expect(text).toContain(`unreadable since ${since?.replace('T', ' ')}`);
    }
    await sweepEvery(notifier, day, 8);
    expect(told()).toEqual([1, 1]);
    expect((await notifier.get('job_1')).body).toMatchObject({ outcome: 'lostTrack', watching: false });
  });

  test('a job that was never read is lost as well, and the message says so', async () => {
    world.api.fault({ call: 'job', status: 500, times: always });
    await notifier.post('job_1');
    await sweepEvery(notifier, 12 * hour, 15);
    expect(told()).toEqual([1, 1]);
    for (const text of texts()) expect(text).toContain('never read');
  });
});
