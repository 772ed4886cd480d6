/** `operators`: notices about the notifier itself, through channels that still work. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendTest } from '../../lib/pipeline/send-test.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { countStore, day, hour, minute, second, sweepAfter, sweepEvery, wrapStore } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = operatedBy('team', 'events');
});
afterEach(() => world.close());

const always = 10_000;
const operatedBy = (...operators: string[]): Notifier => operated({ operators });
const operated = (values: Partial<ConfigDocument>): Notifier =>
  deploy(world, {
    ...(notifier ? { clock: notifier.clock } : {}),
    config: { ...world.config(), rules: [{ when: { outcome: 'failed' }, notify: ['team'] }], ...values },
  });
const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now() });
const documents = () => world.topic.messages.map(({ document }) => JSON.parse(document));
const notices = () => documents().map(({ outcome, trouble }) => `${outcome} ${trouble?.kind} ${trouble?.name}`);
const texts = () => world.slack.messages.map(({ payload }) => payload.text ?? '');

/** A job whose message Slack refuses from now on. */
async function slackIsGone(): Promise<void> {
  world.slack.answerWith({ status: 404, body: 'no_service', times: always });
  set('job_1', 'Failed');
  await notifier.post('job_1');
}

describe('a channel that does not work', () => {
  test('is reported after 15 minutes to the other operators, and once more when it works again', async () => {
    await slackIsGone();
    await sweepEvery(notifier, minute, 14);
    expect(notices()).toEqual([]);
    await sweepEvery(notifier, minute, 2);
    expect(notices()).toEqual(['trouble channel team']);
    expect(documents()[0]).toMatchObject({
      reason: 'channelFailing',
      since: '2026-01-01T10:10:00.000Z',
      trouble: { reason: expect.stringMatching(/no_service.+Check that/) },
    });
    expect(world.topic.messages[0]?.email).toMatch(
      /^✕ Not working: channel team\n\nMessages to this channel wait .+: Slack: answered 404 no_service[\s\S]+\n\nsince .+10:10/,
    );
    await sweepEvery(notifier, minute, 30);
    expect(notices()).toEqual(['trouble channel team']);

    world.slack.clearAnswers();
    await sweepEvery(notifier, minute, 60);
    expect(notices()).toEqual(['trouble channel team', 'recovered channel team']);
    // Nothing about itself through itself.
    expect(texts()).toEqual([expect.stringMatching(/^Failed in production: /)]);
  });

  test('is not reported through itself', async () => {
    notifier = operatedBy('team');
    await slackIsGone();
    await sweepEvery(notifier, minute, 20);
    world.slack.clearAnswers();
    await sweepEvery(notifier, minute, 20);
    expect(texts()).toEqual([expect.stringMatching(/^Failed in production: /)]);
  });

  test('is not reported if it works again within the time', async () => {
    await slackIsGone();
    await sweepEvery(notifier, minute, 10);
    world.slack.clearAnswers();
    await sweepEvery(notifier, minute, 60);
    expect([notices(), texts().length]).toEqual([[], 1]);
  });

  test('is reported at most once a day, however often it fails', async () => {
    for (let round = 0; round < 7; round++) {
      world.slack.answerWith({ status: 404, body: 'no_service', times: always });
      set(`job_${round}`, 'Failed');
      await notifier.post(`job_${round}`);
      await sweepEvery(notifier, 20 * minute, 2);
      world.slack.clearAnswers();
      await sweepEvery(notifier, 20 * minute, 3);
      notifier.clock.advance(3 * hour);
    }
    expect(notices()).toEqual(['trouble', 'recovered', 'trouble', 'recovered'].map((what) => `${what} channel team`));
    const [first, , second] = documents().map(({ since }) => Date.parse(since));
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(day - hour);
  });

  test('is reported after the configured time', async () => {
    notifier = operated({ operators: ['events'], settings: { operatorNoticeAfterMinutes: 1 } });
    await slackIsGone();
    await sweepEvery(notifier, minute, 2);
    expect(notices()).toEqual(['trouble channel team']);
  });
});

test('an environment that cannot be read is reported, and once more when it can be read again', async () => {
  set('job_1', 'Running');
  await notifier.post('job_1');
  world.api.fault({ ...problemFault(401), times: always });
  await sweepEvery(notifier, minute, 18);
  expect(texts()).toEqual([expect.stringMatching(/^Not working: environment production\n[\s\S]+refused \(401\)/)]);
  world.api.clearFaults();
  await sweepEvery(notifier, minute, 30);
  expect(texts().slice(1)).toEqual([expect.stringMatching(/^Works again: environment production\n/)]);
  expect(notices()).toEqual(['trouble environment production', 'recovered environment production']);
});

test('discovery that is incomplete is reported, and once more when it is complete', async () => {
  const { production } = world.config().environments;
  notifier = operated({ operators: ['events'], environments: { production: { ...production, discover: true } } });
  set('job_1', 'Running');
  await notifier.post('job_1');
  world.api.fault({ call: 'list', status: 500, times: always });
  await sweepEvery(notifier, minute, 20);
  world.api.clearFaults();
  await sweepEvery(notifier, minute, 30);
  expect(notices()).toEqual(['trouble discovery production', 'recovered discovery production']);
});

test('an outage that also breaks the list is one trouble', async () => {
  const { production } = world.config().environments;
  notifier = operated({ operators: ['events'], environments: { production: { ...production, discover: true } } });
  set('job_1', 'Running');
  await notifier.post('job_1');
  world.api.fault({ status: 500, times: always });
  await sweepEvery(notifier, minute, 20);
  world.api.clearFaults();
  await sweepEvery(notifier, minute, 30);
  expect(notices()).toEqual(['trouble environment production', 'recovered environment production']);
});

test('no rule matches a notice, and no mention is added', async () => {
  notifier = operated({ operators: ['events'], rules: [{ notify: ['team'], mention: 'channel' }] });
  await slackIsGone();
  await sweepEvery(notifier, minute, 17);
  expect(notices()).toEqual(['trouble channel team']);
});

test('a notice is retried like any other message', async () => {
  await slackIsGone();
  await sweepEvery(notifier, minute, 15);
  world.topic.answerWith({ status: 500, times: 1 });
  await sweepEvery(notifier, minute, 10);
  expect(notices()).toEqual(['trouble channel team']);
});

test('two sweeps at the same time record one notice', async () => {
  await slackIsGone();
  await sweepEvery(notifier, minute, 14);
  notifier.clock.advance(90 * second);
  await Promise.all([notifier.sweep(), operatedBy('team', 'events').sweep()]);
  await sweepEvery(notifier, minute, 5);
  expect(notices()).toEqual(['trouble channel team']);
});

test('a table that fails delays the notice, and fails no sweep', async () => {
  await slackIsGone();
  wrapStore(notifier, (real) => {
    let failures = 3;
    return {
      writeMark: (key, ...others) => {
        if (key.startsWith('operators#') && failures-- > 0) throw new Error('throttled');
        return real.writeMark(key, ...others);
      },
    };
  });
  await sweepEvery(notifier, minute, 20);
  expect(notices()).toEqual(['trouble channel team']);
});

test('while everything works, nothing is read or written for it', async () => {
  const sweepCounts = async (worker: Notifier) => {
    const counts = countStore(worker);
    await worker.sweep();
    return counts;
  };
  expect(await sweepCounts(operatedBy('team', 'events'))).toEqual(await sweepCounts(operatedBy()));
});

describe('a channel that works again', () => {
  test('gets its waiting messages with the next sweep, not up to 15 minutes later', async () => {
    await slackIsGone();
    world.slack.clearAnswers();
    set('job_2', 'Failed');
    await sweepAfter(notifier, minute);
    expect(texts()).toHaveLength(0);
    await notifier.post('job_2');
    expect(texts()).toHaveLength(1);
    await sweepAfter(notifier, minute);
    expect(texts()).toHaveLength(2);
    await sweepEvery(notifier, 5 * minute, 5);
    expect(texts()).toHaveLength(2);
  });

  test('also after a test message', async () => {
    await slackIsGone();
    world.slack.clearAnswers();
    await sendTest(notifier.deps, { environment: 'production', channels: ['team'] });
    await sweepAfter(notifier, second);
    await sweepAfter(notifier, minute);
    expect(texts().map((text) => text.split(':')[0])).toEqual(['TEST in production', 'Failed in production']);
  });

  test('gets them at its pace', async () => {
    world.slack.answerWith({ status: 404, body: 'no_service', times: always });
    const ids = Array.from({ length: 60 }, (_, index) => `job_${index}`);
    for (const id of ids) {
      set(id, 'Failed');
      await notifier.post(id);
    }
    world.slack.clearAnswers();
    await sendTest(notifier.deps, { environment: 'production', channels: ['team'] });
    await sweepAfter(notifier, second);
    const [before, begunAt] = [texts().length, notifier.clock.now()];
    while (texts().length < 61) {
      notifier.clock.advance(10 * second);
      await notifier.poll();
    }
    const seconds = (notifier.clock.now() - begunAt) / second;
    expect((61 - before) / seconds).toBeLessThanOrEqual(1);
    expect((61 - before) / seconds).toBeGreaterThan(0.6);
  });

  test('a late message of a running job is sent as well', async () => {
    notifier = operated({ rules: [{ notify: ['team'] }], limits: [{ runningFor: 1 }] });
    set('job_1', 'Running');
    world.slack.answerWith({ status: 404, body: 'no_service', times: always });
    await notifier.post('job_1');
    await sweepAfter(notifier, 30 * minute);
    world.slack.clearAnswers();
    await sendTest(notifier.deps, { environment: 'production', channels: ['team'] });
    await sweepAfter(notifier, second);
    await sweepAfter(notifier, minute);
    expect(texts().map((text) => text.split(':')[0]?.split(',')[0])).toEqual([
      'TEST in production',
      'Late in production',
    ]);
  });

  test('does not hurry what another channel still refuses', async () => {
    notifier = operated({ rules: [{ notify: ['team', 'events'] }] });
    world.slack.answerWith({ status: 404, body: 'no_service', times: always });
    world.topic.answerWith({ status: 403, times: always });
    set('job_1', 'Failed');
    await notifier.post('job_1');
    world.slack.clearAnswers();
    await sendTest(notifier.deps, { environment: 'production', channels: ['team'] });
    await sweepAfter(notifier, second);
    const refused = world.topic.publishCount();
    await sweepAfter(notifier, 30 * second);
    expect([texts().length, world.topic.publishCount()]).toEqual([2, refused]);
  });

  test('costs nothing more once its state is removed', async () => {
    await slackIsGone();
    world.slack.clearAnswers();
    await sweepEvery(notifier, minute, 40);
    const counts = countStore(notifier);
    await notifier.sweep();
    expect(counts).toEqual({ readMarks: 1, due: 1 });
  });
});
