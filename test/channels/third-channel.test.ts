/** A new type of channel is one file, here one object, and one line in the register. */

import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ChannelType, defineChannel } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { ConfigError, UpstreamError } from '../../lib/platform/errors.ts';
import { reference } from '../../lib/platform/secrets.ts';
import { type LoopbackServer, readBody, startLoopbackServer } from '../../local/loopback-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { deliveriesIn, logged, minute, statesIn, sweepAfter } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

/** What would be `lib/channels/pager.ts`. */
const pager = defineChannel({
  config: {
    url: v.pipe(v.string(), v.url('an address')),
    severity: v.picklist(['low', 'high']),
    quiet: v.optional(v.boolean(), false),
    note: v.optional(v.string()),
  },
  references: { routingKeys: v.pipe(v.array(reference), v.minLength(1, 'at least one key')) },
  create: ({ http, secrets, redact }, { url, severity, quiet, note, routingKeys: [current, ...others] }) => ({
    minIntervalMs: 250,
    async send({ title, document }, timeoutMs) {
      const keys = await Promise.all([current, ...others].map((key) => secrets.read(key ?? '')));
      const { status, body } = await http({
        method: 'POST',
        url: new URL(url),
        service: 'Pager',
        headers: { 'content-type': 'application/json', 'x-routing-keys': keys.join(' ') },
        body: JSON.stringify({ title, severity, quiet, note, dedup: document.deduplicationId }),
        timeoutMs,
      });
      if (status === 202) return { receipt: JSON.parse(body).id };
      throw new UpstreamError(status === 410 ? 'needsOperator' : 'unavailable', `Pager: ${status} ${redact(body)}`);
    },
    verify: async () => {
      await secrets.read(current ?? '');
    },
    render: ({ title, document }) => ({ text: title, payload: document }),
  }),
});
/** What would be the line in the register. */
const types = { ...channelTypes, pager };

let world: World;
let notifier: Notifier;
let server: LoopbackServer;
let pages: Record<string, unknown>[];
let broken: { status: number; body: string } | null;

beforeEach(async () => {
  world = await startWorld();
  pages = [];
  broken = null;
  server = await startLoopbackServer(async (request, response) => {
    const page = JSON.parse(String(await readBody(request)));
    if (broken) return void response.writeHead(broken.status).end(broken.body);
    pages.push({ keys: request.headers['x-routing-keys'], ...page });
    return void response.writeHead(202).end(JSON.stringify({ id: `page-${pages.length}` }));
  });
  notifier = deploy(world, { types, config: withPager() });
});
afterEach(() => Promise.all([world.close(), server.close()]));

const [routingKey, oldKey] = ['routing-key-of-the-tests', 'old-key-of-the-tests'];
function withPager(members: Record<string, unknown> = {}): ConfigDocument {
  const config = world.config();
  const routingKeys = [routingKey, oldKey];
  const duty = { type: 'pager', url: `${server.url}/pages`, severity: 'high', routingKeys, ...members };
  return { ...config, channels: { ...config.channels, duty } as unknown as ConfigDocument['channels'] };
}
const fail = (id = 'job_1') => world.setJob(id, { status: 'Failed', at: notifier.clock.now() });
const deliveryTo = async (channel: string) => deliveriesIn((await notifier.get('job_1')).body)[`failed/${channel}`];

describe('a new type of channel', () => {
  test('gets each message once, like the others', async () => {
    fail();
    expect(statesIn((await notifier.post('job_1')).body)).toEqual({
      'failed/team': 'sent',
      'failed/events': 'sent',
      'failed/duty': 'sent',
    });
    await notifier.post('job_1');
    await sweepAfter(notifier, minute);
    expect(pages).toEqual([
      {
        keys: `${routingKey} ${oldKey}`,
        title: 'Failed in production: Nightly site publish',
        severity: 'high',
        quiet: false,
        dedup: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
    expect(await deliveryTo('duty')).toMatchObject({ state: 'sent', receipt: 'page-1', attempts: 1 });
    expect(pages[0]?.['dedup']).not.toBe(JSON.parse(world.topic.messages[0]?.document ?? '').deduplicationId);
  });

  test('is named by rules like the others', async () => {
    const rules = [{ when: { outcome: 'failed' }, notify: ['duty'] }, { notify: ['team'] }];
    notifier = deploy(world, { types, config: { ...withPager(), rules } });
    fail();
    expect(statesIn((await notifier.post('job_1')).body)).toEqual({ 'failed/duty': 'sent' });
  });

  test('gets messages at its own interval', async () => {
    const times: number[] = [];
    const paced = {
      ...pager,
      create: (...args: Parameters<ChannelType['create']>) => {
        const { send, ...channel } = pager.create(...args);
        return {
          ...channel,
          send: (message: Parameters<typeof send>[0], timeoutMs: number) => {
            times.push(notifier.clock.now());
            return send(message, timeoutMs);
          },
        };
      },
    };
    notifier = deploy(world, { types: { ...types, pager: paced }, config: withPager() });
    for (const id of ['job_1', 'job_2', 'job_3']) await notifier.post(id);
    for (const id of ['job_1', 'job_2', 'job_3']) fail(id);
    await sweepAfter(notifier, minute);
    expect(times).toHaveLength(3);
    for (const [index, time] of times.slice(1).entries()) {
      expect(time - (times[index] ?? 0)).toBeGreaterThanOrEqual(250);
    }
  });
});

describe('its failure', () => {
  test.each([
    ['an outage', { status: 503, body: 'later' }, 1],
    ['a pager that is gone', { status: 410, body: 'gone' }, 15],
    ['a response that it cannot read', { status: 202, body: 'no JSON' }, 15],
  ])('(%s) does not affect the others, and the message is sent later', async (_name, response, waitMinutes) => {
    broken = response;
    fail();
    expect(statesIn((await notifier.post('job_1')).body)).toEqual({
      'failed/team': 'sent',
      'failed/events': 'sent',
      'failed/duty': 'pending',
    });
    const delivery = await deliveryTo('duty');
    expect(delivery).toMatchObject({ attempts: 1, error: expect.any(String) });
    expect(Date.parse(String(delivery?.['nextAt'])) - notifier.clock.now()).toBe(waitMinutes * minute);
    broken = null;
    await sweepAfter(notifier, waitMinutes * minute);
    expect(await deliveryTo('duty')).toMatchObject({ state: 'sent', attempts: 2 });
    expect([pages.length, world.slack.requestCount(), world.topic.publishCount()]).toEqual([1, 1, 1]);
  });

  test.each([
    ['Slack', () => world.slack.answerWith({ status: 500 }), 'team'],
    ['SNS', () => world.topic.answerWith({ status: 500 }), 'events'],
  ])('is not caused by a failure of %s', async (_name, arrange, channel) => {
    arrange();
    fail();
    const states = statesIn((await notifier.post('job_1')).body);
    expect(Object.entries(states).filter(([, state]) => state === 'pending')).toEqual([
      [`failed/${channel}`, 'pending'],
    ]);
    expect(pages).toHaveLength(1);
  });

  test('by a bug is logged with its job, and its text stays in the log', async () => {
    const buggy: ChannelType = {
      ...pager,
      create: (deps, config) => ({
        ...pager.create(deps, config),
        send: () => Promise.reject(new TypeError('a bug in the pager')),
      }),
    };
    notifier = deploy(world, { types: { ...types, pager: buggy }, config: withPager() });
    fail();
    expect(statesIn((await notifier.post('job_1')).body)).toMatchObject({
      'failed/team': 'sent',
      'failed/events': 'sent',
      'failed/duty': 'pending',
    });
    expect(logged(notifier)).toContainEqual(
      expect.objectContaining({
        level: 'error',
        jobId: 'job_1',
        channel: 'duty',
        error: expect.objectContaining({ name: 'TypeError' }),
      }),
    );
    expect((await deliveryTo('duty'))?.['error']).not.toContain('a bug in the pager');
  });

  test('shows its secret neither in the log, the table nor a response', async () => {
    broken = { status: 500, body: `the key ${routingKey} is not known` };
    fail();
    await notifier.post('job_1');
    const { body } = await notifier.get('job_1');
    expect(JSON.stringify(body)).toContain('[redacted]');
    expect(JSON.stringify([body, notifier.lines])).not.toContain(routingKey);
  });

  test('to read its secret does not affect the others', async () => {
    notifier = deploy(world, { types, config: withPager({ routingKeys: ['env:NOT_SET_ANYWHERE'] }) });
    fail();
    expect(statesIn((await notifier.post('job_1')).body)).toEqual({
      'failed/team': 'sent',
      'failed/events': 'sent',
      'failed/duty': 'pending',
    });
    expect(await deliveryTo('duty')).toMatchObject({ error: expect.stringContaining('NOT_SET_ANYWHERE') });
  });
});

describe('its configuration is checked', () => {
  const rows: [string, Record<string, unknown>, string][] = [
    ['a missing member', { severity: undefined }, 'channels.duty.severity'],
    ['a missing secret', { routingKeys: undefined }, 'channels.duty.routingKeys'],
    ['a wrong value', { severity: 'medium' }, 'channels.duty.severity'],
    ['a value of the wrong form', { url: 'nowhere' }, 'channels.duty.url'],
    ['an unknown member', { colour: 'red' }, 'channels.duty.colour'],
    ['a member of another channel', { topicArn: 'env:TOPIC_ARN' }, 'channels.duty.topicArn'],
    ['a malformed reference', { routingKeys: [routingKey, 'env:'] }, 'channels.duty.routingKeys[1]'],
    ['a secret that YAML read as a number', { routingKeys: [1_234_567_890] }, 'channels.duty.routingKeys[0]'],
  ];
  test.each(rows)('%s is named with its path', (_name, members, path) => {
    const start = () => deploy(world, { types, config: JSON.parse(JSON.stringify(withPager(members))) });
    expect(start).toThrow(ConfigError);
    expect(start).toThrow(path);
  });

  test.each([
    ['a number', 1_234_567_890],
    ['a malformed reference', 'ssm:the secret itself'],
    ['a text in place of the list', 'the secret itself'],
  ])('an invalid secret is not shown: %s', (_name, value) => {
    const start = () =>
      deploy(world, {
        types,
        config: withPager({ routingKeys: Array.isArray(value) || typeof value === 'string' ? value : [value] }),
      });
    expect(start).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/1234567890|the secret itself/) }),
    );
  });

  test('lists several problems together', () => {
    const start = () =>
      deploy(world, { types, config: withPager({ severity: 'medium', url: 'nowhere', colour: 'red' }) });
    for (const path of ['channels.duty.severity', 'channels.duty.url', 'channels.duty.colour']) {
      expect(start).toThrow(path);
    }
  });

  test('its type is unknown without its line in the register', () => {
    expect(() => deploy(world, { config: withPager() })).toThrow(/channels\.duty/);
  });
});
