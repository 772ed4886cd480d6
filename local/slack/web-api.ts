/** Slack's Web API over HTTP: the token, the arguments and the responses. https://docs.slack.dev/apis/web-api/ */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createFaultBook, type Fault, type FaultRule, playFault } from '../faults.ts';
import { readBody, sendJson } from '../loopback-server.ts';
import { callMethod, type SlackArguments } from './methods.ts';
import type { SlackWorkspace } from './workspace.ts';

/** A request to the Web API. `at` is in epoch milliseconds. */
export interface SlackCall {
  method: string;
  at: number;
  args: SlackArguments;
}

type CallScope = { method: string; channel: string };

/** The Web API as a request handler. */
export interface SlackWebApi {
  handle: (method: string, request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Every request in order of arrival, including refused ones. */
  calls: SlackCall[];
  /** Injects faults into the next responses: of one method or channel, or of all. */
  answerWith: (rule: FaultRule<CallScope>) => void;
  clearAnswers: () => void;
}

/** Makes the Web API of a workspace. */
export function createSlackWebApi({ workspace, now }: { workspace: SlackWorkspace; now: () => number }): SlackWebApi {
  const calls: SlackCall[] = [];
  const faults = createFaultBook<CallScope>(['method', 'channel']);
  return {
    handle: async (method, request, response) => {
      const args = argumentsIn(method, request, await readBody(request));
      calls.push({ method, at: now(), args });
      const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
      const fault = faults.take({ method, channel: String(args['channel']) });
      if (fault && !fault.accepted) return playFault(fault, response);
      const answer = callMethod(workspace, method, token, args);
      // One that only delays a call answers it as usual.
      if (fault)
        return playFault(
          fault.body === undefined && fault.status === 200 ? { ...fault, body: answer } : fault,
          response,
        );
      if (token === workspace.app.token) response.setHeader('x-oauth-scopes', [...workspace.app.scopes].join());
      sendJson(response, 200, answer);
    },
    calls,
    answerWith: faults.add,
    clearAnswers: faults.clear,
  };
}

/** The response to a refused call. The Web API refuses with 200. */
export const refusedCall = (error: string): Fault => ({ status: 200, body: { ok: false, error } });

/** The response to calls that come too often. */
export const rateLimitedCall = (seconds: number): Fault => ({
  status: 429,
  headers: { 'retry-after': `${seconds}` },
  body: { ok: false, error: 'ratelimited' },
});

/** The arguments from the query and the body. Methods that read take no JSON: they ignore it, as Slack's do. */
function argumentsIn(method: string, { url = '', headers }: IncomingMessage, body: Buffer | null): SlackArguments {
  const text = body?.toString() ?? '';
  const query = new URL(url, 'http://localhost').searchParams;
  const isJson = /^application\/json/.test(headers['content-type'] ?? '');
  if (!isJson) return Object.fromEntries([...query, ...new URLSearchParams(text)]);
  const isIgnored = /^conversations\.(history|replies|info)$/.test(method);
  return { ...Object.fromEntries(query), ...(isIgnored ? {} : JSON.parse(text || '{}')) };
}
