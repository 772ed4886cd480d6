/** What a channel of this machine received, in one shape for every type: for the page, the terminal and the counts. */
import type { TopicMessage } from './embedded-topic.ts';
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
}

/** A message of the simulated Slack. */
export function fromSlack({ hook, at, payload }: SlackMessage): ReceivedMessage {
  const { text = '', blocks = [] } = payload;
  const title = blocks.find(({ type }) => type === 'header')?.text?.text ?? firstLine(text);
  // The id is the last fact, so that no name can pass for it.
  const jobId = [...text.matchAll(/^Job: (\S+)$/gm)].at(-1)?.[1] ?? null;
  return { channel: hook, type: 'slack', at, jobId, title, text, payload };
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
    title: firstLine(email),
    text: email,
    payload,
  };
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
