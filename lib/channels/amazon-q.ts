/**
 * Messages for Amazon Q Developer in chat applications, which posts them to Slack and Teams. It drops everything else:
 * https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
 */

import { jobKey } from '../domain/job.ts';
import { type Message, sha256 } from '../domain/message.ts';
import { type Fact, inUtc } from '../domain/wording.ts';
import { cut } from '../platform/text.ts';

/** The endpoint that Amazon Q subscribes to a topic, by https. */
export const amazonQEndpoint = 'https://global.sns-api.chatbot.amazonaws.com';

/** A message in the schema of custom notifications. All messages of one job have the same thread. */
export function customNotification({ title, summary, facts, url, document }: Message): object {
  const { jobId, environment, outcome, status, deduplicationId } = document;
  const sentences = [summary, '', ...facts.map((fact) => `*${fact.label}:* ${shownValue(fact)}`)];
  return {
    version: '1.0',
    source: 'custom',
    id: deduplicationId,
    content: {
      textType: 'client-markdown',
      title: within(title, 150),
      description: within(sentences.join('\n'), 3_000),
      ...(url ? { nextSteps: [`Open the job: ${url}`] } : {}),
      keywords: [outcome, environment],
    },
    metadata: {
      threadId: sha256(jobKey(document)),
      summary: within(title, 150),
      eventType: `publishing_job.${outcome}`,
      relatedResources: [jobId],
      additionalContext: { jobId, environment, outcome, status: status ?? 'unknown' },
      enableCustomActions: false,
    },
  };
}

const shownValue = (fact: Fact): string => ('moment' in fact ? inUtc(fact.moment) : cut(fact.text, 300));

/**
 * Text that rings nobody and hides no link: Slack reads mentions and links in angle brackets, Teams reads links in
 * brackets. Cut by what it becomes, and never within an entity.
 */
function within(text: string, max: number): string {
  const safe = text.replaceAll('`', "'").replaceAll('](', '] (');
  let kept = '';
  for (const character of safe) {
    const next = entities[character] ?? character;
    if (kept.length + next.length > max - 1) return `${kept}…`;
    kept += next;
  }
  return kept;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
