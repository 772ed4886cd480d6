import { PublishCommand, type PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedTopic, snsFault, startEmbeddedTopic } from '../../local/embedded-topic.ts';

let topic: EmbeddedTopic;
beforeEach(async () => {
  topic = await startEmbeddedTopic();
});
afterEach(() => topic.close());

const publish = (input: PublishCommandInput) =>
  new SNSClient({
    endpoint: topic.endpoint,
    region: 'eu-central-1',
    maxAttempts: 1,
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  }).send(new PublishCommand({ TopicArn: topic.topicArn, ...input }));

test('people and systems receive their own texts', async () => {
  const texts = { default: 'In short', email: 'Dear reader', sqs: '{"version":1}' };
  const { MessageId } = await publish({
    Message: JSON.stringify(texts),
    MessageStructure: 'json',
    Subject: 'Completed: Nightly',
    MessageAttributes: { outcome: { DataType: 'String', StringValue: 'completed' } },
  });
  expect(MessageId).toEqual(expect.any(String));
  expect(topic.messages).toMatchObject([
    {
      subject: 'Completed: Nightly',
      attributes: { outcome: 'completed' },
      email: 'Dear reader',
      document: '{"version":1}',
      texts,
    },
  ]);
});

test('without a structure, all receive the same text', async () => {
  await publish({ Message: '{"default":"as it is"}' });
  expect(topic.messages).toMatchObject([{ email: '{"default":"as it is"}', document: '{"default":"as it is"}' }]);
});

test.each<[string, PublishCommandInput]>([
  ['a structure without a default text', { Message: '{"sqs":"x"}', MessageStructure: 'json' }],
  ['a subject of 100 characters', { Message: 'x', Subject: 'x'.repeat(100) }],
  ['a subject with a line break', { Message: 'x', Subject: 'a\nb' }],
  ...[0, 8, 0x0b, 0x1f, 0xfffe, 0xffff].flatMap((code): [string, PublishCommandInput][] => {
    const StringValue = `a${String.fromCodePoint(code)}b`;
    return [
      [`a body with U+${code.toString(16)}`, { Message: StringValue }],
      [
        `an attribute with U+${code.toString(16)}`,
        { Message: 'x', MessageAttributes: { a: { DataType: 'String', StringValue } } },
      ],
    ];
  }),
  ['an empty attribute', { Message: 'x', MessageAttributes: { a: { DataType: 'String', StringValue: '' } } }],
  ['a message over 256 KiB', { Message: 'ä'.repeat(131_073) }],
])('%s is refused', async (_, input) => {
  await expect(publish(input)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  expect(topic.messages).toEqual([]);
});

test('an unknown topic is a NotFoundException', async () => {
  await expect(publish({ TopicArn: `${topic.topicArn}-else`, Message: 'x' })).rejects.toMatchObject({
    name: 'NotFoundException',
  });
});

test('a FIFO topic delivers a deduplication id once, and accepts the repetition', async () => {
  await topic.close();
  topic = await startEmbeddedTopic({ name: 'events.fifo' });
  const input = { Message: 'x', MessageGroupId: 'group' };
  await publish({ ...input, MessageDeduplicationId: 'one' });
  await publish({ ...input, MessageDeduplicationId: 'one' });
  await publish({ ...input, MessageDeduplicationId: 'two' });
  expect(topic.messages.map(({ deduplicationId }) => deduplicationId)).toEqual(['one', 'two']);
  expect(topic.publishCount()).toBe(3);
  await expect(publish({ Message: 'x', MessageDeduplicationId: 'three' })).rejects.toThrow(/MessageGroupId/);
});

test('errors and lost responses can be injected', async () => {
  topic.answerWith(snsFault(400, 'Throttled'));
  await expect(publish({ Message: 'a' })).rejects.toMatchObject({ name: 'ThrottledException' });
  topic.answerWith({ kind: 'reset', accepted: true });
  await expect(publish({ Message: 'b' })).rejects.toThrow();
  await publish({ Message: 'c' });
  expect(topic.messages.map(({ document }) => document)).toEqual(['b', 'c']);
});
