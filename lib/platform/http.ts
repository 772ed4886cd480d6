/**
 * The one way out over HTTP: bounded in time and size, never redirected, and its errors say what follows from them.
 * AWS is called through its own SDK.
 */

import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { UpstreamError } from './errors.ts';

/** One request. `timeoutMs` covers all of it, from the connection to the last byte of the answer. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** May hold secrets (a Slack hook does): it is never part of an error text. A user name in it is not sent. */
  url: URL;
  /** In place of the url's own path and query, so that an address that is asked for often is parsed once. */
  path?: string;
  /** What errors call the other side. */
  service: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  /** Longest answer that is read; 1 MiB unless told. */
  maxBytes?: number;
}

export interface HttpResponse {
  status: number;
  /** As Node reads them: names in lower case. */
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * Sends one request and reads the answer, whatever its status; redirects are answers too, so that no credential
 * follows them. Throws an `UpstreamError`: `unavailable` when there was no whole answer, `unreadable` when it is too
 * long. It is `ambiguous` unless the other side certainly never saw the request.
 */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

/** The real HTTP, over Node's own client: the global `fetch` would cost every cold start 20 ms. */
export function createHttp({ connections = 50 }: { connections?: number } = {}): Http {
  // Only reads reuse connections: when an idle one turns out to be dead, a read can be repeated, a message must not be.
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: connections }),
    https: new https.Agent({ keepAlive: true, maxSockets: connections }),
  };
  return async (request) => {
    const startedAt = Date.now();
    const agent = request.method === 'GET' && agents[isSecure(request) ? 'https' : 'http'];
    try {
      return await exchange(request, agent, request.timeoutMs);
    } catch (error) {
      if (!(error instanceof DeadConnection)) throw error;
      return await exchange(request, false, request.timeoutMs - (Date.now() - startedAt));
    }
  };
}

const isSecure = ({ url }: HttpRequest): boolean => url.protocol === 'https:';

/** An idle connection that the other side had closed: nobody read the request. */
class DeadConnection extends Error {}

function exchange(request: HttpRequest, agent: http.Agent | false, timeoutMs: number): Promise<HttpResponse> {
  const { url, path = url.pathname + url.search, service, maxBytes = 1024 * 1024 } = request;
  return new Promise((resolve, reject) => {
    const { request: open } = isSecure(request) ? https : http;
    let connected = false;
    let answered = false;
    const fail = (kind: 'unavailable' | 'unreadable', what: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new UpstreamError(kind, `${service}: ${what}`, { cause, ambiguous: connected }));
      outgoing.destroy();
    };
    const outgoing = open(
      {
        // In parts: a URL would be taken apart and copied for each request, which is a tenth of what one costs.
        protocol: url.protocol,
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path,
        method: request.method,
        agent,
        headers: {
          accept: 'application/json',
          'user-agent': 'publishing-job-notifier',
          ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
          ...request.headers,
        },
      },
      (answer) => {
        answered = true;
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) fail('unreadable', `the answer is longer than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        answer.on('end', () => {
          clearTimeout(timer);
          const { statusCode = 0, headers } = answer;
          resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString('utf8') });
        });
        answer.on('error', (error) => {
          fail('unavailable', `the connection broke within the answer (${codeOf(error)})`, error);
        });
      },
    );
    const timer = setTimeout(
      () => fail('unavailable', `no ${answered ? 'whole ' : ''}answer within ${timeoutMs / 1_000} s`),
      Math.max(timeoutMs, 1),
    );
    outgoing.on('socket', (socket) => {
      const { connecting, secureConnecting } = socket as Socket & { secureConnecting?: boolean };
      if (!connecting && !secureConnecting) connected = true;
      else {
        socket.once(secureConnecting === undefined ? 'connect' : 'secureConnect', () => {
          connected = true;
        });
      }
    });
    outgoing.on('error', (error) => {
      if (outgoing.reusedSocket && !answered && isReset(error)) {
        clearTimeout(timer);
        reject(new DeadConnection());
      } else {
        fail(
          'unavailable',
          connected ? `the connection broke (${codeOf(error)})` : `cannot connect (${codeOf(error)})`,
          error,
        );
      }
    });
    outgoing.end(request.body);
  });
}

const isReset = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNRESET' || error.code === 'EPIPE';
const codeOf = (error: NodeJS.ErrnoException): string => error.code ?? error.name;

/**
 * Reads a Retry-After header: whole seconds or an HTTP date (RFC 9110, section 10.2.3). Undefined if absent or
 * unreadable.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}
