import { afterEach, beforeEach, expect, test } from 'vitest';
import { rateLimitedCall, refusedCall } from '../../local/slack/web-api.ts';
import { newToken, type WorkspaceMessage } from '../../local/slack/workspace.ts';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';

let slack: SlackServer;
let changes: string[];
let now: number;
beforeEach(async () => {
  now = Date.parse('2026-01-01T10:00:00Z');
  changes = [];
  slack = await startSlackServer({
    now: () => now,
    onChange: ({ ts }, change) => changes.push(`${ts} ${change}`),
  });
});
afterEach(() => slack.close());

const reads = /history|replies|info/;

// biome-ignore lint/suspicious/noExplicitAny: a response is JSON, and tests read it as a caller does.
async function call(method: string, args: object = {}, token: string | null = slack.workspace.app.token): Promise<any> {
  const isForm = reads.test(method);
  const response = await fetch(`${slack.apiUrl}/${method}`, {
    method: 'POST',
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json; charset=utf-8',
    },
    body: isForm ? new URLSearchParams(args as Record<string, string>) : JSON.stringify(args),
  });
  const answer = JSON.parse((await response.text()) || '{}');
  return response.status === 200
    ? answer
    : { status: response.status, retryAfter: response.headers.get('retry-after'), ...answer };
}

const room = 'C0PUBLISHING';
const post = (values: object = {}) => call('chat.postMessage', { channel: room, text: 'Started', ...values });
const textsIn = ({ messages }: { messages: WorkspaceMessage[] }) => messages.map(({ text }) => text);
const metadata = { event_type: 'publishing_job', event_payload: { delivery: '1' } };

test('a message is posted, edited, answered in its thread, and read again', async () => {
  const posted = await post({ blocks: [{ type: 'divider' }], metadata });
  expect(posted).toMatchObject({ ok: true, channel: room, ts: '1767261600.000000', message: { bot_id: 'B0NOTIFIER' } });
  const { ts } = posted;
  await post({ thread_ts: ts, text: 'In the thread' });
  const shownToo = await post({ thread_ts: ts, text: 'Failed', reply_broadcast: true, metadata });
  expect(await call('chat.update', { channel: room, ts, text: 'Failed' })).toMatchObject({
    ok: true,
    ts,
    text: 'Failed',
  });

  const history = await call('conversations.history', { channel: room });
  expect(history).toMatchObject({
    has_more: false,
    messages: [
      { ts: shownToo.ts, subtype: 'thread_broadcast', thread_ts: ts },
      { ts, text: 'Failed', edited: { user: 'U0NOTIFIER' }, reply_count: 2, latest_reply: shownToo.ts },
    ],
  });
  // The text took the blocks away; the metadata stays, and is shown only on request.
  expect(history.messages[1]).not.toHaveProperty('blocks');
  expect(history.messages[1]).not.toHaveProperty('metadata');
  const replies = await call('conversations.replies', { channel: room, ts, include_all_metadata: 'true' });
  expect(textsIn(replies)).toEqual(['Failed', 'In the thread', 'Failed']);
  expect(replies.messages.map((one: WorkspaceMessage) => one.metadata)).toEqual([metadata, undefined, metadata]);
  expect(changes.map((change) => change.split(' ')[1])).toEqual(['posted', 'posted', 'posted', 'edited']);
  expect(changes.at(-1)).toContain(ts);
});

test('an edit of the blocks alone is not marked as an edit', async () => {
  const { ts } = await post({ attachments: [{ color: '#1f8a4c', blocks: [{ type: 'divider' }] }] });
  await call('chat.update', { channel: room, ts, text: 'Started', attachments: [{ text: 'Completed' }] });
  const [message] = (await call('conversations.history', { channel: room })).messages;
  expect(message).toMatchObject({ attachments: [{ text: 'Completed' }] });
  expect(message).not.toHaveProperty('edited');
});

test('history is filtered by time and read page by page', async () => {
  for (const text of ['a', 'b', 'c', 'd']) {
    await post({ text });
    now += 60_000;
  }
  const history = (args: object) => call('conversations.history', { channel: room, ...args });
  const [, c, b] = (await history({})).messages;
  expect(textsIn(await history({ oldest: b.ts }))).toEqual(['d', 'c']);
  expect(textsIn(await history({ oldest: b.ts, latest: c.ts, inclusive: 'true' }))).toEqual(['c', 'b']);
  const first = await history({ limit: '3' });
  expect([textsIn(first), first.has_more]).toEqual([['d', 'c', 'b'], true]);
  const rest = await history({ limit: '3', cursor: first.response_metadata.next_cursor });
  expect([textsIn(rest), rest.has_more]).toEqual([['a'], false]);
});

test('a person is written to by id, and the response has the id of the conversation', async () => {
  const opened = await call('conversations.open', { users: 'U0JANE' });
  const posted = await post({ channel: 'U0JANE' });
  expect(posted.channel).toBe(opened.channel.id);
  expect(await call('conversations.info', { channel: posted.channel })).toMatchObject({
    channel: { is_im: true, user: 'U0JANE' },
  });
  expect(await call('conversations.open', { users: 'U0NOBODY' })).toMatchObject({ error: 'user_not_found' });
});

test('a deleted message is gone, but for a tombstone while it has replies', async () => {
  const [one, two] = [await post(), await post()];
  await post({ thread_ts: two.ts, text: 'A reply' });
  for (const message of [...slack.workspace.messages].slice(0, 2)) slack.workspace.deleteMessage(message);
  expect((await call('conversations.history', { channel: room })).messages).toMatchObject([
    { ts: two.ts, subtype: 'tombstone', reply_count: 1 },
  ]);
  expect(textsIn(await call('conversations.replies', { channel: room, ts: two.ts }))).toContain('A reply');
  for (const { ts } of [one, two]) {
    expect(await call('chat.update', { channel: room, ts, text: 'x' })).toMatchObject({ error: 'message_not_found' });
    expect(await post({ thread_ts: ts })).toMatchObject({ error: 'thread_not_found' });
  }
  expect(changes.at(-1)).toBe(`${two.ts} deleted`);
});

const update = async (text = 'x') => call('chat.update', { channel: room, ts: (await post()).ts, text });
const without = (scope: string) => slack.workspace.app.scopes.delete(scope);
const change = (values: object, of: () => object = () => slack.workspace) => Object.assign(of(), values);
const after = (act: () => unknown, then: () => Promise<object>) => () => {
  act();
  return then();
};

test.each<[string, string, () => Promise<object>]>([
  ['no token', 'not_authed', () => call('auth.test', {}, null)],
  ['an unknown token', 'invalid_auth', () => call('auth.test', {}, newToken())],
  ['a revoked token', 'token_revoked', after(() => change({ isRevoked: true }, () => slack.workspace.app), post)],
  ['an unknown method', 'unknown_method', () => call('chat.delete')],
  ['an unknown channel', 'channel_not_found', () => post({ channel: 'C0UNKNOWN' })],
  ['the name of a channel', 'channel_not_found', () => post({ channel: 'publishing' })],
  ['an archived channel', 'is_archived', after(() => change({ isArchived: true }, () => slack.workspace.room), post)],
  [
    'a channel without the bot',
    'not_in_channel',
    after(() => change({ isMember: false }, () => slack.workspace.room), post),
  ],
  [
    'a private channel without the bot',
    'channel_not_found',
    async () => {
      slack.workspace.addConversation({ id: 'G0PRIVATE', name: 'private', kind: 'private', isMember: false });
      return await post({ channel: 'G0PRIVATE' });
    },
  ],
  ['a post without the scope', 'missing_scope', after(() => without('chat:write'), post)],
  [
    'a look without the scope',
    'missing_scope',
    after(
      () => without('channels:history'),
      () => call('conversations.history', { channel: room }),
    ),
  ],
  ['a text over 40,000 characters', 'msg_too_long', () => post({ text: 'x'.repeat(40_001) })],
  ['an edit over 4,000 characters', 'msg_too_long', () => update('x'.repeat(4_001))],
  [
    'blocks beyond the limits',
    'invalid_blocks',
    () => post({ attachments: [{ blocks: Array(51).fill({ type: 'divider' }) }] }),
  ],
  ['metadata without a type', 'invalid_metadata_format', () => post({ metadata: { event_payload: {} } })],
  [
    'an edit of a message of somebody else',
    'cant_update_message',
    () => {
      const { ts } = slack.workspace.post({ channel: room, user: 'U0JANE', text: 'mine' });
      return call('chat.update', { channel: room, ts, text: 'x' });
    },
  ],
  ['an edit when the window is closed', 'edit_window_closed', after(() => change({ isEditingAllowed: false }), update)],
  ['an error on request', 'fatal_error', after(() => slack.answerCallsWith(refusedCall('fatal_error')), post)],
])('%s is answered 200 with %s', async (_, error, act) => {
  expect(await act()).toMatchObject({ ok: false, error });
});

test('the error names the missing scope, and a response the scopes that there are', async () => {
  without('chat:write');
  expect(await post()).toMatchObject({ needed: 'chat:write', provided: expect.stringContaining('channels:history') });
  const response = await fetch(`${slack.apiUrl}/auth.test`, {
    headers: { authorization: `Bearer ${slack.workspace.app.token}` },
  });
  expect(response.headers.get('x-oauth-scopes')).not.toContain('chat:write');
});

test('too many calls, errors of the server and lost responses come on request, by method and channel', async () => {
  slack.answerCallsWith({ method: 'chat.postMessage', ...rateLimitedCall(30) });
  slack.answerCallsWith({ channel: 'C0OTHER', status: 503 });
  slack.answerCallsWith({ method: 'chat.postMessage', kind: 'reset', accepted: true });
  expect(await call('auth.test')).toMatchObject({ ok: true });
  expect(await post()).toMatchObject({ status: 429, retryAfter: '30', error: 'ratelimited' });
  await expect(post({ text: 'posted' })).rejects.toThrow();
  expect(await post({ channel: 'C0OTHER' })).toMatchObject({ status: 503 });
  expect(slack.workspace.messages).toMatchObject([{ text: 'posted' }]);
  expect(slack.calls.map(({ method }) => method)).toEqual(['auth.test', ...Array(3).fill('chat.postMessage')]);
});
