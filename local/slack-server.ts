/** A server that behaves as Slack's incoming webhooks, with Slack's limits. */
import type { ServerResponse } from 'node:http';
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, startLoopbackServer } from './loopback-server.ts';

/** The body of a request to an incoming webhook. */
export interface SlackPayload {
  text?: string;
  blocks?: SlackBlock[];
  [member: string]: unknown;
}

/** A block of Block Kit: the members that this server checks. */
export interface SlackBlock {
  type?: string;
  text?: SlackText;
  fields?: SlackText[];
  elements?: SlackElement[];
  [member: string]: unknown;
}

/** A text object of Block Kit. */
export interface SlackText {
  type?: string;
  text?: string;
  [member: string]: unknown;
}

/** An element of a context block (a text object) or of an actions block (a button). */
export interface SlackElement extends Omit<SlackText, 'text'> {
  text?: string | SlackText;
  url?: string;
}

/** An accepted message. `at` is in epoch milliseconds. */
export interface SlackMessage {
  hook: string;
  at: number;
  payload: SlackPayload;
}

/** A started server. */
export interface SlackServer {
  url: string;
  /** The secret URL of one incoming webhook, that is, of one channel. */
  webhookUrl: (hook?: string) => string;
  /** The accepted messages, in order of arrival. */
  messages: SlackMessage[];
  /** The number of requests, including refused ones: of one hook, or of all. */
  requestCount: (hook?: string) => number;
  /** Injects faults into the next responses, of one hook or of all. */
  answerWith: (rule: FaultRule<{ hook: string }>) => void;
  clearAnswers: () => void;
  /** Refuses every connection until `resume`. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  close: () => Promise<void>;
}

/** Starts the server. Every webhook exists. It calls `onMessage` with each accepted message. */
export async function startSlackServer({
  onMessage,
}: {
  onMessage?: (message: SlackMessage) => void;
} = {}): Promise<SlackServer> {
  const messages: SlackMessage[] = [];
  const hooksAsked: string[] = [];
  const faults = createFaultBook<{ hook: string }>(['hook']);

  const accept = (hook: string, payload: SlackPayload) => {
    const message = { hook, at: Date.now(), payload };
    messages.push(message);
    onMessage?.(message);
  };

  const server = await startLoopbackServer(async (request, response) => {
    const hook = /^\/services\/T00000000\/B00000000\/([^/?]+)$/.exec(request.url ?? '')?.[1];
    if (hook === undefined) return sendText(response, 404, 'no_service');
    hooksAsked.push(hook);
    const body = await readBody(request);
    const fault = faults.take({ hook });
    const payload = parsePayload(body);
    if (fault) {
      if (fault.accepted && payload) accept(hook, payload);
      return playFault(fault, response);
    }
    if (request.method !== 'POST' || payload === null) return sendText(response, 400, 'invalid_payload');
    const refusal = refusalOf(payload);
    if (refusal !== null) return sendText(response, 400, refusal);
    accept(hook, payload);
    return sendText(response, 200, 'ok');
  });

  return {
    url: server.url,
    webhookUrl: (hook = 'team') => `${server.url}/services/T00000000/B00000000/${hook}`,
    messages,
    requestCount: (hook) => hooksAsked.filter((asked) => hook === undefined || asked === hook).length,
    answerWith: faults.add,
    clearAnswers: faults.clear,
    pause: server.pause,
    resume: server.resume,
    close: server.close,
  };
}

const sendText = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/html' }).end(text);
};

function parsePayload(body: Buffer | null): SlackPayload | null {
  try {
    const payload = JSON.parse(body?.toString() ?? '');
    return typeof payload === 'object' && !Array.isArray(payload) ? payload : null;
  } catch {
    return null;
  }
}

/** The code with which Slack refuses a payload; null if it accepts it. */
function refusalOf({ text, blocks }: SlackPayload): string | null {
  if (!text && (blocks === undefined || blocks.length === 0)) return 'no_text';
  if (blocks === undefined) return null;
  if (!Array.isArray(blocks) || blocks.length > 50) return 'invalid_blocks';
  // Undocumented but observed: Slack refuses blocks that are too long together, even if each is within its limits.
  if (JSON.stringify(blocks).length > 13_200) return 'invalid_blocks';
  return blocks.every(isBlock) ? null : 'invalid_blocks';
}

function isBlock(block: SlackBlock): boolean {
  switch (block.type) {
    case 'divider':
      return true;
    case 'header':
      return isText(block.text, 150) && block.text?.type === 'plain_text';
    case 'section':
      return (
        (block.text !== undefined || block.fields !== undefined) &&
        (block.text === undefined || isText(block.text, 3000)) &&
        (block.fields === undefined || areTexts(block.fields, 2000))
      );
    case 'context':
      return areTexts(block.elements, 3000);
    case 'actions':
      return isList(block.elements, 25) && block.elements.every(isButton);
    default:
      return false;
  }
}

function isButton({ type, text, url }: SlackElement): boolean {
  return type === 'button' && isText(text, 75) && typeof text === 'object' && (url === undefined || url.length <= 3000);
}

const isList = <Item>(list: Item[] | undefined, limit: number): list is Item[] =>
  Array.isArray(list) && list.length > 0 && list.length <= limit;

const areTexts = (texts: SlackElement[] | undefined, limit: number): boolean =>
  isList(texts, 10) && texts.every((text) => isText(text, limit));

function isText(text: unknown, limit: number): boolean {
  if (typeof text !== 'object' || text === null) return false;
  const { type, text: content } = text as SlackText;
  if ((type !== 'plain_text' && type !== 'mrkdwn') || typeof content !== 'string') return false;
  const length = [...content].length;
  return length > 0 && length <= limit;
}
