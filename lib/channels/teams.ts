/**
 * Microsoft Teams, through a webhook of the Workflows app:
 * https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
 */

import * as v from 'valibot';
import type { Outcome } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import { type Fact, inUtc } from '../domain/wording.ts';
import type { Address } from '../platform/address.ts';
import { UpstreamError } from '../platform/errors.ts';
import { reference } from '../platform/secrets.ts';
import { cut } from '../platform/text.ts';
import { defineChannel } from './channel.ts';
import { refusalOf, secretAddress, withFreshSecrets } from './http-post.ts';

/** Teams takes 28 KB, with what it adds itself. */
const maxBytes = 20_000;

/** The whole `url` is a secret: whoever has it can post. */
export const teams = defineChannel({
  config: {
    payload: v.optional(
      v.pipe(
        v.picklist(['message', 'card']),
        v.description('What the flow expects: a message with the card attached (the default), or the card alone'),
      ),
    ),
  },
  references: { url: reference },
  create({ http, clock, secrets, redact }, { url, payload }) {
    const payloadOf = (message: Message): object => (payload === 'card' ? cardOf(message) : messageWithCard(message));
    const read = async (): Promise<Address> => secretAddress(await secrets.read(url), 'Teams', redact);
    const post = async (address: Address, body: string, timeoutMs: number): Promise<void> => {
      if (timeoutMs <= 0) throw new UpstreamError('unavailable', 'Teams: no time left to send');
      const headers = { 'content-type': 'application/json; charset=utf-8' };
      const response = await http({ method: 'POST', url: address, service: 'Teams', headers, body, timeoutMs });
      const refusal = refusalOf(response, { service: 'Teams', advice, now: clock.now(), redact });
      if (refusal) throw refusal;
    };
    return {
      minIntervalMs: 600,
      unverified: 'Teams cannot be asked without posting. Send a test: npx publishing-job-notifier send-test',
      verify: async () => void (await read()),
      render: (message) => ({ text: textOf(message), payload: payloadOf(message) }),
      async send(message, timeoutMs) {
        const deadline = clock.now() + timeoutMs;
        const body = JSON.stringify(payloadOf(message));
        await withFreshSecrets(secrets, read, (address) => post(address, body, deadline - clock.now()));
        // The flow returns nothing about the message, and posts it later.
        return { receipt: 'accepted' };
      },
    };
  },
});

const advice = 'Check that the flow exists, is turned on, and still has an owner';

/** What the template "Send webhook alerts to a channel" expects. */
const messageWithCard = (message: Message): object => ({
  type: 'message',
  summary: cut(message.title, 150),
  attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', contentUrl: null, content: cardOf(message) }],
});

/** The message as an Adaptive Card, within the size that Teams accepts: https://adaptivecards.io/explorer/ */
function cardOf(message: Message): object {
  const sizes = [1_000, 300, 100, 30];
  const cards = sizes.map((max) => () => cardWithin(message, max));
  for (const card of cards) {
    const made = card();
    if (Buffer.byteLength(JSON.stringify(made)) <= maxBytes - envelopeBytes) return made;
  }
  return cardWithin({ ...message, facts: message.facts.slice(0, 10), url: null }, 30);
}

/** What `messageWithCard` adds: the summary, and some names. */
const envelopeBytes = 1_200;

function cardWithin(message: Message, max: number): object {
  const { title, summary, facts, mentioned, url, document } = message;
  const mention = mentioned?.teams ? mentionOf(mentioned.name, mentioned.teams) : undefined;
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: cut(`${cut(title, 150)}. ${summary}`, max),
    msteams: { width: 'Full', ...(mention ? { entities: [mention] } : {}) },
    body: [
      {
        type: 'Container',
        style: styles[document.outcome],
        bleed: true,
        items: [text({ text: cut(title, 150), weight: 'Bolder', size: 'Large' })],
      },
      text({ text: cut(summary, max) }),
      ...(mention ? [{ type: 'TextBlock', text: mention.text, wrap: true }] : []),
      ...facts.slice(0, 20).map((fact, index) => ({
        ...text({ text: `${fact.label}: `, weight: 'Bolder' }, { text: shownValue(fact, max) }),
        spacing: index === 0 ? 'Medium' : 'None',
      })),
    ],
    ...(url ? { actions: [{ type: 'Action.OpenUrl', title: 'Open the job', url }] } : {}),
  };
}

/** The colour beside the status word of the title. */
const styles: Record<Outcome, string> = {
  completed: 'good',
  completedWithWarnings: 'warning',
  publishedNothing: 'warning',
  failed: 'attention',
  canceled: 'emphasis',
  lostTrack: 'warning',
  late: 'warning',
  stuck: 'warning',
  test: 'emphasis',
  trouble: 'attention',
  recovered: 'good',
};

// Teams reads markdown in a TextBlock and in a Fact, and none in a TextRun. Names come from outside.
const text = (...runs: { text: string; weight?: string; size?: string }[]) => ({
  type: 'RichTextBlock',
  inlines: runs.map((run) => ({ type: 'TextRun', ...run })),
});

/** https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format#mention-support-within-adaptive-cards */
function mentionOf(name: string, address: string) {
  const shown = cut(name.replace(/[^\p{L}\p{N} .'-]/gu, ' ').trim(), 60) || 'Editor';
  return { type: 'mention', text: `<at>${shown}</at>`, mentioned: { id: address, name: shown } };
}

const shownValue = (fact: Fact, max: number): string => ('moment' in fact ? inUtc(fact.moment) : cut(fact.text, max));

/** The message as Teams shows it, in plain text. */
function textOf({ title, summary, facts, mentioned, url }: Message): string {
  const lines = facts.map((fact) => `${fact.label}: ${shownValue(fact, 300)}`);
  const ring = mentioned?.teams ? [`@${mentioned.name}`] : [];
  return [cut(title, 150), summary, ...ring, '', ...lines, ...(url ? ['', url] : [])].join('\n');
}
