import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { teams } from '../../lib/channels/teams.ts';
import type { Message } from '../../lib/domain/message.ts';
import { createHttp } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createFakeClock } from '../support/clock.ts';
import { everyOutcome, everywhere, hostileTexts, messageAbout } from './every-outcome.ts';

/** Microsoft's own library. Its modules are for bundlers; Node can load only its bundle. */
const { AdaptiveCard, SerializationContext, Versions } = createRequire(import.meta.url)(
  'adaptivecards/dist/adaptivecards.js',
) as typeof import('adaptivecards');

// biome-ignore lint/suspicious/noExplicitAny: a card is JSON, and tests look into it as Teams would.
type Card = any;

const secrets = { read: async () => '', refresh: async () => false };
const channelWith = (payload?: string) =>
  teams.create(
    { http: createHttp(), clock: createFakeClock(), secrets, redact: createRedactor() },
    { type: 'teams', url: 'env:TEAMS_URL', ...(payload ? { payload } : {}) },
  );
const render = (message: Message) => channelWith().render(message).payload as Card;
const cardOf = (message: Message): Card => channelWith('card').render(message).payload;

/** What Microsoft's own reader of Adaptive Cards finds wrong with a card for hosts of version 1.4. */
function problemsOf(card: Card): string[] {
  const context = new SerializationContext(Versions.v1_4);
  const read = new AdaptiveCard();
  read.parse(card, context);
  const events = Array.from({ length: context.eventCount }, (_, index) => context.getEventAt(index));
  // What the reader does not know is gone when it writes the card. `msteams` is the extension of Teams.
  const { msteams: _, ...written } = card;
  const { ...known } = read.toJSON(context);
  const lost = isDeepStrictEqual(known, written) ? [] : ['it has members that the reader does not know'];
  return [...events, ...read.validateProperties().validationEvents].map(({ message }) => message).concat(lost);
}

/** All text of a card that a person sees, by the element that shows it. */
function textsIn(element: Card, type = ''): [type: string, text: string][] {
  if (Array.isArray(element)) return element.flatMap((one) => textsIn(one, type));
  if (typeof element !== 'object' || element === null) return [];
  const own: [string, string][] = typeof element.text === 'string' ? [[element.type, element.text]] : [];
  return [...own, ...['body', 'items', 'inlines', 'actions'].flatMap((member) => textsIn(element[member]))];
}

/** Texts that Teams reads as markdown, but for the time. */
const foreignBlocks = (card: Card) =>
  textsIn(card).filter(
    ([type, text]) =>
      type !== 'TextRun' && !/^[a-z ]*\{\{DATE\([\dT:-]+Z,SHORT\)\}\} \{\{TIME\([\dT:-]+Z\)\}\}$/.test(text),
  );

describe('an Adaptive Card', () => {
  const jane = { name: 'Jane Editor', teams: 'jane@example.com' };
  const rows = everyOutcome({ mentioned: jane, jobUrl: 'https://example.com/jobs/{jobId}' });

  test.each(rows)('of %s is read by Microsoft’s library without a problem', (_, message) => {
    expect(problemsOf(cardOf(message))).toEqual([]);
  });

  test.each([
    ['an unknown element', { type: 'Paragraph', text: 'x' }],
    ['an unknown value', { type: 'Container', style: 'red', items: [] }],
    ['an unknown member', { type: 'TextBlock', text: 'x', markdown: false }],
  ])('with %s is not', (_, element) => {
    const card = cardOf(messageAbout('failed'));
    expect(problemsOf({ ...card, body: [...card.body, element] })).not.toEqual([]);
  });

  test('shows the title in its colour, the sentence, the context line and the link', () => {
    const message = messageAbout('failed', { jobUrl: 'https://example.com/jobs/{jobId}' });
    const card = cardOf(message);
    expect(card).toMatchObject({ version: '1.4', msteams: { width: 'Full' } });
    expect(card.body[0]).toMatchObject({ type: 'Container', style: 'attention' });
    expect(textsIn(card).map(([, text]) => text)).toEqual([
      '✕ Failed in production: Nightly site publish',
      'Sitecore gives no reason. Check the job there before you publish again.',
      'Jane Editor · Pages · 9 min · 100 items',
      '{{DATE(2026-01-20T11:59:00Z,SHORT)}} {{TIME(2026-01-20T11:59:00Z)}}',
      'job_41B25',
    ]);
    expect(card.actions).toEqual([
      { type: 'Action.OpenUrl', title: 'Open the job', url: 'https://example.com/jobs/job_41B25' },
    ]);
    expect(card.fallbackText).toMatch(/^Failed in production: Nightly site publish\. Sitecore gives no reason/);
  });

  test('has a colour for each outcome', () => {
    const styles = Object.fromEntries(
      everyOutcome().map(([outcome, message]) => [outcome, cardOf(message).body[0].style]),
    );
    expect(styles).toEqual({
      completed: 'good',
      completedWithWarnings: 'warning',
      publishedNothing: 'warning',
      failed: 'attention',
      canceled: 'emphasis',
      lostTrack: 'warning',
      late: 'warning',
      stuck: 'warning',
      started: 'emphasis',
      test: 'emphasis',
      trouble: 'attention',
      recovered: 'good',
    });
  });

  test('without a link has no action', () => {
    expect(cardOf(messageAbout('failed')).actions).toBeUndefined();
  });
});

describe('the payload', () => {
  const message = messageAbout('canceled');

  test('is a message with the card attached', () => {
    expect(render(message)).toEqual({
      type: 'message',
      summary: 'Canceled in production: Nightly site publish',
      attachments: [
        { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: cardOf(message) },
      ],
    });
  });

  test('is the card alone, if the flow expects that', () => {
    expect(cardOf(message).type).toBe('AdaptiveCard');
  });

  test('comes with a text for people', () => {
    expect(channelWith().render(message).text).toMatch(/^⊘ Canceled in production: Nightly site publish\nItems that/);
  });
});

describe('a mention', () => {
  const mentioned = { name: 'Jane Editor', teams: 'jane@example.com' };

  test('is a text and an entity that say the same', () => {
    const card = cardOf(messageAbout('failed', { mentioned }));
    const text = '<at>Jane Editor</at>';
    expect(card.msteams.entities).toEqual([
      { type: 'mention', text, mentioned: { id: 'jane@example.com', name: 'Jane Editor' } },
    ]);
    expect(textsIn(card)).toContainEqual(['TextBlock', text]);
  });

  test('of a name that would be markup is plain', () => {
    const card = cardOf(messageAbout('failed', { mentioned: { ...mentioned, name: '<at>**x**</at> [y](z)' } }));
    expect(card.msteams.entities[0].mentioned.name).toMatch(/^[\p{L}\p{N} .'-]+$/u);
    expect(problemsOf(card)).toEqual([]);
  });

  test.each([
    ['here', { mention: 'here' }],
    ['a Slack member without a Teams address', { mention: 'U012', mentioned: { name: 'Jane Editor', slack: 'U012' } }],
  ])('of %s does not exist', (_, values) => {
    const card = cardOf({ ...messageAbout('failed'), ...values });
    expect(card.msteams).toEqual({ width: 'Full' });
    expect(foreignBlocks(card)).toEqual([]);
  });
});

describe('a hostile name', () => {
  const rows = hostileTexts.flatMap((text) =>
    everyOutcome({ job: everywhere(text), jobUrl: `https://example.com/${'u'.repeat(1_900)}?{jobId}` }).map(
      ([outcome, message]) => [outcome, text.slice(0, 30), message] as const,
    ),
  );

  test.each(rows)('(%s, %s) is text, and within the limits', (_, __, message) => {
    // Not even a domain that lets everything through may break the card.
    const { context } = message;
    const longer = { ...message, context: { ...context, facts: [...context.facts, hostileTexts[0] ?? ''] } };
    for (const one of [message, longer]) {
      const [payload, card] = [render(one), cardOf(one)];
      expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThanOrEqual(20_000);
      expect(problemsOf(card)).toEqual([]);
      expect(card.actions?.length).toBe(message.link ? 1 : undefined);
      expect(foreignBlocks(card)).toEqual([]);
      expect(card.msteams).toEqual({ width: 'Full' });
    }
  });

  test('is cut where everybody sees it', () => {
    const title = `Failed in production: ${'x'.repeat(5_000)}`;
    expect(textsIn(cardOf({ ...messageAbout('failed'), title }))[0]?.[1]).toMatch(/^✕ Failed in production: x+…$/);
  });

  test('in an address that is too long costs the link alone', () => {
    const message = messageAbout('failed', { jobUrl: `https://example.com/${'{jobId}'.repeat(2_500)}` });
    const card = cardOf(message);
    expect(Buffer.byteLength(JSON.stringify(card))).toBeLessThanOrEqual(20_000);
    expect([card.actions, textsIn(card)]).toEqual([undefined, textsIn(cardOf({ ...message, link: null }))]);
  });
});
