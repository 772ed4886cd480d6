/**
 * The HTTP client for everything but AWS, which has its own SDK. Requests are bounded in time and size, and redirects
 * are never followed.
 */

import http, { type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { Address } from './address.ts';
import { UpstreamError } from './errors.ts';
import { isPublicAddress, PrivateAddress, publicOnly } from './public-address.ts';

/** One request. `timeoutMs` covers all of it, from the connection to the last byte of the response. */
export interface HttpRequest {
  method: 'GET' | 'POST';
  /** May hold secrets, as a Slack hook does: it is never part of an error text. A user name in it is not sent. */
  url: Address;
  /** Replaces the path and query of `url`, so that a frequently used address is parsed only once. */
  path?: string;
  /** The name of the service in error texts. */
  service: string;
  headers?: Record<string, string>;
  body?: string;
  timeoutMs: number;
  /** The longest response that is read; 1 MiB by default. */
  maxBytes?: number;
  /** Whether a host with a private, link-local or otherwise reserved address is refused, as `needsOperator`. */
  publicOnly?: boolean;
}

export interface HttpResponse {
  status: number;
  /** As Node reads them: names in lower case. */
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * Sends one request and returns the response, whatever its status. A redirect is returned like any other response, so
 * that credentials never go to another address. Throws an `UpstreamError`: `unavailable` without a complete response,
 * `unreadable` if the response is too long. The error is `ambiguous` unless the service certainly never saw the request.
 */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpOptions {
  /** How many connections reads keep open to one host. */
  connections?: number;
  /** Finds the addresses of a host; by default, the lookup of the operating system. */
  lookup?: LookupFunction;
}

/** The real client, over `node:http`: the global `fetch` would add 20 ms to every cold start. */
export function createHttp({ connections = 50, lookup }: HttpOptions = {}): Http {
  // Only reads reuse connections. If an idle connection turns out to be dead, a read can be repeated; a message cannot.
  const agents = {
    http: new http.Agent({ keepAlive: true, maxSockets: connections }),
    https: new https.Agent({ keepAlive: true, maxSockets: connections }),
  };
  return async (request) => {
    const startedAt = Date.now();
    const agent = request.method === 'GET' && agents[isSecure(request) ? 'https' : 'http'];
    try {
      return await exchange(request, { agent, lookup }, request.timeoutMs);
    } catch (error) {
      if (!(error instanceof DeadConnection)) throw error;
      return await exchange(request, { agent: false, lookup }, request.timeoutMs - (Date.now() - startedAt));
    }
  };
}

const isSecure = ({ url }: HttpRequest): boolean => url.protocol === 'https:';

/** An idle connection that the service had closed: it never read the request. */
class DeadConnection extends Error {}

interface Connecting {
  agent: http.Agent | false;
  lookup: LookupFunction | undefined;
}

function exchange(request: HttpRequest, { agent, lookup }: Connecting, timeoutMs: number): Promise<HttpResponse> {
  const { url, path = url.pathname + url.search, service, maxBytes = 1024 * 1024 } = request;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    // A host that is an IP address needs no lookup.
    if (request.publicOnly && isIP(hostname) && !isPublicAddress(hostname)) return reject(notPublic(service));
    const { request: open } = isSecure(request) ? https : http;
    let connected = false;
    let hasResponded = false;
    const fail = (kind: 'unavailable' | 'unreadable', what: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new UpstreamError(kind, `${service}: ${what}`, { cause, ambiguous: connected }));
      outgoing.destroy();
    };
    const outgoing = open(
      {
        // In parts: Node would parse and copy a URL for each request, which is a tenth of the cost of a request.
        protocol: url.protocol,
        hostname,
        port: url.port,
        path,
        method: request.method,
        agent,
        lookup: request.publicOnly ? publicOnly(lookup) : lookup,
        headers: {
          host: url.host,
          accept: 'application/json',
          'user-agent': 'publishing-job-notifier',
          ...(request.body === undefined ? {} : { 'content-length': Buffer.byteLength(request.body) }),
          ...request.headers,
        },
      },
      (response) => {
        hasResponded = true;
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > maxBytes) fail('unreadable', `the response is longer than ${maxBytes} bytes`);
          else chunks.push(chunk);
        });
        response.on('end', () => {
          clearTimeout(timer);
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, body: Buffer.concat(chunks).toString('utf8') });
        });
        response.on('error', (error) => {
          fail('unavailable', `the connection broke during the response (${codeOf(error)})`, error);
        });
      },
    );
    const timer = setTimeout(
      () => fail('unavailable', `no ${hasResponded ? 'complete ' : ''}response within ${timeoutMs / 1_000} s`),
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
      if (outgoing.reusedSocket && !hasResponded && isReset(error)) {
        clearTimeout(timer);
        reject(new DeadConnection());
      } else if (error instanceof PrivateAddress) {
        clearTimeout(timer);
        reject(notPublic(service));
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

const notPublic = (service: string): UpstreamError =>
  new UpstreamError('needsOperator', `${service}: the address leads into a private network, and is not called`);

const isReset = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNRESET' || error.code === 'EPIPE';
const codeOf = (error: NodeJS.ErrnoException): string => error.code ?? error.name;

/**
 * The wait that a Retry-After header asks for, in milliseconds: whole seconds or an HTTP date (RFC 9110, section
 * 10.2.3). Undefined if the header is absent or unreadable.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const date = /^[A-Z][a-z]+, .+ GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0);
}
