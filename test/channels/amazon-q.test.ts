import { describe, expect, test } from 'vitest';
import { publishInput } from '../../lib/channels/sns.ts';
import type { Message } from '../../lib/domain/message.ts';
import { everyOutcome, everywhere, hostileTexts, messageAbout } from './every-outcome.ts';

const topicArn = 'arn:aws:sns:eu-west-1:123456789012:chat';
const textsOf = (message: Message): Record<string, string> =>
  JSON.parse(publishInput(message, topicArn, 'amazon-q').Message ?? '');
// biome-ignore lint/suspicious/noExplicitAny: a notification is JSON, and tests look into it as Amazon Q would.
const notificationOf = (message: Message): any => JSON.parse(textsOf(message)['https'] ?? '');

/** The members that Amazon Q knows: it drops a notification with others. */
const shape = {
  version: '1.0',
  source: 'custom',
  id: expect.stringMatching(/^[0-9a-f]{64}$/),
  content: {
    textType: 'client-markdown',
    title: expect.any(String),
    description: expect.any(String),
    keywords: expect.any(Array),
  },
  metadata: {
    threadId: expect.stringMatching(/^[0-9a-f]{64}$/),
    summary: expect.any(String),
    eventType: expect.stringMatching(/^publishing_job\.\w+$/),
    relatedResources: ['job_41B25'],
    additionalContext: {
      jobId: 'job_41B25',
      environment: 'production',
      outcome: expect.any(String),
      status: expect.any(String),
    },
    enableCustomActions: false,
  },
};

describe('a custom notification', () => {
  test.each(everyOutcome())('of %s has the members that Amazon Q knows, and no others', (outcome, message) => {
    expect(notificationOf(message)).toEqual(shape);
    expect(notificationOf(message).metadata.eventType).toBe(`publishing_job.${outcome}`);
    expect(textsOf(message)['default']).toBe(textsOf(message)['https']);
  });

  test('says what happened, with the link as a next step', () => {
    const { content } = notificationOf(messageAbout('failed', { jobUrl: 'https://example.com/{jobId}' }));
    expect(content.title).toBe('✕ Failed in production: Nightly site publish');
    expect(content.description).toMatch(/^Sitecore gives no reason\. .+\n\nJane Editor · Pages · .+ UTC · job_41B25$/);
    expect(content.nextSteps).toEqual(['Open the job: https://example.com/job_41B25']);
  });

  test('has one thread per job, and one id per outcome', () => {
    const [first, second] = [notificationOf(messageAbout('late')), notificationOf(messageAbout('failed'))];
    expect(first.metadata.threadId).toBe(second.metadata.threadId);
    expect(first.id).not.toBe(second.id);
  });

  test('leaves the texts of the other protocols as they are', () => {
    const message = messageAbout('completed');
    const { default: sentences, https: _, ...others } = JSON.parse(publishInput(message, topicArn).Message ?? '');
    const { default: __, https: ___, email, ...same } = textsOf(message);
    expect(same).toEqual(others);
    expect(email).toBe(sentences);
  });

  test.each(
    hostileTexts.flatMap((text) =>
      everyOutcome({ job: everywhere(text) }).map(([outcome, one]) => [outcome, one] as const),
    ),
  )('about a hostile name (%s) rings nobody, hides no link, and is within the limits', (_, message) => {
    const notification = notificationOf(message);
    expect(notification).toEqual(shape);
    const { title, description } = notification.content;
    for (const [text, max] of [
      [title, 150],
      [notification.metadata.summary, 150],
      [description, 3_000],
    ]) {
      expect(text.length).toBeLessThanOrEqual(max);
      expect(text).not.toMatch(/[<>`]|\]\(/);
      expect(text).not.toMatch(/&(?!(?:amp|lt|gt);)/);
    }
    expect(Buffer.byteLength(JSON.stringify(textsOf(message)))).toBeLessThan(256 * 1_024);
  });
});
