/**
 * Microsoft Teams, through a webhook of the Workflows app:
 * https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
 */

import * as v from 'valibot';
import type { Message } from '../domain/message.ts';
import { contextText, type Look } from '../domain/wording.ts';
import type { Address } from '../platform/address.ts';
import { UpstreamError } from '../platform/errors.ts';
import { reference } from '../platform/secrets.ts';
import { cut } from '../platform/text.ts';
import { defineChannel } from './channel.ts';
import { refusalOf, secretAddress, withFreshSecrets } from './http-post.ts';
import { shortened } from './shortened.ts';

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
  const card = cardWithin(message, 1_000);
  if (Buffer.byteLength(JSON.stringify(card)) <= maxBytes - envelopeBytes) return card;
  return cardWithin({ ...message, link: null }, 300);
}

/** What `messageWithCard` adds: the summary, and some names. */
const envelopeBytes = 1_200;

function cardWithin(message: Message, max: number): object {
  const { title, look, summary, context, mentioned, link } = message;
  const { facts, time, jobId } = shortened(context);
  const mention = mentioned?.teams ? mentionOf(mentioned.name, mentioned.teams) : undefined;
  const known = facts.join(' · ');
  return {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: cut(`${cut(title, 150)}. ${summary ?? ''}`.trim(), max),
    msteams: { width: 'Full', ...(mention ? { entities: [mention] } : {}) },
    body: [
      {
        type: 'Container',
        style: styles[look.tone],
        bleed: true,
        items: [text({ text: `${look.icon} ${cut(title, 150)}`, weight: 'Bolder', size: 'Large' })],
      },
      ...(summary ? [text({ text: cut(summary, max) })] : []),
      ...(mention ? [{ type: 'TextBlock', text: mention.text, wrap: true }] : []),
      ...(known ? [text({ text: cut(known, max), isSubtle: true })] : []),
      {
        type: 'TextBlock',
        text: `${time.words} ${inReadersZone(time.at)}`.trim(),
        wrap: true,
        isSubtle: true,
        spacing: 'None',
      },
      ...(jobId ? [{ ...text({ text: jobId, isSubtle: true, size: 'Small' }), spacing: 'None' }] : []),
    ],
    ...(link ? { actions: [{ type: 'Action.OpenUrl', title: link.label, url: link.url }] } : {}),
  };
}

/** The color behind the title. */
const styles: Record<Look['tone'], string> = {
  good: 'good',
  warning: 'warning',
  bad: 'attention',
  neutral: 'emphasis',
};

/** https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features#datetime-formatting-and-localization */
function inReadersZone(moment: string): string {
  const seconds = `${moment.slice(0, 19)}Z`;
  return `{{DATE(${seconds},SHORT)}} {{TIME(${seconds})}}`;
}

// Teams reads markdown in a TextBlock and in a Fact, and none in a TextRun. Names come from outside.
const text = (run: { text: string; weight?: string; size?: string; isSubtle?: boolean }) => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', ...run }],
});

/** https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format#mention-support-within-adaptive-cards */
function mentionOf(name: string, address: string) {
  const shown = cut(name.replace(/[^\p{L}\p{N} .'-]/gu, ' ').trim(), 60) || 'Editor';
  return { type: 'mention', text: `<at>${shown}</at>`, mentioned: { id: address, name: shown } };
}

/** The message as Teams shows it, in plain text. */
function textOf({ title, look, summary, context, mentioned, link }: Message): string {
  const ring = mentioned?.teams ? [`@${mentioned.name}`] : [];
  const lines = [
    `${look.icon} ${cut(title, 150)}`,
    summary ?? '',
    ...ring,
    contextText(shortened(context)),
    link?.url ?? '',
  ];
  return lines.filter((line) => line !== '').join('\n');
}
