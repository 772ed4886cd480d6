/**
 * Messages for Amazon Q Developer in chat applications, which posts them to Slack and Teams. It drops everything else:
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 */

import { jobKey } from '../domain/job.ts';
import { type Message, sha256 } from '../domain/message.ts';
import { contextText } from '../domain/wording.ts';
import { escapedWithin } from '../platform/text.ts';
import { shortened } from './shortened.ts';

/** The endpoint that Amazon Q subscribes to a topic, by https. */
export const amazonQEndpoint = 'https://global.sns-api.chatbot.amazonaws.com';

/** A message in the schema of custom notifications. All messages of one job have the same thread. */
export function customNotification({ title, look, summary, context, link, document }: Message): object {
  const { jobId, environment, outcome, status, deduplicationId } = document;
  const lines = [...(summary ? [summary, ''] : []), contextText(shortened(context))];
  return {
    version: '1.0',
    source: 'custom',
    id: deduplicationId,
    content: {
      textType: 'client-markdown',
      title: harmless(`${look.icon} ${title}`, 150),
      description: harmless(lines.join('\n'), 3_000),
      ...(link ? { nextSteps: [`${link.label}: ${link.url}`] } : {}),
      keywords: [outcome, environment],
    },
    metadata: {
      threadId: sha256(jobKey(document)),
      summary: harmless(title, 150),
      eventType: `publishing_job.${outcome}`,
      relatedResources: [jobId],
      additionalContext: { jobId, environment, outcome, status: status ?? 'unknown' },
      enableCustomActions: false,
    },
  };
}

/** Text that rings nobody and hides no link: Slack reads mentions and links in angle brackets, Teams links in brackets. */
const harmless = (text: string, max: number): string =>
  escapedWithin(text.replaceAll('`', "'").replaceAll('](', '] ('), max);
