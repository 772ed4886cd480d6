import type { MessageAttributeValue, PublishCommandInput } from '@aws-sdk/client-sns';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publishInput } from '../../lib/channels/sns.ts';
import { type Job, type JobRecord, type Outcome, outcomes } from '../../lib/domain/job.ts';
import { type Message, messageOf, sha256 } from '../../lib/domain/message.ts';
import { decideNext } from '../../lib/pipeline/check.ts';
import { readJob } from '../../lib/sitecore/responses.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { contextAt, someJob, someStatistics, start } from '../support/builders.ts';

const standard = 'arn:aws:sns:eu-west-1:000000000000:publishing';
const fifo = `${standard}.fifo`;
const context = contextAt(start, { channels: ['events'] });
const job = someJob('Canceled', {
  startedBy: 'Release pipeline',
  startedByType: 'Application',
  canceledBy: 'Alex Example',
  queuedAt: '2026-01-20T11:50:00.000Z',
  startedAt: '2026-01-20T11:50:05.000Z',
  finishedAt: '2026-01-20T11:54:10.000Z',
  statistics: someStatistics({ processed: 103, failed: 2, skipped: 40, asOf: null }),
});
const messageAbout = (
  values: Partial<Job> = {},
  { jobId = 'job_41B25', outcome = undefined as Outcome | undefined, jobUrl = undefined as string | undefined } = {},
): Message => {
  const name = { environment: 'production', jobId };
  const record = decideNext(undefined, name, { kind: 'job', job: { ...job, ...values } }, context).next as JobRecord;
  const decision = record.decision && { ...record.decision, outcome: outcome ?? record.decision.outcome };
  return messageOf({ ...record, decision }, { outcome: decision?.outcome as Outcome, channel: 'events', jobUrl });
};
const published = (message: Message, topicArn = standard) => {
  const input = publishInput(message, topicArn);
  return { ...input, protocols: JSON.parse(input.Message ?? '') as Record<string, string> };
};
const attributes = ({ MessageAttributes = {} }: PublishCommandInput): [string, MessageAttributeValue][] =>
  Object.entries(MessageAttributes);
const foreign = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 1_000, size: 'max' }),
  fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
);

describe('the subject', () => {
  test('is one line of under 100 characters for any name', () => {
    fc.assert(
      fc.property(fc.option(foreign), fc.constantFrom(...outcomes), (name, outcome) => {
        const { Subject = '' } = published(messageAbout({ name }, { outcome }));
        expect(Subject).toMatch(/^(Completed|Failed|Canceled|Started|Lost track|Late|Stuck)[^\p{Cc}\u2028\u2029]*$/u);
        expect([Subject.length < 100, Subject.isWellFormed()]).toEqual([true, true]);
      }),
    );
  });

  test.each<[sentence: string, name: string, subject: string]>([
    ['a name in ASCII stays', 'Nightly site publish', 'Canceled in production: Nightly site publish'],
    ['a name in any script stays', 'Łódź 公開 🚀', 'Canceled in production: Łódź 公開 🚀'],
    ['line breaks end no header', 'one\r\nBcc: two', 'Canceled in production: one Bcc: two'],
    ['99 characters stay', 'x'.repeat(75), `Canceled in production: ${'x'.repeat(75)}`],
    ['100 characters are cut', 'x'.repeat(76), `Canceled in production: ${'x'.repeat(74)}…`],
    ['no character is cut in two', `${'x'.repeat(73)}🚀🚀`, `Canceled in production: ${'x'.repeat(73)}…`],
  ])('%s', (_, name, subject) => {
    expect(published(messageAbout({ name })).Subject).toBe(subject);
  });
});

describe('the text for each protocol', () => {
  const message = messageAbout({}, { jobUrl: 'https://example.org/jobs/{jobId}' });
  const { protocols, MessageStructure } = published(message);

  test('is one text per protocol', () => {
    expect(MessageStructure).toBe('json');
    expect(Object.values(protocols).filter((text) => typeof text !== 'string' || text === '')).toEqual([]);
  });

  test.each(['sqs', 'lambda', 'http', 'https'])('is the document for machines (%s)', (protocol) => {
    expect(JSON.parse(protocols[protocol] ?? '')).toEqual(message.document);
  });

  test('is sentences for people', () => {
    expect(protocols['email'] ?? protocols['default']).toBe(
      [
        '⊘ Canceled in production: Nightly site publish',
        '',
        'Items that were already published stay published.',
        '',
        'Release pipeline · canceled by Alex Example · Pages · 4 min · 103 items · 2 failed · 40 skipped · 2026-01-20 11:54 UTC · job_41B25',
        '',
        'https://example.org/jobs/job_41B25',
      ].join('\n'),
    );
  });

  test('is the first sentences for a phone, however long the name is', () => {
    expect(protocols['sms']).toBe(
      'Canceled in production: Nightly site publish. Items that were already published stay published.',
    );
    const long = published(messageAbout({ name: 'x'.repeat(1_000) })).protocols['sms'] ?? '';
    expect(long.length).toBeLessThanOrEqual(300);
    expect(long).toContain('Items that were already published stay published.');
  });
});

describe('the attributes for subscription filters', () => {
  test('are members of the document', () => {
    expect(published(messageAbout()).MessageAttributes).toEqual({
      outcome: { DataType: 'String', StringValue: 'canceled' },
      status: { DataType: 'String', StringValue: 'Canceled' },
      environment: { DataType: 'String', StringValue: 'production' },
      source: { DataType: 'String', StringValue: 'Pages' },
      jobId: { DataType: 'String', StringValue: 'job_41B25' },
    });
  });

  // SNS refuses a message with an empty attribute.
  test('leave out unknown values', () => {
    const unread = messageAbout({ source: null });
    const lost = { ...unread, document: { ...unread.document, status: null } };
    expect(attributes(publishInput(lost, standard)).map(([name]) => name)).toEqual(['outcome', 'environment', 'jobId']);
    fc.assert(
      fc.property(fc.option(foreign), (source) => {
        const values = attributes(publishInput(messageAbout({ source }), standard));
        expect(values.filter(([, { DataType, StringValue }]) => DataType !== 'String' || !StringValue)).toEqual([]);
      }),
    );
  });
});

test('every text and attribute has only characters that SNS accepts, whatever the message holds', () => {
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
  const accepted = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
  const odd = fc.oneof(
    foreign,
    fc.string({ unit: fc.constantFrom('\uFFFE', '\uFFFF', '\uD800', '\u0000', '\u001F', 'a') }),
  );
  fc.assert(
    fc.property(odd, odd, (name, source) => {
      const message = messageAbout({ name, source }, { jobUrl: `https://example.org/${name}/{jobId}` });
      const { protocols, ...input } = published(message);
      const { Message = '' } = input;
      const values = attributes(input).map(([, { StringValue = '' }]) => StringValue);
      expect([Message, ...Object.values(protocols), ...values].filter((text) => !accepted.test(text))).toEqual([]);
    }),
  );
});

describe('a FIFO topic', () => {
  const message = messageAbout();

  test('gets the ids for its order and its deduplication', () => {
    expect(published(message, fifo)).toMatchObject({
      TopicArn: fifo,
      MessageGroupId: sha256('production#job_41B25'),
      MessageDeduplicationId: message.document.deduplicationId,
    });
  });

  test('keeps the outcomes of a job in order, and drops none', () => {
    const inputs = outcomes.map((outcome) => publishInput(messageAbout({}, { outcome }), fifo));
    expect(new Set(inputs.map(({ MessageGroupId }) => MessageGroupId)).size).toBe(1);
    expect(new Set(inputs.map(({ MessageDeduplicationId }) => MessageDeduplicationId)).size).toBe(outcomes.length);
  });

  test('gets ids of at most 128 letters and digits, however long the job id is', () => {
    const input = publishInput(messageAbout({}, { jobId: 'job~:;'.repeat(20) }), fifo);
    expect(
      [input.MessageGroupId, input.MessageDeduplicationId].filter((id) => !/^[\da-z]{1,128}$/.test(id ?? '')),
    ).toEqual([]);
  });

  test('gets ids that a standard topic does not get', () => {
    const input = publishInput(message, standard);
    expect([input.TopicArn, input.MessageGroupId, input.MessageDeduplicationId]).toEqual([
      standard,
      undefined,
      undefined,
    ]);
    expect(published(message, `${standard}.fifo-copy`).MessageGroupId).toBeUndefined();
  });
});

describe('the largest possible job', () => {
  const bytes = (input: PublishCommandInput): number =>
    [
      input.Message ?? '',
      input.Subject ?? '',
      ...attributes(input).flatMap(([name, { DataType = '', StringValue = '' }]) => [name, DataType, StringValue]),
    ].reduce((sum, text) => sum + Buffer.byteLength(text), 0);

  test.each(['x', '"', '\\', '€', '🚀', '\ud83d', '\u0001', '\u2028'])('stays below 256 KiB (%j)', (character) => {
    const long = character.repeat(50_000);
    const person = { id: long, name: long, type: 'User' as const };
    const answer = publishingJob({
      id: 'x',
      name: long,
      source: long,
      createdBy: person,
      canceledBy: person,
      status: 'Canceled',
      at: start,
    });
    const largest = readJob(JSON.stringify(answer), 'test');
    const jobId = 'x'.repeat(128);
    const jobUrl = `https://example.org/${'x'.repeat(2_000)}/{jobId}`;
    for (const topic of [standard, fifo]) {
      const message = messageAbout(largest, { jobId, jobUrl });
      expect(bytes(publishInput(message, topic))).toBeLessThan(256 * 1_024);
    }
  });
});
