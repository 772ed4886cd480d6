import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SlackServer, startSlackServer } from '../../local/slack-server.ts';

let slack: SlackServer;
beforeEach(async () => {
  slack = await startSlackServer();
});
afterEach(() => slack.close());

async function post(payload: unknown, hook?: string) {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const response = await fetch(slack.webhookUrl(hook), { method: 'POST', body });
  return `${response.status} ${await response.text()}`;
}

const text = (length: number, type = 'plain_text') => ({ type, text: 'x'.repeat(length) });
const section = (length: number) => ({ type: 'section', text: text(length, 'mrkdwn') });

test('a message within the limits is accepted', async () => {
  const blocks = [
    { type: 'header', text: text(150) },
    { type: 'section', text: text(3000, 'mrkdwn'), fields: Array(10).fill(text(100)) },
    { type: 'context', elements: Array(10).fill(text(10)) },
    { type: 'divider' },
  ];
  expect(await post({ text: 'hello', blocks }, 'events')).toBe('200 ok');
  expect(slack.messages).toMatchObject([{ hook: 'events', payload: { text: 'hello', blocks } }]);
});

test.each([
  ['more than 50 blocks', Array(51).fill({ type: 'divider' })],
  ['a header over 150 characters', [{ type: 'header', text: text(151) }]],
  ['a header in mrkdwn', [{ type: 'header', text: text(1, 'mrkdwn') }]],
  ['a text object over 3,000 characters', [section(3001)]],
  ['an empty text', [section(0)]],
  ['eleven fields', [{ type: 'section', fields: Array(11).fill(text(1)) }]],
  ['a field over 2,000 characters', [{ type: 'section', fields: [text(2001)] }]],
  ['eleven context elements', [{ type: 'context', elements: Array(11).fill(text(1)) }]],
  ['blocks that are too long together', Array(5).fill(section(2900))],
  ['a block without a type', [{}]],
])('%s is refused', async (_, blocks) => {
  expect(await post({ text: 'hello', blocks })).toBe('400 invalid_blocks');
  expect(slack.messages).toEqual([]);
});

test('an empty message and bad JSON are refused', async () => {
  expect(await post({})).toBe('400 no_text');
  expect(await post('{')).toBe('400 invalid_payload');
});

test('a response can be injected for one hook and for a number of times', async () => {
  slack.answerWith({
    hook: 'team',
    status: 429,
    headers: { 'retry-after': '30' },
    body: { ok: false, error: 'rate_limited', retry_after: 30 },
    times: 2,
  });
  expect(await post({ text: 'a' }, 'events')).toBe('200 ok');
  expect(await post({ text: 'b' })).toMatch(/^429 .*"retry_after":30/);
  expect(await post({ text: 'c' })).toMatch(/^429/);
  expect(await post({ text: 'd' })).toBe('200 ok');
  expect(slack.messages.map(({ payload }) => payload.text)).toEqual(['a', 'd']);
  expect([slack.requestCount(), slack.requestCount('team')]).toEqual([4, 3]);
});

test('a message can be accepted while its response is lost', async () => {
  slack.answerWith({ kind: 'reset', accepted: true });
  await expect(post({ text: 'posted' })).rejects.toThrow();
  expect(slack.messages).toHaveLength(1);
});
