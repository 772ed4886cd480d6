/** A message of the Slack app: it may have been edited, it may have a thread, or be a reply that the channel sees too. */
import { el } from './elements.js';
import { slackMessage } from './slack.js';

/** Whether the channel shows a message: all but those that are only in a thread, and those that were deleted. */
export const isInChannel = ({ change }) =>
  !change || (change.kind !== 'deleted' && (change.replyTo === null || change.isBroadcast));

/** What belongs to a message: its replies, and the message that it replies to. */
export function threadOf({ change }, messages) {
  if (!change) return { replies: [] };
  return {
    replies: messages.filter((one) => one.change?.replyTo === change.id && one.change.kind !== 'deleted'),
    parent: messages.find((one) => one.change?.id === change.replyTo),
  };
}

/** The message as it stands now, and below it the replies, folded away. */
export function slackAppMessage({ replies = [], parent, ...message }) {
  const [element] = bodyOf(message);
  const column = element.lastElementChild;
  if (message.change?.replyTo) {
    const subject = el('b', parent?.title ?? 'an earlier message');
    column.firstElementChild.after(el('p.in-thread', 'replied to a thread: ', subject));
  }
  if (replies.length > 0) {
    const count = replies.length === 1 ? '1 reply' : `${replies.length} replies`;
    column.append(el('details.thread', el('summary', count), ...replies.flatMap(bodyOf)));
  }
  return [element];
}

function bodyOf(message) {
  const [element] = slackMessage(message);
  if (message.change?.isMarked) {
    // Slack marks the last block of the message itself.
    const texts = element.lastElementChild.querySelectorAll(':scope > p, :scope > :not(.attachment) > p');
    [...texts].at(-1).append(el('span.in-thread', ' (edited)'));
  }
  return [element];
}
