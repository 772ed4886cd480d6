/** A server that behaves as Slack, with Slack's limits: its incoming webhooks, and its Web API for one app. */
import type { ServerResponse } from 'node:http';
import { createFaultBook, type FaultRule, playFault } from './faults.ts';
import { readBody, startLoopbackServer } from './loopback-server.ts';
import { refusalOf, type SlackPayload } from './slack/payload.ts';
import { createSlackWebApi, type SlackCall } from './slack/web-api.ts';
import {
  createSlackWorkspace,
  type MessageChange,
  type SlackWorkspace,
  type WorkspaceMessage,
} from './slack/workspace.ts';

export type { SlackPayload };

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
  /** The number of requests to webhooks, including refused ones: of one hook, or of all. */
  requestCount: (hook?: string) => number;
  /** Injects faults into the next responses, of one hook or of all. */
  answerWith: (rule: FaultRule<{ hook: string }>) => void;
  /** Removes the faults of the webhooks and of the Web API. */
  clearAnswers: () => void;
  /** The base URL of the Web API. */
  apiUrl: string;
  /** What the Web API works on. Tests change it, as people and administrators do. */
  workspace: SlackWorkspace;
  /** The requests to the Web API in order of arrival, including refused ones. */
  calls: SlackCall[];
  /** Injects faults into the next responses of the Web API: of one method or channel, or of all. */
  answerCallsWith: (rule: FaultRule<{ method: string; channel: string }>) => void;
  /** Refuses every connection until `resume`. */
  pause: () => Promise<void>;
  resume: () => Promise<void>;
  close: () => Promise<void>;
}

/**
 * Starts the server. Every webhook exists. It calls `onMessage` with each message that a webhook accepts, and `onChange`
 * with each message of the workspace that is posted, edited or deleted.
 */
export async function startSlackServer({
  onMessage,
  onChange,
  now = Date.now,
}: {
  onMessage?: (message: SlackMessage) => void;
  onChange?: (message: WorkspaceMessage, change: MessageChange) => void;
  /** The clock of the messages, in epoch milliseconds. */
  now?: () => number;
} = {}): Promise<SlackServer> {
  const messages: SlackMessage[] = [];
  const hooksAsked: string[] = [];
  const faults = createFaultBook<{ hook: string }>(['hook']);

  const accept = (hook: string, payload: SlackPayload) => {
    const message = { hook, at: now(), payload };
    messages.push(message);
    onMessage?.(message);
  };

  const workspace = createSlackWorkspace({ now, ...(onChange && { onChange }) });
  const webApi = createSlackWebApi({ workspace, now });

  const server = await startLoopbackServer(async (request, response) => {
    const method = /^\/api\/([\w.]+)/.exec(request.url ?? '')?.[1];
    if (method !== undefined) return webApi.handle(method, request, response);
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
    clearAnswers: () => {
      faults.clear();
      webApi.clearAnswers();
    },
    apiUrl: `${server.url}/api`,
    workspace,
    calls: webApi.calls,
    answerCallsWith: webApi.answerWith,
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
