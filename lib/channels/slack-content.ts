/** A message as Slack shows it: the one place that makes blocks, for every type of Slack channel. */

import type { Mention } from '../domain/job.ts';
import type { Message } from '../domain/message.ts';
import { type Fact, inUtc } from '../domain/wording.ts';
import { cut } from '../platform/text.ts';

/** What Slack shows, for `chat.postMessage`, `chat.update` and incoming webhooks alike. */
export interface SlackContent {
  /** For notifications and screen readers, and for when Slack refuses the blocks. */
  text: string;
  blocks: object[];
  /** One with a colour, or none. */
  attachments: { blocks?: object[] }[];
}

/** A message as Block Kit, within its limits: https://docs.slack.dev/reference/block-kit/blocks/ */
export function slackContent(message: Message): SlackContent {
  const { title, summary, facts, mention, url } = message;
  // A link, not a button: Slack reports a button click to the app, and shows a warning if the app does not respond.
  const link = url ? `\n<${escaped(url).replaceAll('|', '%7C')}|Open the job>` : '';
  const sentence = `${mention ? `${mentionMarkup(mention)} ` : ''}${escaped(summary)}`;
  return {
    text: textOf(message),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(title, 150), emoji: false } },
      { type: 'section', text: markdown(sentence.length + link.length > 3_000 ? sentence : sentence + link) },
      { type: 'section', fields: facts.slice(0, 10).map((fact) => markdown(fieldOf(fact))) },
    ],
    attachments: [],
  };
}

function textOf({ title, summary, mention, facts, url }: Message): string {
  const lines = facts.map((fact) => `${fact.label}: ${'moment' in fact ? inUtc(fact.moment) : cut(fact.text, 300)}`);
  const text = [`${cut(title, 150)}. ${summary}`, ...lines, ...(url ? [url] : [])].join('\n');
  // A backtick in a name would format the text after it as code.
  const safe = escaped(text.replaceAll('`', "'"));
  return mention ? `${safe}\n${mentionMarkup(mention)}` : safe;
}

// Verbatim: Slack does not turn external text into links and mentions.
const markdown = (text: string): object => ({ type: 'mrkdwn', text, verbatim: true });

const fieldOf = (fact: Fact): string =>
  `*${fact.label}*\n${'moment' in fact ? inReadersZone(fact.moment) : escaped(cut(fact.text, 300))}`;

/** https://docs.slack.dev/messaging/formatting-message-text/#date-formatting */
export const inReadersZone = (moment: string): string =>
  `<!date^${Math.floor(Date.parse(moment) / 1_000)}^{date_short_pretty} at {time}|${inUtc(moment)}>`;

const mentionMarkup = (mention: Mention): string => {
  if (mention === 'here' || mention === 'channel') return `<!${mention}>`;
  return mention.startsWith('S') ? `<!subteam^${mention}>` : `<@${mention}>`;
};

/** Escapes the three control characters of Slack, and no others. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
