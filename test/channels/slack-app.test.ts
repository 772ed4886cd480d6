/** The Slack app: one message per job, replies for what must be heard, and no message twice. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rateLimitedCall, refusedCall } from '../../local/slack/web-api.ts';
import { newToken, type SlackWorkspace } from '../../local/slack/workspace.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import {
  countStore,
  deliveriesIn,
  hour,
  itemsOf,
  latch,
  logged,
  minute,
  second,
  statesIn,
  sweepAfter,
  wrapChannel,
} from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

let world: World;
let notifier: Notifier;
let clock: FakeClock;
let slack: SlackWorkspace;

const naming = (...outcomes: string[]) => ({ when: { outcome: outcomes }, notify: ['room'] });
const rules = [naming('started'), { notify: ['room'] }];

beforeEach(async () => {
  world = await startWorld();
  slack = world.slack.workspace;
  clock = createFakeClock();
  notifier = deployWith();
});
afterEach(() => world.close());

function deployWith(values: Partial<Record<keyof ConfigDocument, unknown>> = {}, room: object = {}): Notifier {
  const own = { type: 'slack-app', token: slack.app.token, channel: slack.room.id, apiUrl: world.slack.apiUrl };
  const channels = { room: { ...own, ...room } };
  const config = { ...world.config(), channels, rules, ...values } as unknown as ConfigDocument;
  return deploy(world, { clock, config });
}
const people = { 'Jane Editor': 'U0JANE' };
const by = (name: string, type: 'User' | 'Application' = 'User') => ({ createdBy: { id: 'secret-id', name, type } });
type Values = Parameters<World['setJob']>[1];
const show = (status: string, values: Values = {}) => world.setJob('job_1', { status, at: clock.now(), ...values });
/** The job has another status, and the notifier hears of it. */
async function become(status: string, values: Values = {}) {
  show(status, values);
  return statesIn((await notifier.post('job_1')).body);
}
const said = () => world.slack.calls.map(({ method, args }) => (args['thread_ts'] ? 'reply' : method.split('.')[1]));
const since = (calls: number) => said().slice(calls);
const messages = () => slack.messages.filter(({ thread_ts, isDeleted }) => !thread_ts && !isDeleted);
const replies = () => slack.messages.filter(({ thread_ts }) => thread_ts);
const textOf = (message: unknown): string => JSON.stringify(message);
const delivery = async (key: string) => deliveriesIn((await notifier.get('job_1')).body)[key];
const fault = (method: string, answer: Parameters<typeof world.slack.answerCallsWith>[0]) =>
  world.slack.answerCallsWith({ ...answer, method });
/** How often the log says that a message may have arrived twice. */
const sentAmbiguously = () =>
  logged(notifier).filter(({ message, ambiguousSince }) => message === 'delivery sent' && ambiguousSince).length;
/** The call takes effect, and its response is lost. */
const lost = { kind: 'reset', accepted: true } as const;

describe('one message per job', () => {
  test('is posted at the start, and edited until a good end, which notifies nobody', async () => {
    expect(await become('Queued')).toEqual({ 'started/room': 'sent' });
    await become('Running');
    expect(await become('Completed')).toEqual({ 'started/room': 'sent', 'completed/room': 'sent' });
    expect(said()).toEqual(['postMessage', 'update']);
    const [only] = messages();
    expect(messages()).toHaveLength(1);
    expect(only?.text).toMatch(/^Completed/);
    expect(textOf(only?.blocks) + textOf(only?.attachments)).toMatch(/Started/);
    const { ts, channel } = only ?? {};
    expect(await delivery('started/room')).toMatchObject({ receipt: `${channel}/${ts}` });
    expect(await delivery('completed/room')).toMatchObject({ receipt: `${channel}/${ts}` });
  });

  test('shows a job that is late twice, stuck, fails and is corrected in five lines, with three replies', async () => {
    const limits = [{ queuedFor: 30, runningFor: 60, noProgressFor: 20 }];
    const loud = { when: { outcome: ['stuck'] }, notify: ['room'], mention: 'here' };
    notifier = deployWith({ limits, rules: [loud, { notify: ['room'] }] });
    const [queuedTime, startTime] = ['2026-01-01T10:09:00Z', '2026-01-01T10:45:00Z'];
    const at = clock.now();
    const counters = { queuedTime, lastReportTime: '2026-01-01T10:46:00Z' };
    world.setJob('job_1', { status: 'Queued', at, ...counters, startTime: null });
    await notifier.post('job_1');
    await sweepAfter(notifier, 35 * minute);
    world.setJob('job_1', { status: 'Running', at, ...counters, startTime });
    await sweepAfter(notifier, minute);
    await sweepAfter(notifier, 61 * minute);
    await sweepAfter(notifier, 21 * minute);
    await become('Failed', { queuedTime });
    await become('Completed', { queuedTime, lastReportTime: '2026-01-01T13:00:00Z' });

    expect(messages()).toHaveLength(1);
    const whole = textOf([messages()[0]?.blocks, messages()[0]?.attachments]);
    const lines = ['Completed', 'Failed', 'Stuck', 'Late, was still running', 'Late, was still queued'];
    const places = lines.map((line) => whole.indexOf(line));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect([...places].sort((one, other) => one - other)).toEqual(places);
    expect(replies().map(({ text, isBroadcast }) => [text.split(/[ :]/)[0], isBroadcast])).toEqual([
      ['Stuck', true],
      ['Failed', true],
      ['Completed', true],
    ]);
    // The mention is where people hear it, and not in the edit.
    expect(textOf(replies()[0])).toContain('<!here>');
    expect(textOf(messages())).not.toContain('<!here>');
  });

  test('is posted by whatever comes first, with its mention, and needs no reply then', async () => {
    notifier = deployWith({ rules: [{ notify: ['room'], mention: 'channel' }] });
    await become('Failed');
    expect(said()).toEqual(['postMessage']);
    expect(textOf(messages())).toContain('<!channel>');
  });

  test('comes once for 50 triggers at the same time', async () => {
    show('Failed');
    await Promise.all(Array.from({ length: 50 }, () => notifier.post('job_1')));
    await sweepAfter(notifier, minute);
    expect(said()).toEqual(['postMessage']);
  });

  test('is posted before it is edited, when Slack was away for both', async () => {
    await world.slack.pause();
    await become('Running');
    await become('Failed');
    await world.slack.resume();
    await sweepAfter(notifier, minute);
    await sweepAfter(notifier, minute);
    expect(said()).toEqual(['postMessage', 'update', 'reply']);
    expect(messages()[0]?.text).toMatch(/^Failed/);
  });

  test.each([
    ['where no rule names it', 1, [{ notify: ['room'] }]],
    ['where a rule names it, one more', 2, rules],
  ])('the start costs a write %s, and a running job that does not change none', async (_, writes, ofRules) => {
    notifier = deployWith({ rules: ofRules });
    const counts = countStore(notifier);
    const written = () => (counts['save'] ?? 0) + (counts['saveDelivery'] ?? 0);
    await become('Running');
    expect(written()).toBe(writes);
    for (let sweeps = 0; sweeps < 3; sweeps++) await sweepAfter(notifier, minute);
    expect(written()).toBe(writes);
  });

  test('a start that no rule names is no message', async () => {
    notifier = deployWith({ rules: [{ notify: ['room'] }] });
    expect(await become('Running')).toEqual({});
    expect((await notifier.get('job_1')).body.outcome).toBeNull();
    expect(said()).toEqual([]);
  });
});

describe('a message that cannot be edited is posted anew, with the mention, and remembered', () => {
  test.each<[sentence: string, happen: () => void]>([
    ['deleted by a person', () => slack.deleteMessage(messages()[0] as never)],
    ['edit_window_closed', () => Object.assign(slack, { isEditingAllowed: false })],
    ['posted by an app that was replaced', () => fault('chat.update', refusedCall('cant_update_message'))],
  ])('%s', async (_, happen) => {
    notifier = deployWith({
      rules: [naming('started'), { ...naming('failed'), mention: 'here' }, { notify: ['room'] }],
    });
    await become('Running');
    happen();
    await become('Failed');
    expect(said()).toEqual(['postMessage', 'update', 'postMessage']);
    const newest = messages().at(-1);
    expect(textOf(newest)).toContain('<!here>');
    Object.assign(slack, { isEditingAllowed: true });
    await become('Completed');
    expect(since(3)).toEqual(['update', 'reply']);
    expect(newest?.text).toMatch(/^Completed/);
    expect(replies()[0]?.thread_ts).toBe(newest?.ts);
  });

  test('in another channel, after the configuration changed', async () => {
    await become('Running');
    slack.addConversation({ id: 'C0OTHER', name: 'other' });
    notifier = deployWith({}, { channel: 'C0OTHER' });
    await become('Completed');
    expect(said()).toEqual(['postMessage', 'postMessage']);
    expect(messages().map(({ channel }) => channel)).toEqual([slack.room.id, 'C0OTHER']);
  });
});

describe('never two: an attempt with an unknown fate is looked up before it is repeated', () => {
  const rows: [what: string, method: string, prepare: () => Promise<unknown>, status: string, calls: string[]][] = [
    ['a post', 'chat.postMessage', async () => undefined, 'Failed', ['postMessage']],
    ['a reply', 'chat.postMessage', () => become('Running'), 'Failed', ['update', 'reply']],
  ];
  test.each(rows)('%s that was accepted', async (_, method, prepare, status, calls) => {
    await prepare();
    const before = said().length;
    fault(method, lost);
    expect(await become(status)).toMatchObject({ 'failed/room': 'pending' });
    expect(since(before)).toEqual(calls);
    // Not before a minute has passed, whatever triggers it.
    await sweepAfter(notifier, minute - 1_000);
    await notifier.post('job_1');
    expect(since(before)).toEqual(calls);
    await sweepAfter(notifier, 10_000);
    expect(since(before).slice(calls.length)).toEqual(before === 0 ? ['test', 'history'] : ['test', 'replies']);
    const { ts, thread_ts } = slack.messages.at(-1) ?? {};
    const receipt = [slack.room.id, ...(thread_ts ? [thread_ts] : []), ts].join('/');
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: false, receipt });
    expect(slack.messages).toHaveLength(before === 0 ? 1 : 2);
    expect(sentAmbiguously()).toBe(0);
  });

  test.each(rows)('%s that was not accepted is sent then', async (_, method, prepare, status) => {
    await prepare();
    const before = slack.messages.length;
    fault(method, { status: 500 });
    await become(status);
    expect(slack.messages).toHaveLength(before);
    await sweepAfter(notifier, 70_000);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: false, attempts: 2 });
    expect(slack.messages).toHaveLength(before + 1);
  });

  test('whoever takes over from a worker that died looks at once: a minute has passed by then', async () => {
    const dying = deployWith();
    const accepted = latch();
    wrapChannel(dying, 'room', (real) => async (...message) => {
      await real.send(...message);
      accepted.open();
      return await new Promise<never>(() => undefined);
    });
    show('Failed');
    void dying.post('job_1');
    await accepted.opened;
    // The function may take 25 s, and its last attempt ends 2 s before that.
    await sweepAfter(notifier, (23 + 60) * second);
    expect(said()).toEqual(['postMessage']);
    await sweepAfter(notifier, 2 * second);
    expect(said()).toEqual(['postMessage', 'test', 'history']);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: false });
  });

  test('an edit is repeated without a look: that does no harm', async () => {
    await become('Running');
    fault('chat.update', lost);
    expect(await become('Completed')).toMatchObject({ 'completed/room': 'pending' });
    await sweepAfter(notifier, minute);
    expect(said()).toEqual(['postMessage', 'update', 'update']);
    expect(await delivery('completed/room')).toMatchObject({ state: 'sent', ambiguous: false });
  });

  test('it is found among a thousand others, and only if it is ours', async () => {
    fault('chat.postMessage', lost);
    await become('Failed');
    const [ours] = slack.messages;
    const { metadata } = ours ?? {};
    for (let count = 0; count < 500; count++) slack.post({ channel: slack.room.id, user: 'U0SAM', text: 'hello' });
    slack.post({
      channel: slack.room.id,
      user: 'U0SAM',
      text: 'a copy',
      bot_id: 'B0OTHER',
      ...(metadata && { metadata }),
    });
    await sweepAfter(notifier, 70_000);
    expect(said().slice(1)).toEqual(['test', 'history', 'history', 'history']);
    expect(await delivery('failed/room')).toMatchObject({ receipt: `${slack.room.id}/${ours?.ts}` });
  });

  test('a look that fails for now is repeated, and nothing is sent meanwhile', async () => {
    fault('chat.postMessage', lost);
    await become('Failed');
    fault('conversations.history', rateLimitedCall(30));
    await sweepAfter(notifier, 70_000);
    expect(await delivery('failed/room')).toMatchObject({ state: 'pending', ambiguous: true });
    await sweepAfter(notifier, 2 * minute);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: false });
    expect(slack.messages).toHaveLength(1);
  });

  test.each<[sentence: string, refuse: () => void, reason: RegExp]>([
    ['without the scope', () => slack.app.scopes.delete('channels:history'), /missing_scope.+ channels:history /],
    [
      'in the direct messages, without the scope that opens them',
      () => {
        notifier = deployWith({ people }, { channel: 'starter' });
        slack.app.scopes.delete('im:write');
      },
      /missing_scope.+ im:write /,
    ],
    [
      'by an app that is no member',
      () => {
        Object.assign(slack.room, { isMember: false });
        slack.app.scopes.add('chat:write.public');
      },
      /not_in_channel/,
    ],
    [
      'past a thousand other messages',
      () => {
        for (let count = 0; count < 1_001; count++)
          slack.post({ channel: slack.room.id, user: 'U0SAM', text: 'hello' });
      },
      /more than 1000 messages/,
    ],
  ])('a look that is refused, %s, is as for the webhook: repeated, counted and said', async (_, refuse, reason) => {
    refuse();
    fault('chat.postMessage', lost);
    await become('Failed', by('Jane Editor'));
    if (reason.source.includes('1000')) refuse();
    await sweepAfter(notifier, 70_000);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: true });
    expect(sentAmbiguously()).toBe(1);
    expect(logged(notifier)).toContainEqual(
      expect.objectContaining({ message: 'delivery not looked up', reason: expect.stringMatching(reason) }),
    );
  });
});

describe('what Slack refuses until somebody acts', () => {
  test.each<[code: string, refuse: () => void, advice: RegExp, repair: () => void]>([
    [
      'is_archived',
      () => Object.assign(slack.room, { isArchived: true }),
      /Unarchive it/,
      () => Object.assign(slack.room, { isArchived: false }),
    ],
    [
      'not_in_channel',
      () => Object.assign(slack.room, { isMember: false }),
      /Invite the app/,
      () => Object.assign(slack.room, { isMember: true }),
    ],
    [
      'missing_scope',
      () => slack.app.scopes.delete('chat:write'),
      /Add the scope chat:write /,
      () => slack.app.scopes.add('chat:write'),
    ],
    [
      'account_inactive',
      () => fault('chat.postMessage', refusedCall('account_inactive')),
      /removed from the workspace/,
      () => undefined,
    ],
    [
      'channel_not_found',
      () => fault('chat.postMessage', refusedCall('channel_not_found')),
      /check the id/,
      () => undefined,
    ],
  ])('%s', async (code, refuse, advice, repair) => {
    refuse();
    await become('Failed');
    const { error, nextAt, ambiguous } = (await delivery('failed/room')) ?? {};
    expect(error).toMatch(new RegExp(`^Slack: answered 200 ${code}\\. `));
    expect(error).toMatch(advice);
    expect(ambiguous).toBe(false);
    expect(Date.parse(String(nextAt)) - clock.now()).toBe(15 * minute);
    repair();
    await sweepAfter(notifier, 15 * minute);
    expect(messages()).toHaveLength(1);
  });

  test('a token that was revoked and replaced is read again, and the message sent at once', async () => {
    await become('Running');
    slack.app.isRevoked = true;
    await become('Failed');
    expect((await delivery('failed/room'))?.['error']).toMatch(/token_revoked\. Put the bot token/);
    const old = slack.app.token;
    Object.assign(slack.app, { isRevoked: false, token: newToken() });
    let token = old;
    const { read } = notifier.deps.secrets;
    Object.assign(notifier.deps.secrets, {
      read: async (reference: string) => (reference === old ? token : await read(reference)),
      refresh: async () => {
        token = slack.app.token;
        return true;
      },
    });
    await sweepAfter(notifier, 15 * minute);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent' });
    expect(said().filter((call) => call === 'reply')).toHaveLength(1);
  });

  test('too many requests: the channel waits for as long as Slack asks', async () => {
    fault('chat.postMessage', rateLimitedCall(90));
    await become('Failed');
    expect(Date.parse(String((await delivery('failed/room'))?.['nextAt'])) - clock.now()).toBe(90_000);
  });

  test('blocks: the text alone is sent, and a text that is refused too is no outage', async () => {
    fault('chat.postMessage', refusedCall('invalid_blocks'));
    await become('Failed');
    expect(messages()[0]).toMatchObject({ text: expect.stringMatching(/^Failed/), blocks: [] });
    fault('chat.update', { ...refusedCall('msg_too_long'), times: 2 });
    await become('Completed');
    expect(await delivery('completed/room')).toMatchObject({ state: 'pending', error: /msg_too_long/ });
  });
});

describe('channel: starter', () => {
  test('writes to the person who started the job, and looks there', async () => {
    notifier = deployWith({ people }, { channel: 'starter' });
    await become('Running', by('Jane Editor'));
    fault('chat.postMessage', lost);
    await become('Failed', by('Jane Editor'));
    await sweepAfter(notifier, 70_000);
    expect(new Set(slack.messages.map(({ channel }) => channel))).toEqual(new Set(['D0JANE']));
    expect(said()).toEqual(['postMessage', 'update', 'reply', 'test', 'replies']);
  });

  test('finds a first message in the direct messages', async () => {
    notifier = deployWith({ people }, { channel: 'starter' });
    fault('chat.postMessage', lost);
    await become('Failed', by('Jane Editor'));
    await sweepAfter(notifier, 70_000);
    expect(said()).toEqual(['postMessage', 'test', 'open', 'history']);
    expect(await delivery('failed/room')).toMatchObject({ state: 'sent', ambiguous: false });
  });

  test.each<[string, Values, string]>([
    ['an application', by('Jane Editor', 'Application'), 'startedByApplication'],
    ['a person whom people do not list', by('Sam Editor'), 'notInPeople'],
  ])('makes no delivery for %s, and the decision says why', async (_, values, reason) => {
    notifier = deployWith({ people }, { channel: 'starter' });
    expect(await become('Failed', values)).toEqual({});
    expect((await notifier.get('job_1')).body.decision).toMatchObject({ channels: [], skipped: { room: reason } });
    expect(said()).toEqual([]);
  });
});

test('names cannot ring anybody, texts are within the limits, and metadata holds nothing but an id', async () => {
  const name = `<!channel> <@U0SAM> & ${'x<!here>'.repeat(800)}`;
  await become('Running', { name });
  await become('Failed', { name });
  const sent = world.slack.calls.map(({ args }) => args);
  // A plain text object is shown as it is.
  const marked = JSON.stringify(sent, (_, value) => (value?.type === 'plain_text' ? undefined : value));
  expect(marked).not.toMatch(/<[!@](?!date)/);
  for (const { text } of sent) expect(String(text).length).toBeLessThanOrEqual(4_000);
  for (const { metadata } of sent.filter((one) => 'metadata' in one)) {
    expect(metadata).toEqual({
      event_type: 'publishing_job_notice',
      event_payload: { delivery_id: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  }
  expect(sent.map(({ parse }) => parse)).toEqual(['none', 'none', 'none']);
});

test('the token shows in no log, no response and nowhere in the table', async () => {
  fault('chat.postMessage', { status: 500, body: `no such token: ${slack.app.token}` });
  await become('Failed');
  await sweepAfter(notifier, hour);
  expectNoSecrets([(await notifier.get('job_1')).body, notifier.lines, await itemsOf(world)], [slack.app.token]);
});
