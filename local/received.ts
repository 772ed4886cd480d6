/** What a channel of this machine received, in one shape for every type: for the page, the terminal and the counts. */
import type { TopicMessage } from './embedded-topic.ts';
import type { SlackPayload } from './slack/payload.ts';
import type { MessageChange, WorkspaceMessage } from './slack/workspace.ts';
import type { SlackMessage } from './slack-server.ts';

/** A message that arrived. `at` is in epoch milliseconds. */
export interface ReceivedMessage {
  channel: string;
  /** The channel's type in the configuration: it decides how the page shows the payload. */
  type: string;
  at: number;
  jobId: string | null;
  /** The status word first. */
  title: string;
  /** How a person reads it without any looks. */
  text: string;
  /** As the channel was sent it, in the form in which the channel's `render` gives it. */
  payload: object;
  /** What happened in a channel whose messages can change; left out: the message arrived, and stays as it is. */
  change?: Change;
}

/** One state of a message that can change. */
export interface Change {
  /** The same for all states of a message. */
  id: string;
  kind: MessageChange;
  /** The `id` of the message that it replies to. */
  replyTo: string | null;
  /** Whether a reply is shown in the channel too. */
  isBroadcast: boolean;
  /** Whether it is marked as edited. */
  isMarked: boolean;
}

/** A message of a webhook of the simulated Slack. */
export const fromSlack = ({ hook, at, payload }: SlackMessage): ReceivedMessage => ({
  ...{ channel: hook, type: 'slack', at },
  ...inSlack(payload),
});

/** A message of the app in the simulated Slack, as it stands now. */
export function fromSlackApp(channel: string, message: WorkspaceMessage, kind: MessageChange): ReceivedMessage {
  const { ts, text, blocks, attachments, thread_ts: replyTo = null, isBroadcast, edited } = message;
  return {
    ...{ channel, type: 'slack-app', at: Number(ts) * 1_000 },
    ...inSlack({ text, ...(blocks && { blocks }), ...(attachments && { attachments }) }),
    change: { id: ts, kind, replyTo, isBroadcast, isMarked: edited !== undefined },
  };
}

function inSlack(payload: SlackPayload): Pick<ReceivedMessage, 'jobId' | 'title' | 'text' | 'payload'> {
  const { text = '' } = payload;
  // Below a blank line stands what the app said before. Above it, the id is the last line, so that no name can pass for it.
  // A notice about no job ends with a time.
  const last = text.split('\n\n', 1)[0]?.split('\n').at(-1) ?? '';
  return { jobId: / UTC$/.test(last) ? null : last, title: firstLine(text), text, payload };
}

/** A message of the local topic, which these channels share. */
export function fromTopic(channel: string, { at, subject, attributes, email, texts }: TopicMessage): ReceivedMessage {
  const values = Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]);
  const payload = {
    Subject: subject,
    Message: JSON.stringify(texts),
    MessageAttributes: Object.fromEntries(values),
  };
  return {
    channel,
    type: 'sns',
    at,
    jobId: attributes['jobId'] ?? null,
    title: subject ?? firstLine(email),
    text: email,
    payload,
  };
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
