import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { slackContent } from '../../lib/channels/slack-content.ts';
import { type Delivery, type Job, type JobRecord, type Outcome, outcomes } from '../../lib/domain/job.ts';
import { type Message, messageOf } from '../../lib/domain/message.ts';
import { decideNext } from '../../lib/pipeline/check.ts';
import type { SlackBlock } from '../../local/slack/payload.ts';
import { type SlackPayload, type SlackServer, startSlackServer } from '../../local/slack-server.ts';
import { contextAt, jobName as name, start as now, someJob, someStatistics } from '../support/builders.ts';

const statistics = someStatistics({
  processed: 103,
  failed: 2,
  skipped: 40,
  deleted: 7,
  additional: 3,
  asOf: '2026-01-20T11:53:00.000Z',
});
const jobOf = ({ status = 'Canceled', ...values }: Partial<Job> = {}): Job =>
  someJob(status, {
    startedBy: 'Release pipeline',
    startedByType: 'Application',
    canceledBy: 'Alex Example',
    queuedAt: '2026-01-20T11:50:00.000Z',
    startedAt: '2026-01-20T11:50:05.000Z',
    finishedAt: '2026-01-20T11:54:10.000Z',
    statistics,
    ...values,
  });

const recordOf = (values: Partial<Job> = {}, mention?: string): JobRecord => {
  const rules = [{ notify: ['team'], ...(mention ? { mention } : {}) }];
  const context = contextAt(now, { rules, channels: ['team'] });
  return decideNext(undefined, name, { kind: 'job', job: jobOf(values) }, context).next as JobRecord;
};
type Extras = { outcome?: Outcome; mention?: string | undefined; corrects?: Outcome; jobUrl?: string | undefined };
/** The message about a job, as if it had been decided that way. */
function messageAbout(values: Partial<Job> = {}, extras: Extras = {}): Message {
  const record = recordOf(values, extras.mention);
  const decision = record.decision && {
    ...record.decision,
    outcome: extras.outcome ?? record.decision.outcome,
    corrects: extras.corrects ?? null,
  };
  const outcome = decision?.outcome as Outcome;
  const told = { ...Object.values(record.deliveries)[0], state: 'sent' } as Delivery;
  const deliveries = { ...record.deliveries, ...(extras.corrects && { [`${extras.corrects}/team`]: told }) };
  return messageOf({ ...record, decision, deliveries }, { outcome, channel: 'team', jobUrl: extras.jobUrl });
}
const rendered = (message: Message): SlackPayload => ({ ...slackContent(message) }) as unknown as SlackPayload;

const hostile = `<!channel> & <https://evil.example|click> \`\`\` ${'x'.repeat(5_000)}`;
const everywhere = (text: string): Partial<Job> => ({ name: text, source: text, startedBy: text, canceledBy: text });

/** The blocks beside the color bar. */
const besideBar = ({ attachments = [] }: SlackPayload): SlackBlock[] =>
  attachments.flatMap(({ blocks = [] }) => blocks);
const allBlocks = (payload: SlackPayload): SlackBlock[] => [...(payload.blocks ?? []), ...besideBar(payload)];
const elementsOf = (payload: SlackPayload) => (besideBar(payload).at(-1)?.elements ?? []).map(({ text }) => `${text}`);

/** Every text of the blocks, with its limit in characters. */
const texts = (payload: SlackPayload): { type: string; text: string; limit: number }[] =>
  allBlocks(payload).flatMap((block) => [
    ...(block.text ? [{ ...block.text, limit: block.type === 'header' ? 150 : 3_000 }] : []),
    ...(block.elements ?? []).map((element) => ({ ...element, limit: 3_000 })),
  ]) as { type: string; text: string; limit: number }[];

/** Every limit of Slack that a payload breaks; channels.md lists them. */
function broken(payload: SlackPayload): string[] {
  const { text = '', attachments = [] } = payload;
  const blocks = allBlocks(payload);
  const problems: [boolean, string][] = [
    [text.length > 0 && text.length <= 4_000, `${text.length} characters beside the blocks`],
    [blocks.length > 0 && blocks.length <= 50, `${blocks.length} blocks`],
    [attachments.length === 1 && !!attachments[0]?.fallback, 'not one attachment with a fallback'],
    [JSON.stringify(blocks).length <= 12_000, `${JSON.stringify(blocks).length} characters in all blocks`],
    ...blocks.map(({ elements }): [boolean, string] => [
      elements === undefined || (elements.length > 0 && elements.length <= 10),
      `${elements?.length} elements`,
    ]),
    ...texts(payload).map((one): [boolean, string] => [
      one.text.length > 0 && one.text.length <= one.limit,
      `${one.text.length} characters where ${one.limit} are allowed`,
    ]),
  ];
  return problems.filter(([holds]) => !holds).map(([, problem]) => problem);
}

const ours =
  /<!(?:here|channel)>|<!subteam\^S[A-Z0-9]+>|<@[UW][A-Z0-9]+>|<!date\^\d+\^\{date_short_pretty\} at \{time\}\|\d{4}-\d\d-\d\d \d\d:\d\d UTC>|<https:\/\/example\.org\/[^<>|]*\|Open the job>/g;
const entity = /&(?:amp|lt|gt);/g;
/** Control sequences that are not ours. */
const foreignControl = (text: string): string[] => text.replace(ours, '').replace(entity, '').match(/[<>&]/g) ?? [];
/** The texts in which Slack interprets control characters. */
const interpreted = (payload: SlackPayload): string[] => [
  payload.text ?? '',
  ...texts(payload)
    .filter(({ type }) => type === 'mrkdwn')
    .map(({ text }) => text),
];

const foreign = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6_000, size: 'max' }),
  fc.string({ unit: 'binary', maxLength: 400, size: 'max' }),
  fc
    .array(
      fc.constantFrom(
        '<!channel>',
        '<@U123>',
        '&',
        '&amp;',
        '<',
        '>',
        '|',
        '```',
        '`',
        '*',
        '\u202e',
        '👩‍👩‍👧',
        '𝔸',
        '\ud83d',
        '"',
        '\\',
        'x',
      ),
      { maxLength: 3_000, size: 'max' },
    )
    .map((deps) => deps.join('')),
);
const anyJob = fc
  .record({
    name: fc.option(foreign),
    source: fc.option(foreign),
    startedBy: fc.option(foreign),
    canceledBy: fc.option(foreign),
  })
  .chain((values) => fc.constantFrom('Completed', 'Failed', 'Canceled').map((status) => ({ ...values, status })));
const anyMessage = fc
  .tuple(anyJob, fc.option(fc.constantFrom('here', 'channel', 'U0123ABC', 'W0123ABC', 'S0123ABC'), { nil: undefined }))
  .map(([values, mention]) => messageAbout(values, { mention, jobUrl: 'https://example.org/{jobId}?a=1&b=2' }));

describe('with any text in a job', () => {
  test('the message respects every limit of Slack', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(broken(rendered(message))).toEqual([]);
      }),
    );
  });

  test('every control character in the message is ours', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(interpreted(rendered(message)).flatMap(foreignControl)).toEqual([]);
      }),
    );
  });

  test('the message mentions only whom a rule names', () => {
    fc.assert(
      fc.property(anyJob, (values) => {
        const all = interpreted(rendered(messageAbout(values))).join('\n');
        expect(all).not.toMatch(/<!(?!date)|<@|<#/);
      }),
    );
  });

  test('no character is cut in two', () => {
    const wellFormed = fc.string({ unit: 'grapheme-composite', maxLength: 6_000, size: 'max' });
    fc.assert(
      fc.property(wellFormed, (text) => {
        const payload = rendered(messageAbout(everywhere(text)));
        const all = [payload.text ?? '', ...texts(payload).map((one) => one.text)];
        expect(all.filter((one) => !one.isWellFormed())).toEqual([]);
      }),
    );
  });

  test.each<[sentence: string, text: string]>([
    ['mentions, links and fences, over 5,000 characters', hostile],
    ['nothing but ampersands', '&'.repeat(5_000)],
    ['astral characters', '𝔸'.repeat(2_500)],
    ['emoji of many code points', '👩‍👩‍👧‍👦'.repeat(500)],
    ['characters that turn the direction', '\u202e\u2066'.repeat(2_500)],
    ['halves of characters', '\ud83d'.repeat(5_000)],
    ['quotes and backslashes', '"\\'.repeat(2_500)],
  ])('%s make a harmless message within the limits', (_, text) => {
    const payload = rendered(messageAbout(everywhere(text)));
    expect(broken(payload)).toEqual([]);
    expect(interpreted(payload).flatMap(foreignControl)).toEqual([]);
  });

  test('a cut is marked', () => {
    const payload = rendered(messageAbout(everywhere('x'.repeat(5_000))));
    expect(payload.blocks?.[0]?.text?.text).toBe(`⊘ Canceled in production: ${'x'.repeat(123)}…`);
    expect(elementsOf(payload)[0]).toMatch(/^x{99}… · canceled by x{87}… · x{99}… · 4 min/);
  });

  test('a backtick cannot format the following text as code', () => {
    expect(rendered(messageAbout(everywhere('``` `a`'))).text).not.toContain('`');
  });

  test('a name in plain text is shown unchanged', () => {
    const [header] = rendered(messageAbout({ name: 'Fish & <Chips>' })).blocks ?? [];
    expect(header?.text).toEqual({
      type: 'plain_text',
      text: '⊘ Canceled in production: Fish & <Chips>',
      emoji: false,
    });
  });

  test('Slack makes no links from external text', () => {
    const payload = rendered(messageAbout(everywhere('see https://evil.example or evil.example')));
    const markdown = texts(payload).filter(({ type }) => type === 'mrkdwn');
    expect(markdown.map(({ text }) => text).join()).not.toContain('evil');
    expect(markdown.filter((text) => !('verbatim' in text && text.verbatim === true))).toEqual([]);
  });
});

describe('the title', () => {
  test.each(outcomes)('of %s comes first, beside its icon, and is the notification', (outcome) => {
    const message = messageAbout({}, { outcome, mention: 'channel' });
    const payload = rendered(message);
    const [header] = payload.blocks ?? [];
    expect([header?.type, header?.text?.text]).toEqual(['header', `${message.look.icon} ${message.title}`]);
    expect(payload.text?.split('\n')[0]).toBe(message.title);
    expect(payload.attachments?.[0]?.fallback).toBe(message.title);
  });

  test.each<[Outcome, color: string]>([
    ['completed', '#2e9e6b'],
    ['late', '#d99a1c'],
    ['failed', '#d64545'],
    ['canceled', '#8a93a0'],
  ])('of %s has a bar in the color of its tone below', (outcome, color) => {
    expect(rendered(messageAbout({}, { outcome })).attachments?.[0]?.color).toBe(color);
  });

  test('of a correction says that it corrects', () => {
    const payload = rendered(messageAbout({}, { outcome: 'completedWithWarnings', corrects: 'completed' }));
    expect(payload.text).toMatch(/^Completed with warnings in production \(correction\): /);
    expect(payload.blocks?.[1]?.text?.text).toMatch(/^This corrects “Completed”: 2 items failed/);
  });
});

describe('a mention', () => {
  test.each([
    ['here', '<!here>'],
    ['channel', '<!channel>'],
    ['U0123ABC', '<@U0123ABC>'],
    ['W0123ABC', '<@W0123ABC>'],
    ['S0123ABC', '<!subteam^S0123ABC>'],
  ])('of %s appears once in the blocks, where Slack notifies of it, and once in the text', (mention, form) => {
    const payload = rendered(messageAbout({}, { mention }));
    expect(payload.text?.split('\n')[1]).toBe(form);
    expect(payload.text?.split(form)).toHaveLength(2);
    expect(payload.blocks?.[1]?.text?.text).toBe(`${form} Items that were already published stay published.`);
    expect(JSON.stringify(payload.blocks).split(form)).toHaveLength(2);
    expect(JSON.stringify(payload.attachments)).not.toContain(form);
  });

  test.each(outcomes)('is absent for %s, unless a rule asks for it', (outcome) => {
    expect(interpreted(rendered(messageAbout({}, { outcome }))).join('\n')).not.toMatch(/<[!@](?!date)/);
  });
});

describe('the context line', () => {
  test('has what is known, the time in the reader’s zone, and the id', () => {
    expect(elementsOf(rendered(messageAbout({ finishedAt: '2026-07-01T00:30:59.999Z', startedAt: null })))).toEqual([
      'Release pipeline · canceled by Alex Example · Pages · 103 items so far · 2 failed · 40 skipped',
      `<!date^${Date.UTC(2026, 6, 1, 0, 30, 59) / 1_000}^{date_short_pretty} at {time}|2026-07-01 00:30 UTC>`,
      'job_41B25',
    ]);
  });

  test('is in the plain text, for previews and screen readers', () => {
    expect(rendered(messageAbout({}, { mention: 'here', jobUrl: 'https://example.org/jobs/{jobId}' })).text).toBe(
      [
        'Canceled in production: Nightly site publish',
        '<!here>',
        'Items that were already published stay published.',
        'Release pipeline · canceled by Alex Example · Pages · 4 min · 103 items so far · 2 failed · 40 skipped · 2026-01-20 11:54 UTC',
        'https://example.org/jobs/job_41B25',
        'job_41B25',
      ].join('\n'),
    );
  });
});

describe('the link', () => {
  const link = (jobUrl: string): string | undefined =>
    elementsOf(rendered(messageAbout({}, { jobUrl })))[1]?.split(' · ')[1];

  // A link, not a button: Slack would report each click to an app.
  test.each<[jobUrl: string, link: string | undefined]>([
    ['https://example.org/jobs/{jobId}', '<https://example.org/jobs/job_41B25|Open the job>'],
    ['https://example.org/?a={jobId}&b=2', '<https://example.org/?a=job_41B25&amp;b=2|Open the job>'],
    ['https://example.org/a|b>c', '<https://example.org/a%7Cb&gt;c|Open the job>'],
    [`https://example.org/${'x'.repeat(3_000)}/{jobId}`, undefined],
    ['https://example.org/{tenantId}', undefined],
  ])('%s is beside the time', (jobUrl, expected) => {
    expect(link(jobUrl)).toBe(expected);
  });
});

describe('Slack', () => {
  let slack: SlackServer;
  beforeAll(async () => {
    slack = await startSlackServer();
  });
  afterAll(() => slack.close());
  const post = async (payload: object): Promise<string> => {
    const response = await fetch(slack.webhookUrl(), { method: 'POST', body: JSON.stringify(payload) });
    return `${response.status} ${await response.text()}`;
  };

  test.each(outcomes)('accepts a message of %s', async (outcome) => {
    const message = messageAbout({}, { outcome, mention: 'here', jobUrl: 'https://example.org/{jobId}' });
    expect(await post(rendered(message))).toBe('200 ok');
    expect(await post({ text: rendered(message).text })).toBe('200 ok');
    expect(slack.messages.at(-2)?.payload).toEqual(rendered(message));
  });

  test.each([
    hostile,
    '&'.repeat(5_000),
    '👩‍👩‍👧‍👦'.repeat(500),
    '\u202e<!channel>'.repeat(500),
    '\ud83d"\\'.repeat(2_000),
  ])('accepts a message about %j', async (text) => {
    const message = messageAbout(everywhere(text), { mention: 'S0123ABC' });
    expect(await post(rendered(message))).toBe('200 ok');
    expect(await post({ text: rendered(message).text })).toBe('200 ok');
  });

  test('accepts a message about a job that was never read', async () => {
    const nothing = { name: null, source: null, startedBy: null, canceledBy: null, statistics: null };
    const times = { queuedAt: null, startedAt: null, finishedAt: null };
    expect(await post(rendered(messageAbout({ ...nothing, ...times })))).toBe('200 ok');
  });
});
