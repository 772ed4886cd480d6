/** A channel of each type in one configuration. */

import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { snsFault } from '../../local/embedded-topic.ts';
import { startTeamsServer, type TeamsServer } from '../../local/teams-server.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../../local/webhook-receiver.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { deliveriesIn, itemsOf, minute, statesIn, sweepAfter } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let world: World;
let office: TeamsServer;
let receiver: WebhookReceiver;
let notifier: Notifier;

beforeEach(async () => {
  [world, office, receiver] = await Promise.all([startWorld(), startTeamsServer(), startWebhookReceiver({ secret })]);
  notifier = deploy(world, { config: withAll() });
});
afterEach(() => Promise.all([world.close(), office.close(), receiver.close()]));

function withAll(members: Partial<Record<keyof ConfigDocument, unknown>> = {}): ConfigDocument {
  const { channels, ...config } = world.config();
  const all = {
    ...channels,
    chat: { type: 'sns', topicArn: world.topic.topicArn, format: 'amazon-q' },
    office: { type: 'teams', url: office.flowUrl() },
    hook: { type: 'webhook', url: receiver.url, secrets: [secret], allowPrivate: true },
  };
  return { ...config, channels: all, ...members } as unknown as ConfigDocument;
}
const end = (id = 'job_1', values: Partial<Parameters<World['setJob']>[1]> = {}) =>
  world.setJob(id, { at: notifier.clock.now(), ...values });
const everywhere = (state: string) => ({
  'completed/team': state,
  'completed/events': state,
  'completed/chat': state,
  'completed/office': state,
  'completed/hook': state,
});
const deliveryTo = async (channel: string) => deliveriesIn((await notifier.get('job_1')).body)[`completed/${channel}`];

test('every channel gets its message, once', async () => {
  end();
  expect(statesIn((await notifier.post('job_1')).body)).toEqual(everywhere('sent'));
  await notifier.post('job_1');
  await sweepAfter(notifier, minute);
  expect(world.slack.messages).toHaveLength(1);
  expect(world.topic.messages.map(({ texts }) => texts['https']?.includes('"source":"custom"'))).toEqual([false, true]);
  expect(office.messages).toHaveLength(1);
  expect(receiver.messages).toMatchObject([{ type: 'publishing_job.completed', data: { jobId: 'job_1' } }]);
  expect(await deliveryTo('office')).toMatchObject({ state: 'sent', receipt: 'accepted' });
  expect(await deliveryTo('hook')).toMatchObject({ state: 'sent', receipt: 'received' });
});

describe('one of them is down: the others get theirs at once, and it gets its own later', () => {
  const rows: [channel: string, down: () => void, count: () => number][] = [
    ['team', () => world.slack.answerWith({ status: 503 }), () => world.slack.messages.length],
    ['events', () => world.topic.answerWith(snsFault(500, 'InternalFailure')), () => world.topic.messages.length],
    ['office', () => office.answerWith({ status: 503 }), () => office.messages.length],
    ['hook', () => receiver.answerWith({ status: 503 }), () => receiver.messages.length],
  ];
  test.each(rows)('%s', async (channel, down, count) => {
    down();
    end();
    // Two channels share the topic, and only one of them meets the fault.
    const states = Object.values(statesIn((await notifier.post('job_1')).body)).sort();
    expect(states).toEqual(['pending', 'sent', 'sent', 'sent', 'sent']);
    await sweepAfter(notifier, minute);
    expect(statesIn((await notifier.get('job_1')).body)).toEqual(everywhere('sent'));
    expect(count()).toBe(channel === 'events' ? 2 : 1);
  });
});

test('a webhook gets the same bytes and the same id in every attempt, whatever changes meanwhile', async () => {
  receiver.answerWith({ status: 500, times: 2, accepted: true });
  const finishTime = '2026-01-01T10:10:00Z';
  end('job_1', { finishTime, lastReportTime: '2026-01-01T10:09:30Z', sent: 5, processed: 5 });
  await notifier.post('job_1');
  // Sitecore counts on after the end: the table knows it, and the message stays.
  end('job_1', { finishTime, lastReportTime: '2026-01-01T10:11:00Z', sent: 900, processed: 903 });
  await sweepAfter(notifier, minute);
  expect((await notifier.get('job_1')).body.job.statistics).toMatchObject({ sent: 900, processed: 903 });
  await sweepAfter(notifier, 2 * minute);
  expect(await deliveryTo('hook')).toMatchObject({ state: 'sent', attempts: 3, ambiguous: true });

  const { requests } = receiver;
  expect(requests).toHaveLength(3);
  expect(new Set(requests.map(({ body }) => body)).size).toBe(1);
  expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  const times = requests.map(({ headers }) => Number(headers['webhook-timestamp']));
  expect(new Set(times).size).toBe(3);
  expect(receiver.messages).toMatchObject([{ data: { statistics: { sent: 5, processed: 5 } } }]);
  // Each attempt has its own valid signature.
  for (const { body, headers } of requests) {
    const sign = new Webhook(secret).sign(
      String(headers['webhook-id']),
      new Date(Number(headers['webhook-timestamp']) * 1_000),
      body,
    );
    expect(headers['webhook-signature']).toBe(sign);
  }
});

test('a receiver that wants no more is asked slowly, until somebody acts', async () => {
  receiver.answerWith({ status: 410 });
  end();
  await notifier.post('job_1');
  const { error, nextAt } = (await deliveryTo('hook')) ?? {};
  expect(error).toMatch(/^Webhook: responded with 410\. Check that the receiver exists/);
  expect(Date.parse(String(nextAt)) - notifier.clock.now()).toBe(15 * minute);
});

test('the person who started a job is mentioned in Slack and in Teams, each in its own way', async () => {
  const people = { 'Jane Editor': { slack: 'U012AB3CD', teams: 'jane@example.com' } };
  const rules = [{ notify: ['team', 'office'], mention: 'starter' }];
  notifier = deploy(world, { config: withAll({ people, rules }) });
  end('job_1', { createdBy: { id: 'jane', name: 'Jane Editor', type: 'User' } });
  office.answerWith({ status: 503 });
  await notifier.post('job_1');
  // The address of the decision is used, whatever the configuration says by now.
  notifier = deploy(world, { clock: notifier.clock, config: withAll({ people: {}, rules }) });
  await sweepAfter(notifier, minute);
  expect(JSON.stringify(world.slack.messages[0]?.payload)).toContain('<@U012AB3CD>');
  expect(office.messages[0]?.card['msteams']).toMatchObject({
    entities: [{ mentioned: { id: 'jane@example.com', name: 'Jane Editor' } }],
  });
  expect((await notifier.get('job_1')).body.decision.mention).toBe('U012AB3CD');
});

test('the secrets show in no log, no response and nowhere in the table', async () => {
  const address = office.flowUrl();
  office.answerWith({ status: 401, body: `not authorized: ${address}` });
  receiver.answerWith({ status: 401, body: `not signed by ${secret}` });
  end();
  await notifier.post('job_1');
  const { body } = await notifier.get('job_1');
  expect(JSON.stringify(body)).toContain('[redacted]');
  expectNoSecrets(
    [body, notifier.lines, await itemsOf(world)],
    [address, new URL(address).search, 'the-signature%2Fof-the-flow', secret, secret.slice('whsec_'.length)],
  );
});
