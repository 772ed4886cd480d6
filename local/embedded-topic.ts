/**
 * An SNS topic without AWS: fauxqs in this process behind a server on the loopback interface (fauxqs itself would listen
 * on every interface). The server adds what fauxqs lacks: one text per protocol, the rules for subjects and attributes,
 * and the deduplication of FIFO topics.
 */
import type { ServerResponse } from 'node:http';
import { buildApp } from 'fauxqs';
import { createFaultBook, type Fault, type FaultRule, playFault } from './faults.ts';
import { readBody, startLoopbackServer } from './loopback-server.ts';

/** A message as subscribers receive it. `at` is in epoch milliseconds. */
export interface TopicMessage {
  at: number;
  subject: string | null;
  attributes: Record<string, string>;
  /** The text for people, by email. */
  email: string;
  /** The document for systems, from a queue with raw delivery. */
  document: string;
  /** The text of each protocol; only `default` if the sender sent one text for all. */
  texts: Record<string, string>;
  groupId: string | null;
  deduplicationId: string | null;
}

/** A started topic. */
export interface EmbeddedTopic {
  endpoint: string;
  topicArn: string;
  /** The messages that reached subscribers. A FIFO topic drops repetitions within five minutes. */
  messages: TopicMessage[];
  /** The number of Publish requests, including failed ones. */
  publishCount: () => number;
  /** Injects faults into the next responses to Publish, or to another action. `snsFault` makes errors of SNS. */
  answerWith: (rule: FaultRule<{ action: string }>) => void;
  clearAnswers: () => void;
  close: () => Promise<void>;
}

/** The topic's name (a FIFO topic's ends in `.fifo`), and a function that receives each message. */
export interface EmbeddedTopicOptions {
  name?: string;
  onMessage?: (message: TopicMessage) => void;
}

const fifoMemoryMs = 5 * 60_000;
const formType = 'application/x-www-form-urlencoded';

/** Starts an SNS endpoint with one topic. */
export async function startEmbeddedTopic(options: EmbeddedTopicOptions = {}): Promise<EmbeddedTopic> {
  const { name = 'publishing-job-events', onMessage } = options;
  const isFifo = name.endsWith('.fifo');
  const messages: TopicMessage[] = [];
  const remembered = new Map<string, number>();
  const faults = createFaultBook<{ action: string }>(['action']);
  let publishCount = 0;

  const fauxqs = buildApp({ logger: false });
  const ask = async (form: URLSearchParams) =>
    fauxqs.inject({ method: 'POST', url: '/', payload: form.toString(), headers: { 'content-type': formType } });
  const topicArn = await createTopic(ask, name);

  const isRepetition = ({ at, deduplicationId }: TopicMessage): boolean => {
    if (!isFifo || deduplicationId === null) return false;
    const isKnown = at - (remembered.get(deduplicationId) ?? 0) < fifoMemoryMs;
    if (!isKnown) remembered.set(deduplicationId, at);
    return isKnown;
  };

  const publish = async (form: URLSearchParams): Promise<Fault> => {
    const message = messageOf(form);
    const problem = problemOf(message);
    if (problem !== null) return snsFault(400, 'InvalidParameter', `Invalid parameter: ${problem}`);
    const { statusCode, body } = await ask(form);
    if (statusCode === 200 && !isRepetition(message)) {
      messages.push(message);
      onMessage?.(message);
    }
    return { status: statusCode, headers: { 'content-type': 'text/xml' }, body };
  };

  const respond = async (form: URLSearchParams, response: ServerResponse) => {
    publishCount += 1;
    const fault = faults.take({ action: 'Publish' });
    const proper = fault === undefined || fault.accepted ? await publish(form) : undefined;
    playFault(fault ?? proper ?? {}, response);
  };

  const server = await startLoopbackServer(async (request, response) => {
    const form = new URLSearchParams(((await readBody(request)) ?? '').toString());
    const action = form.get('Action') ?? '';
    if (action === 'Publish') return await respond(form, response);
    const fault = faults.take({ action });
    if (fault) return playFault(fault, response);
    const { statusCode, body } = await ask(form);
    playFault({ status: statusCode, headers: { 'content-type': 'text/xml' }, body }, response);
  });

  return {
    endpoint: server.url,
    topicArn,
    messages,
    publishCount: () => publishCount,
    answerWith: (rule) => faults.add({ action: 'Publish', ...rule }),
    clearAnswers: faults.clear,
    close: async () => {
      await server.close();
      await fauxqs.close();
    },
  };
}

/** An error of SNS: `snsFault(404, 'NotFound')`, `snsFault(400, 'Throttled')`, and so on. */
export const snsFault = (status: number, code: string, message = code): Fault => ({
  status,
  headers: { 'content-type': 'text/xml' },
  body:
    '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error>' +
    `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type><Code>${code}</Code><Message>${message}</Message>` +
    '</Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>',
});

async function createTopic(ask: (form: URLSearchParams) => Promise<{ body: string }>, name: string): Promise<string> {
  const form = new URLSearchParams({ Action: 'CreateTopic', Name: name });
  if (name.endsWith('.fifo')) {
    form.set('Attributes.entry.1.key', 'FifoTopic');
    form.set('Attributes.entry.1.value', 'true');
  }
  const { body } = await ask(form);
  const topicArn = /<TopicArn>(.+)<\/TopicArn>/.exec(body)?.[1];
  if (topicArn === undefined) throw new Error(`fauxqs did not create the topic ${name}: ${body}`);
  return topicArn;
}

function messageOf(form: URLSearchParams): TopicMessage {
  const text = form.get('Message') ?? '';
  const texts = form.get('MessageStructure') === 'json' ? textsOf(text) : { default: text };
  const fallback = texts['default'] ?? '';
  return {
    at: Date.now(),
    subject: form.get('Subject'),
    attributes: attributesOf(form),
    email: texts['email'] ?? fallback,
    document: texts['sqs'] ?? fallback,
    texts,
    groupId: form.get('MessageGroupId'),
    deduplicationId: form.get('MessageDeduplicationId'),
  };
}

function textsOf(text: string): Record<string, string> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function attributesOf(form: URLSearchParams): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (let entry = 1; form.has(`MessageAttributes.entry.${entry}.Name`); entry += 1) {
    const name = form.get(`MessageAttributes.entry.${entry}.Name`) ?? '';
    attributes[name] = form.get(`MessageAttributes.entry.${entry}.Value.StringValue`) ?? '';
  }
  return attributes;
}

/** Why SNS refuses a message; null if it accepts it: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
function problemOf({ subject, attributes, texts }: TopicMessage): string | null {
  if (!texts['default']) return 'Message Structure - No default entry in JSON message body';
  if (subject !== null && !isSubject(subject)) return 'Subject';
  if (Object.values({ ...texts, ...attributes }).some(hasInvalidCharacter)) return 'Invalid characters found';
  const empty = Object.keys(attributes).find((name) => attributes[name] === '');
  return empty === undefined ? null : `The message attribute '${empty}' must contain non-empty message attribute value`;
}

/** UTF-8 text of fewer than 100 characters, without line breaks and control characters. */
const isSubject = (subject: string): boolean => /^[^\p{Cc}\u2028\u2029]{1,99}$/u.test(subject);

/** As SQS documents it: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const hasInvalidCharacter = (text: string): boolean =>
  /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text);
