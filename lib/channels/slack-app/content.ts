/** What is posted, edited and replied: the newest state on top, and what was said before below it. Pure. */

import type { ContextBlock } from '@slack/types';
import type { Message } from '../../domain/message.ts';
import { inUtc } from '../../domain/wording.ts';
import { escapedWithin } from '../../platform/text.ts';
import type { SentMessage } from '../channel.ts';
import { inReadersZone, type SlackContent, slackContent } from '../slack-content.ts';

/** The longest text of a message that can be edited. */
const maxText = 4_000;

/** Whether people must hear of a message. An edit notifies nobody. */
export const mustBeHeard = ({ mention, document: { outcome, correction } }: Message): boolean =>
  mention !== null || correction || outcome === 'failed' || outcome === 'lostTrack';

/** The content of the one message about a job, with everything that was said about it. */
export function wholeContent(message: Message, earlier: SentMessage[]): SlackContent {
  const all = [...earlier.map((one) => one.message), message];
  // A notice that was replayed is older than what was said since.
  const newest = all.findLast(({ isLatest }) => isLatest) ?? message;
  const before = all.filter((one) => one !== newest).reverse();
  return withLines(slackContent({ ...newest, mention: message.mention }), before);
}

/** The same without a mention, which an edit must not repeat. */
export const editedContent = (message: Message, earlier: SentMessage[]): SlackContent =>
  wholeContent({ ...message, mention: null }, earlier);

function withLines({ text, blocks, attachments }: SlackContent, before: Message[]): SlackContent {
  if (before.length === 0) return { text, blocks, attachments };
  const lines = before.map((one) => `${inReadersZone(one.decidedAt)}  ${stateOf(one)}`).join('\n');
  const plain = before.map((one) => `${inUtc(one.decidedAt)}  ${stateOf(one)}`).join('\n');
  const block: ContextBlock = { type: 'context', elements: [{ type: 'mrkdwn', text: lines, verbatim: true }] };
  return {
    text: within(`${text}\n\n${plain}`),
    blocks,
    attachments: attachments.map((one) => ({ ...one, blocks: [...one.blocks, block] })),
  };
}

/** What a message said in a few words: the title without the environment and the name of the job. */
const stateOf = ({ title, document }: Message): string =>
  escapedWithin((title.split(': ')[0] ?? title).replace(` in ${document.environment}`, ''), 60);

/** Leaves out what was said first until the rest fits. */
function within(text: string): string {
  const lines = text.split('\n');
  while (lines.join('\n').length > maxText) lines.pop();
  return lines.join('\n');
}
