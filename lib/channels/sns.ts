/** Amazon SNS, standard and FIFO topics: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */

import {
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  type MessageAttributeValue,
  PublishCommand,
  type PublishCommandInput,
  SNSClient,
} from '@aws-sdk/client-sns';
import * as v from 'valibot';
import { jobKey } from '../domain/job.ts';
import { type Message, sha256 } from '../domain/message.ts';
import { contextText } from '../domain/wording.ts';
import { inTime } from '../platform/async.ts';
import { requestHandler } from '../platform/aws.ts';
import { UpstreamError, type UpstreamKind } from '../platform/errors.ts';
import { reference } from '../platform/secrets.ts';
import { clean, cut, inXmlCharacters } from '../platform/text.ts';
import { amazonQEndpoint, customNotification } from './amazon-q.ts';
import { defineChannel } from './channel.ts';
import { shortened } from './shortened.ts';

/** SNS remembers a deduplication id for five minutes. One minute is left for clock skew and slow requests. */
const fifoWindowMs = 4 * 60_000;

const formats = ['document', 'amazon-q'] as const;
type Format = (typeof formats)[number];

export const sns = defineChannel({
  config: {
    format: v.optional(
      v.pipe(
        v.picklist(formats),
        v.description('document (the default), or amazon-q for Amazon Q Developer in chat applications'),
      ),
    ),
  },
  references: { topicArn: reference },
  create({ secrets, redact }, config) {
    // No retries by the client: a repeated publish to a standard topic is a second message.
    // A connection for each message: if an idle one turns out to be dead, nobody knows whether the message arrived.
    const agent = { keepAlive: false };
    const client = new SNSClient({
      maxAttempts: 1,
      requestHandler: { ...requestHandler, httpAgent: agent, httpsAgent: agent },
    });
    const { format = 'document' } = config;
    let topicArn = '';
    const request = async <Result>(timeoutMs: number, send: (abortSignal: AbortSignal) => Promise<Result>) => {
      try {
        return await inTime(timeoutMs, async (abortSignal) => {
          topicArn = await secrets.read(config.topicArn);
          return await send(abortSignal);
        });
      } catch (error) {
        throw error instanceof UpstreamError ? error : readError(error as SnsError, dedupWindowOf(topicArn), redact);
      }
    };
    return {
      minIntervalMs: 0,
      async send(message, timeoutMs) {
        const publish = (abortSignal: AbortSignal) =>
          client.send(new PublishCommand(publishInput(message, topicArn, format)), { abortSignal });
        const { MessageId: receipt = 'accepted' } = await request(timeoutMs, publish);
        return { receipt, dedupWindowMs: dedupWindowOf(topicArn) };
      },
      async verify(timeoutMs) {
        await request(timeoutMs, (abortSignal) =>
          client.send(new GetTopicAttributesCommand({ TopicArn: topicArn }), { abortSignal }),
        );
      },
      inspection: {
        subject: 'subscribers of',
        fine: 'receive a format that they read',
        findProblems: (timeoutMs) =>
          request(timeoutMs, async (abortSignal) => {
            if (format === 'amazon-q' && isFifo(topicArn)) return [problems.fifo];
            const isAmazonQ = async (NextToken?: string): Promise<boolean> => {
              const input = { TopicArn: topicArn, ...(NextToken ? { NextToken } : {}) };
              const page = await client.send(new ListSubscriptionsByTopicCommand(input), { abortSignal });
              const isHere = page.Subscriptions?.some(({ Endpoint }) => Endpoint?.startsWith(amazonQEndpoint));
              return isHere || (page.NextToken !== undefined && (await isAmazonQ(page.NextToken)));
            };
            const isSubscribed = await isAmazonQ();
            if (isSubscribed === (format === 'amazon-q')) return [];
            return [isSubscribed ? problems.otherFormat : problems.notSubscribed];
          }),
      },
      render(message) {
        const { TopicArn: _, ...payload } = publishInput(message, topicArn, format);
        return { text: sentencesOf(message), payload };
      },
    };
  },
});

const problems = {
  fifo: 'A FIFO topic has no https subscribers, so Amazon Q gets nothing. Use a standard topic for format: amazon-q.',
  otherFormat:
    'Amazon Q is subscribed to this topic, and drops messages of this format. Set format: amazon-q for a topic of its own.',
  notSubscribed:
    'Amazon Q is not subscribed to this topic. Add the topic to the channel configuration in Amazon Q Developer in chat applications.',
};

/** A message for SNS: sentences for people, the document for machines, and attributes for subscription filters. */
export function publishInput(message: Message, topicArn: string, format: Format = 'document'): PublishCommandInput {
  const { document } = message;
  const sentences = inXmlCharacters(sentencesOf(message));
  const json = inXmlCharacters(JSON.stringify(document));
  const { outcome, status, environment, source, jobId } = document;
  return {
    TopicArn: topicArn,
    Subject: subjectOf(message.title),
    MessageStructure: 'json',
    Message: JSON.stringify({
      default: sentences,
      ...(format === 'amazon-q' ? { email: sentences } : {}),
      sms: inXmlCharacters(smsOf(message)),
      sqs: json,
      lambda: json,
      http: json,
      https: json,
      ...(format === 'amazon-q' ? forAmazonQ(message) : {}),
    }),
    MessageAttributes: attributes({ outcome, status, environment, source, jobId }),
    ...(isFifo(topicArn)
      ? { MessageGroupId: sha256(jobKey(document)), MessageDeduplicationId: document.deduplicationId }
      : {}),
  };
}

// Amazon Q subscribes by https. `default` covers a protocol that it may use later.
function forAmazonQ(message: Message) {
  const notification = inXmlCharacters(JSON.stringify(customNotification(message)));
  return { default: notification, https: notification };
}

function sentencesOf({ title, look, summary, context, link }: Message): string {
  const paragraphs = [`${look.icon} ${title}`, summary ?? '', contextText(shortened(context)), link?.url ?? ''];
  return paragraphs.filter((text) => text !== '').join('\n\n');
}

const smsOf = ({ title, summary }: Message): string => cut(`${cut(title, 100)}. ${summary ?? ''}`.trim(), 300);

/** One line of fewer than 100 characters, in UTF-8. */
const subjectOf = (title: string): string => clean(title, 99);

const attributes = (values: Record<string, string | null>): Record<string, MessageAttributeValue> =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value ? [[name, { DataType: 'String', StringValue: inXmlCharacters(value) }]] : [],
    ),
  );

const isFifo = (topicArn: string): boolean => topicArn.endsWith('.fifo');

const dedupWindowOf = (topicArn: string): number => (isFifo(topicArn) ? fifoWindowMs : 0);

type SnsError = Error & { $metadata?: { httpStatusCode?: number }; code?: string };

// Error names as the API documents them, and as its query protocol sends them (without "Exception").
const needsOperator =
  /^(NotFound|AuthorizationError|InvalidParameter|InvalidParameterValue|EndpointDisabled|KMS|InvalidSecurity|InvalidClientTokenId|SignatureDoesNotMatch|AccessDenied|UnrecognizedClient|ExpiredToken|CredentialsProvider)/;
const throttled = /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled)/;
const neverConnected = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)$/;

function readError(error: SnsError, dedupWindowMs: number, redact: (text: string) => string): UpstreamError {
  const { kind, ambiguous } = classify(error);
  // For a wrong signature, the lines after the first one repeat the request with its session token.
  const [sentence = ''] = error.message.split('\n');
  const detail = error.name === 'TimeoutError' ? 'no response in time' : clean(redact(sentence), 200);
  return new UpstreamError(kind, `SNS: ${clean(redact(error.name), 80)}: ${detail}`, {
    cause: error,
    ambiguous,
    dedupWindowMs,
  });
}

function classify(error: SnsError): { kind: UpstreamKind; ambiguous: boolean } {
  if (throttled.test(error.name)) return { kind: 'rateLimited', ambiguous: false };
  if (needsOperator.test(error.name)) return { kind: 'needsOperator', ambiguous: false };
  const status = error.$metadata?.httpStatusCode ?? 0;
  const isRefused = status >= 400 && status < 500;
  return { kind: 'unavailable', ambiguous: !isRefused && !neverConnected.test(error.code ?? '') };
}
