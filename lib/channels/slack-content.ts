/** A message as Slack shows it: the one place that makes blocks, for every type of Slack channel. */

import type { ContextBlock, HeaderBlock, KnownBlock, PlainTextElement, SectionBlock } from '@slack/types';
import type { Mention } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import { contextText, inUtc, type Look } from '../domain/wording.ts';
import { cut, escapedWithin } from '../platform/text.ts';
import { shortened } from './shortened.ts';

/** What Slack shows, for `chat.postMessage`, `chat.update` and incoming webhooks alike. */
export interface SlackContent {
  /** For notifications and screen readers, and for when Slack refuses the blocks; at most 4,000 characters. */
  text: string;
  /** The title, and the mention: Slack notifies nobody of a mention in an attachment. */
  blocks: KnownBlock[];
  /** One, with the color bar: the sentence and the context line. */
  attachments: SlackAttachment[];
}

/** https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments/ */
export interface SlackAttachment {
  color: string;
  /** For clients that show no blocks. */
  fallback: string;
  blocks: KnownBlock[];
}

/** A message as Block Kit, within its limits: https://docs.slack.dev/reference/block-kit/blocks/ */
export function slackContent(message: Message): SlackContent {
  const { title, look, summary, mention } = message;
  return {
    text: textOf(message),
    blocks: [header(`${look.icon} ${title}`), ...(mention ? [section(mentionMarkup(mention))] : [])],
    attachments: [
      {
        color: colors[look.tone],
        fallback: escapedWithin(title, 150),
        blocks: [
          ...(summary ? [{ type: 'section', text: plain(cut(summary, 1_000)) } as const] : []),
          context(message),
        ],
      },
    ],
  };
}

/** Each is seen on a light ground and on a dark one. */
const colors: Record<Look['tone'], string> = {
  good: '#2e9e6b',
  warning: '#d99a1c',
  bad: '#d64545',
  neutral: '#8a93a0',
};

/** A message as plain text: the title, the mention, the sentence, what is known, the link, and the ID as the last line. */
function textOf({ title, summary, mention, context, link }: Message): string {
  const line = contextText({ ...shortened(context), jobId: null });
  const lines = [summary ?? '', line, link?.url ?? '', context.jobId ?? ''].filter((text) => text !== '');
  // A backtick in a name would format the text after it as code.
  const safe = (text: string, max: number) => escapedWithin(text.replaceAll('`', "'"), max);
  return [safe(title, 800), ...(mention ? [mentionMarkup(mention)] : []), safe(lines.join('\n'), 3_000)].join('\n');
}

/** The texts of strangers are plain text. Only the time and the link are markup. */
function context({ context, link }: Message): ContextBlock {
  const { time, jobId } = context;
  const facts = cut(shortened(context).facts.join(' · '), 800);
  const when = `${time.words} ${inReadersZone(time.at)}`.trim();
  // A link, not a button: Slack reports a button click to the app, and shows a warning if the app does not respond.
  const url = link && escapedWithin(link.url, 10_000).replaceAll('|', '%7C');
  const isLinked = url !== null && url.length <= 2_800;
  return {
    type: 'context',
    elements: [
      ...(facts ? [plain(facts)] : []),
      { type: 'mrkdwn', text: isLinked ? `${when} · <${url}|${link?.label}>` : when, verbatim: true },
      ...(jobId ? [plain(jobId)] : []),
    ],
  };
}

const plain = (text: string): PlainTextElement => ({ type: 'plain_text', text, emoji: false });
const header = (text: string): HeaderBlock => ({ type: 'header', text: plain(cut(text, 150)) });
const section = (text: string): SectionBlock => ({ type: 'section', text: { type: 'mrkdwn', text, verbatim: true } });

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
export const inReadersZone = (moment: string): string =>
  `<!date^${Math.floor(Date.parse(moment) / 1_000)}^{date_short_pretty} at {time}|${inUtc(moment)}>`;

const mentionMarkup = (mention: Mention): string => {
  if (mention === 'here' || mention === 'channel') return `<!${mention}>`;
  return mention.startsWith('S') ? `<!subteam^${mention}>` : `<@${mention}>`;
};
