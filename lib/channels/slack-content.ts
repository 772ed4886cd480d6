/** A message as Slack shows it: the one place that makes blocks, for every type of Slack channel. */

import type { ContextBlock, KnownBlock, MrkdwnElement, PlainTextElement, SectionBlock } from '@slack/types';
import type { Mention } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import { contextText, inUtc, type Look } from '../domain/wording.ts';
import { cut, escapedWithin } from '../platform/text.ts';
import { shortened } from './shortened.ts';

/** One message a second, and short bursts: https://docs.slack.dev/apis/web-api/rate-limits */
export const slackPace = { minIntervalMs: 1_000, burst: 3 };

/** What Slack shows, for `chat.postMessage`, `chat.update` and incoming webhooks alike. */
export interface SlackContent {
  /** For notifications and screen readers, and for when Slack refuses the blocks; at most 4,000 characters. */
  text: string;
  /** The title and the sentence, with the mention: it might notify nobody in an attachment. */
  blocks: KnownBlock[];
  /** One: the context line beside the color bar. */
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
  const { title, look } = message;
  return {
    text: textOf(message),
    blocks: [{ type: 'header', text: plain(cut(`${look.icon} ${title}`, 150)) }, ...sentence(message)],
    attachments: [{ color: colors[look.tone], fallback: escapedWithin(title, 150), blocks: [context(message)] }],
  };
}

function sentence({ summary, mention }: Message): SectionBlock[] {
  if (mention) {
    const text = `${mentionMarkup(mention)} ${escapedWithin(summary ?? '', 2_000)}`.trim();
    return [{ type: 'section', text: markdown(text) }];
  }
  return summary ? [{ type: 'section', text: plain(cut(summary, 2_000)) }] : [];
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
  // A backtick in a name would format the text after it as code.
  const safe = (text: string, max: number) => escapedWithin(text.replaceAll('`', "'"), max);
  const lines = [
    safe(cut(title, 150), 750),
    mention ? mentionMarkup(mention) : '',
    safe(summary ?? '', 600),
    safe(contextText({ ...shortened(context), jobId: null }), 900),
    link && link.url.length <= 1_000 ? safe(link.url, 1_500) : '',
    safe(context.jobId ?? '', 128),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

/** The texts of strangers are plain text. Only the time and the link are markup. */
function context({ summary, context, link }: Message): ContextBlock {
  const { time, jobId } = context;
  const facts = cut(shortened(context).facts.join(' · '), 800);
  const when = `${time.words} ${inReadersZone(time.at)}`.trim();
  // A link, not a button: Slack reports a button click to the app, and shows a warning if the app does not respond.
  const url = link && escapedWithin(link.url, 10_000).replaceAll('|', '%7C');
  const linked = (label: string) => (url && url.length <= 2_800 ? `<${url}|${label}>` : '');
  return {
    type: 'context',
    elements: [
      ...(facts ? [plain(facts)] : []),
      markdown([when, summary && linked(link?.label ?? '')].filter(Boolean).join(' · ')),
      // Without a sentence there is nothing to do, so the id is link enough.
      ...(jobId ? [(!summary && linked(jobId) && markdown(linked(jobId))) || plain(jobId)] : []),
    ],
  };
}

const plain = (text: string): PlainTextElement => ({ type: 'plain_text', text, emoji: false });
// Verbatim: Slack makes no links and mentions of its own.
const markdown = (text: string): MrkdwnElement => ({ type: 'mrkdwn', text, verbatim: true });

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
export const inReadersZone = (moment: string): string =>
  `<!date^${Math.floor(Date.parse(moment) / 1_000)}^{date_short_pretty} at {time}|${inUtc(moment)}>`;

const mentionMarkup = (mention: Mention): string => {
  if (mention === 'here' || mention === 'channel') return `<!${mention}>`;
  return mention.startsWith('S') ? `<!subteam^${mention}>` : `<@${mention}>`;
};
