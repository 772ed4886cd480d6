/** Malicious names, and services that repeat secrets. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHandler as createWebhook } from '../../functions/webhook.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import type { SlackPayload } from '../../local/slack-server.ts';
import { encodings } from '../support/encodings.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { hurryRead, hurrySend, itemsOf, minute, sweepAfter, sweepEvery, wrapStore } from '../support/scene.ts';
import { getEvent, httpEvent, lambdaContext, startWorld, type World, webhookSecret } from '../support/world.ts';

let world: World;
let notifier: Notifier;

beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

const always = 1_000;
const hostile = '<!channel> & <https://evil.example|click> ``` ';
const filled = (text: string, length: number) => text.padEnd(length, text);

/** What Slack got first. */
const payloadOf = (): SlackPayload => world.slack.messages[0]?.payload ?? {};
describe('a hostile job', () => {
  /** The job, with the text in every member that people can fill. */
  const publish = (text: string, status = 'Canceled') => {
    const person = { id: 'person-id-of-somebody', name: text, type: 'User' as const };
    world.setJob('job_1', {
      status,
      at: notifier.clock.now(),
      name: text,
      source: text,
      createdBy: person,
      canceledBy: person,
    });
  };

  test('becomes one message per channel, at the first attempt', async () => {
    publish(filled(hostile, 5_000));
    await notifier.post('job_1');
    expect([world.slack.requestCount(), world.slack.messages.length]).toEqual([1, 1]);
    expect([world.topic.publishCount(), world.topic.messages.length]).toEqual([1, 1]);
    expect(payloadOf().text).toMatch(/^Canceled in production: &lt;!channel&gt;/);
    expect(world.topic.messages[0]?.subject).toMatch(/^Canceled in production: \P{Cc}{1,75}$/u);
  });

  test.each([
    '\uFFFE',
    '\uFFFF',
    '\u{1FFFE}',
    '\u{10FFFF}',
    '\uFDD0',
    '\uD83D',
    '\uDC00',
    '\u0000',
    '\u001B',
    '\u0085',
  ])(
    'with a code point that is no character (%j) becomes one message per channel, at the first attempt',
    async (odd) => {
      publish(`${odd}Pages${odd}!${odd}`);
      await notifier.post('job_1');
      expect([world.slack.requestCount(), world.slack.messages.length]).toEqual([1, 1]);
      expect([world.topic.publishCount(), world.topic.messages.length]).toEqual([1, 1]);
      expect(world.topic.messages[0]?.attributes['source']).toMatch(/^\uFFFD?Pages[ \uFFFD]![\uFFFD]?$/);
    },
  );

  test('a mention appears only where the rule asks for it', async () => {
    const rules = [{ notify: ['team'], mention: 'channel' }];
    notifier = deploy(world, { config: { ...world.config(), rules } });
    publish(filled(hostile, 5_000));
    await notifier.post('job_1');
    const payload = payloadOf();
    const blocks = [payload.blocks ?? [], ...(payload.attachments ?? []).map((one) => one.blocks ?? [])].flat();
    const texts = blocks.flatMap(({ text, elements = [] }) => [...(text ? [text] : []), ...elements]);
    // Slack reads a mention in markup alone.
    const markup = texts.filter(({ type }) => type === 'mrkdwn').map(({ text }) => text);
    for (const text of [payload.text ?? '', markup.join('\n')]) expect(text.match(/<!channel>/g)).toHaveLength(1);
  });

  test('the plain text that Slack gets when it refuses the blocks is as harmless', async () => {
    world.slack.answerWith({ status: 400, body: 'invalid_blocks' });
    publish(filled(hostile, 5_000));
    await notifier.post('job_1');
    const payload = payloadOf();
    expect(payload).not.toHaveProperty('blocks');
    expect(payload.text).not.toMatch(/<|>|```/);
    expect(payload.text?.length).toBeLessThan(4_000);
  });
});

describe('secrets', () => {
  const creatorId = 'creator-id-that-nobody-should-see';
  const cancelerId = 'canceler-id-that-nobody-should-see';

  /** The last part of Slack's address, which is the secret in it. */
  const hook = 'aB3-hook-secret+of-us-0815';
  const inEveryEncoding = (text: string): string[] => Object.values(encodings).map((encode) => encode(text));

  beforeEach(() => {
    const { channels, ...config } = world.config();
    const team = { type: 'slack', webhookUrl: world.slack.webhookUrl(hook) };
    notifier = deploy(world, { config: { ...config, channels: { ...channels, team } } });
  });

  /** All that is secret in this world. */
  const secretsOf = (): string[] => [
    ...toldToTheApi(),
    webhookSecret,
    new URL(world.slack.webhookUrl(hook)).pathname,
    hook,
    creatorId,
    cancelerId,
  ];
  const toldToTheApi = (): string[] => {
    const tokens = world.api.requests.flatMap(({ headers }) => headers.authorization?.replace(/^Bearer /, '') ?? []);
    return [world.api.clientId, world.api.clientSecret, ...new Set(tokens)];
  };
  /** Expects neither a secret nor a large part of one. */
  const assertNoSecret = (where: string, said: unknown) => {
    const text = typeof said === 'string' ? said : JSON.stringify(said);
    for (const secret of secretsOf()) {
      for (const form of [...inEveryEncoding(secret), secret.slice(0, 12), secret.slice(-12)]) {
        expect(text.includes(form), `${where} holds ${form}: ${text.slice(0, 2_000)}`).toBe(false);
      }
    }
  };
  /** Looks at all that leaves the notifier, and at what it keeps. */
  const assertNoSecretAnywhere = async (answers: unknown[]) => {
    expect(secretsOf().length).toBeGreaterThanOrEqual(6);
    for (const line of notifier.lines) assertNoSecret('the log', line);
    for (const answer of answers) assertNoSecret('an answer', answer);
    for (const { payload } of world.slack.messages) assertNoSecret('a Slack message', payload);
    for (const message of world.topic.messages) assertNoSecret('an SNS message', message);
    for (const item of await itemsOf(world)) assertNoSecret('the table', item);
  };
  const persons = {
    createdBy: { id: creatorId, name: 'Release pipeline', type: 'Application' as const },
    canceledBy: { id: cancelerId, name: 'Somebody', type: 'User' as const },
  };
  const set = (id: string, status: string) => world.setJob(id, { status, at: notifier.clock.now(), ...persons });
  const problem = (status: number, detail: string) => {
    const { body, ...fault } = problemFault(status);
    return { ...fault, body: { ...(body as object), detail, errors: { authorization: [detail] } } };
  };
  /** A response text that repeats everything that the API was sent. */
  const gossip = () => `you sent ${toldToTheApi().flatMap(inEveryEncoding).join(' and ')}`;
  /** Repeats what the API was sent, in one encoding at a time: long texts are cut. */
  const gossips = () =>
    Object.values(encodings).map((encode) => `you sent ${toldToTheApi().map(encode).join(' and ')}`);

  test('never leave by the API: whatever it says, in whichever way it fails', async () => {
    const answers: unknown[] = [];
    const ask = async (id: string) => {
      answers.push(
        (await notifier.post(id)).body,
        (await notifier.get(id)).body,
        await sweepAfter(notifier, 15 * minute),
      );
    };
    set('job_0', 'Running');
    await ask('job_0');
    for (const status of [400, 401, 403, 404, 429, 500, 503, 302]) {
      const id = `job_${status}`;
      world.api.fault({ call: 'job', jobId: id, times: 4, ...problem(status, gossip()) });
      await ask(id);
      world.api.clearFaults();
      await sweepAfter(notifier, 15 * minute);
    }
    for (const [index, detail] of gossips().entries()) {
      world.api.fault({ call: 'job', jobId: `job_said_${index}`, ...problem(404, detail) });
      answers.push((await notifier.post(`job_said_${index}`)).body);
    }
    for (const [index, body] of [
      gossip(),
      { error: gossip() },
      { system: { status: null, note: gossip() } },
    ].entries()) {
      world.api.fault({ call: 'job', jobId: `job_body_${index}`, status: 200, body, times: 2 });
      await ask(`job_body_${index}`);
    }
    for (const status of [400, 401, 403, 429, 500, 200]) {
      world.api.revokeTokens();
      world.api.fault({
        call: 'token',
        status,
        body: { error: 'access_denied', error_description: gossip() },
        times: 2,
      });
      await ask(`job_token_${status}`);
      world.api.clearFaults();
      await sweepAfter(notifier, 15 * minute);
    }
    world.api.fault({ call: 'job', jobId: 'job_silent', kind: 'silence', times: 2 });
    hurryRead(notifier, 'job_silent');
    await ask('job_silent');
    await assertNoSecretAnywhere(answers);
  });

  test('are not half shown where a long text is cut', async () => {
    set('job_0', 'Running');
    await notifier.post('job_0');
    const answers: unknown[] = [];
    for (const length of [270, 280, 290, 295]) {
      const detail = `${'x'.repeat(length)}${toldToTheApi().reverse().join(' ')}`;
      world.api.fault({ call: 'job', jobId: `job_${length}`, ...problem(404, detail) });
      answers.push((await notifier.post(`job_${length}`)).body, (await notifier.get(`job_${length}`)).body);
    }
    await assertNoSecretAnywhere(answers);
  });

  test('never leave by a channel: whatever it says, in whichever way it fails', async () => {
    set('job_0', 'Running');
    await notifier.post('job_0');
    const answers: unknown[] = [];
    const end = async (id: string, status = 'Canceled') => {
      set(id, status);
      answers.push(
        (await notifier.post(id)).body,
        (await notifier.get(id)).body,
        await sweepAfter(notifier, 15 * minute),
      );
    };
    const address = () => world.slack.webhookUrl(hook);
    // Every secret is read with the first message.
    await end('job_first', 'Completed');
    const said = () => [address(), new URL(address()).pathname, hook].flatMap(inEveryEncoding).join(' ');
    for (const status of [200, 302, 400, 403, 404, 410, 429, 500]) {
      world.slack.answerWith({ status, body: said() });
      world.topic.answerWith(snsFault(status === 200 ? 500 : status, 'InvalidParameter', said()));
      await end(`job_${status}`);
    }
    world.slack.answerWith({ status: 400, body: `invalid_blocks ${said()}`, times: 2 });
    world.topic.answerWith({ kind: 'reset' });
    await end('job_refused');
    world.slack.answerWith({ kind: 'silence' });
    hurrySend(notifier, 'team');
    await end('job_silent', 'Completed');
    await sweepEvery(notifier, 15 * minute, 3);
    expect(world.slack.messages.length).toBeGreaterThan(5);
    await assertNoSecretAnywhere(answers);
  });

  test('never leave by the webhook, whatever is sent to it', async () => {
    const answers: unknown[] = [];
    const headers = { authorization: `Bearer ${webhookSecret}x`, 'x-api-key': `${webhookSecret}y` };
    for (const body of ['{"jobId":"job_1"}', '{', webhookSecret, `{"jobId":"${webhookSecret} "}`]) {
      for (const given of [{}, headers]) {
        const event = httpEvent('POST /jobs', { body, headers: given });
        answers.push(await createWebhook(notifier.deps)(event, lambdaContext()));
      }
    }
    answers.push(await createWebhook(notifier.deps)(getEvent('nobody'), lambdaContext()));
    for (const input of [webhookSecret, { jobId: `${webhookSecret}/` }, { jobId: 'a', environment: webhookSecret }]) {
      answers.push(await notifier.event(input).catch((error: Error) => `${error.message} ${error.stack}`));
    }
    // The path of a stack names this test, not a secret.
    await assertNoSecretAnywhere(answers);
  });

  test('never leave by an exception of our own, or of the table', async () => {
    set('job_1', 'Canceled');
    const answers: unknown[] = [(await notifier.post('job_1')).body];
    const loud = () => Promise.reject(new Error(gossip()));
    const { api } = notifier.deps;
    notifier.deps.api = (name) => ({ ...api(name), getJob: loud });
    answers.push((await notifier.post('job_2')).body);
    notifier.deps.api = api;
    set('job_3', 'Running');
    await notifier.post('job_3');
    notifier.deps.api = (name) => ({ ...api(name), getJob: loud });
    answers.push(await sweepAfter(notifier, minute), (await notifier.get('job_3')).body);
    notifier.deps.api = api;
    for (const method of ['getWithMarks', 'save', 'saveDelivery'] as const) {
      const store = notifier.deps.store;
      wrapStore(notifier, () => ({ [method]: loud }));
      set(`job_${method}`, 'Canceled');
      answers.push((await notifier.post(`job_${method}`)).body);
      notifier.deps.store = store;
    }
    expect(notifier.lines.join('\n')).toContain('[redacted]');
    await assertNoSecretAnywhere(answers);
  });

  test('are not in the error of a configuration that is wrong', () => {
    const config = world.config();
    const secret = 'a-secret-that-was-put-into-the-wrong-place';
    const documents = [
      { ...config, webhook: { secrets: secret } },
      { ...config, webhook: { secrets: [{ value: secret }] } },
      { ...config, environments: { production: { ...config.environments['production'], clientSecret: [secret] } } },
      { ...config, environments: { production: { ...config.environments['production'], clientSecrets: secret } } },
      { ...config, channels: { team: { type: 'slack', webhookUrl: { value: secret } } } },
      { ...config, channels: { team: { type: 'slack', webhookUrl: `ssm:${secret}` } } },
    ];
    for (const document of documents) {
      expect(() => deploy(world, { config: document as never })).toThrow(
        expect.objectContaining({ name: 'ConfigError', message: expect.not.stringContaining(secret) }),
      );
    }
  });

  test('the IDs of the people who created or canceled a job are not stored', async () => {
    world.slack.answerWith({ status: 500, times: always });
    for (const status of ['Running', 'Failed', 'Canceled']) {
      set(`job_${status}`, status);
      await notifier.post(`job_${status}`);
    }
    const said = JSON.stringify([await itemsOf(world), world.topic.messages, notifier.lines]);
    expect(said).toContain('Release pipeline');
    expect(said).not.toContain(creatorId);
    expect(said).not.toContain(cancelerId);
  });
});
