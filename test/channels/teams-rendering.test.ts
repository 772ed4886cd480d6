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

  test('shows the status word and its colour, the sentence, the facts and the link', () => {
    const message = messageAbout('failed', { jobUrl: 'https://example.com/jobs/{jobId}' });
    const card = cardOf(message);
    expect(card).toMatchObject({ version: '1.4', msteams: { width: 'Full' } });
    expect(card.body[0]).toMatchObject({ type: 'Container', style: 'attention' });
    const texts = textsIn(card).map(([, text]) => text);
    expect(texts[0]).toBe('Failed: Nightly site publish');
    expect(texts[1]).toMatch(/^The whole job failed\./);
    expect(texts).toEqual(expect.arrayContaining(['Environment: ', 'production', 'Started by: ', 'Jane Editor']));
    expect(card.actions).toEqual([
      { type: 'Action.OpenUrl', title: 'Open the job', url: 'https://example.com/jobs/job_41B25' },
    ]);
    expect(card.fallbackText).toMatch(/^Failed: Nightly site publish\. The whole job failed\./);
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
      test: 'emphasis',
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
      summary: 'Canceled: Nightly site publish',
      attachments: [
        { contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: cardOf(message) },
      ],
    });
  });

  test('is the card alone, if the flow expects that', () => {
    expect(cardOf(message).type).toBe('AdaptiveCard');
  });

  test('comes with a text for people', () => {
    expect(channelWith().render(message).text).toMatch(/^Canceled: Nightly site publish\nThe job was canceled/);
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
    expect(textsIn(card).filter(([type]) => type === 'TextBlock')).toEqual([]);
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
    const longer = { ...message, facts: [...message.facts, { label: 'Extra', text: hostileTexts[0] ?? '' }] };
    for (const one of [message, longer]) {
      const [payload, card] = [render(one), cardOf(one)];
      expect(Buffer.byteLength(JSON.stringify(payload))).toBeLessThanOrEqual(20_000);
      expect(problemsOf(card)).toEqual([]);
      expect(card.actions).toHaveLength(1);
      expect(textsIn(card).filter(([type]) => type !== 'TextRun')).toEqual([]);
      expect(card.msteams).toEqual({ width: 'Full' });
    }
  });

  test('is cut where everybody sees it', () => {
    const title = `Failed: ${'x'.repeat(5_000)}`;
    expect(textsIn(cardOf({ ...messageAbout('failed'), title }))[0]?.[1]).toMatch(/^Failed: x+…$/);
  });

  test('costs facts, and no link, when there are too many of them', () => {
    const facts = Array.from({ length: 200 }, (_, index) => ({ label: `Fact ${index}`, text: '漢'.repeat(5_000) }));
    const card = cardOf({ ...messageAbout('failed', { jobUrl: 'https://example.com/{jobId}' }), facts });
    expect(Buffer.byteLength(JSON.stringify(card))).toBeLessThanOrEqual(20_000);
    expect(card.actions).toHaveLength(1);
  });
});
