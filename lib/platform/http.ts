/**
 * The HTTP client for everything but AWS, which has its own SDK. Requests are bounded in time and size, and redirects
 * are never followed.
 */

import http, { type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { Address } from './address.ts';
import { UpstreamError } from './errors.ts';
import { isPublicAddress, PrivateAddress, publicOnly } from './public-address.ts';

/** One request. */
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
  /** How long the service may take, from the connection to the last byte of the response. */
  timeoutMs: number;
  /** How long the caller has in all, including the wait for a free connection; `timeoutMs` for each if left out. */
  withinMs?: number;
  /** The longest response that is read; 1 MiB by default. */
  maxBytes?: number;
  /** Whether a host with a private, link-local or otherwise reserved address is refused, as `needsOperator`. */
  publicOnly?: boolean;
  /** The connection that `open` opened for this request. */
  connection?: Connection | undefined;
}

/** A connection for one request that is not sent yet. `destroy` closes it. */
export type Connection = Pick<ClientRequest, 'destroy'>;

export interface HttpResponse {
  status: number;
  /** As Node reads them: names in lower case. */
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * Sends one request and returns the response, whatever its status. A redirect is returned like any other response, so
 * that credentials never go to another address. Throws an `UpstreamError`: `unavailable` without a complete response,
 * `unreadable` if the response is too long, `outOfTime` if `withinMs` ended before the service had its `timeoutMs`. The
 * error is `ambiguous` unless the service certainly never saw the request.
 */
export interface Http {
  (request: HttpRequest): Promise<HttpResponse>;
  /**
   * Opens the connection of a request that waits for something else, such as a token. Send the request with it, or
   * destroy it. If it breaks before that, the request opens another one: this only saves time.
   */
  open?(target: Target): Connection;
}

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
  const agentOf = ({ method, url }: Target) => method === 'GET' && agents[isSecure(url) ? 'https' : 'http'];
  const send = async (request: HttpRequest): Promise<HttpResponse> => {
    try {
      return await exchange(request, { agent: agentOf(request), lookup });
    } catch (error) {
      if (!(error instanceof DeadConnection)) throw error;
      return await exchange(error.rest, { agent: false, lookup });
    }
  };
  // No error is reported here: the request finds its connection destroyed.
  const open = (target: Target): Connection =>
    begin(target, { agent: agentOf(target), lookup }).on('error', () => undefined);
  return Object.assign(send, { open });
}

type Target = Pick<HttpRequest, 'method' | 'url' | 'path' | 'publicOnly'>;

const isSecure = (url: Address): boolean => url.protocol === 'https:';

/** An idle connection that the service had closed: it never read the request. `rest` is the request with its time left. */
class DeadConnection extends Error {
  readonly rest: HttpRequest;

  constructor(rest: HttpRequest) {
    super();
    this.rest = rest;
  }
}

/**
 * Makes what a request needs, such as a token, while the connection for that request is opened, unless `connection` is
 * one already. If it cannot be made, the connection is closed, and that is the error.
 */
export async function whileConnecting<Value>(
  { open }: Http,
  target: Target,
  make: () => Promise<Value>,
  connection = open?.(target),
): Promise<[Value, Connection | undefined]> {
  try {
    return [await make(), connection];
  } catch (error) {
    connection?.destroy();
    throw error;
  }
}

interface Connecting {
  agent: http.Agent | false;
  lookup: LookupFunction | undefined;
}

/** Begins to connect. Nothing is sent before `end`. */
function begin(
  { method, url, path = url.pathname + url.search, publicOnly: isPublicOnly }: Target,
  { agent, lookup }: Connecting,
) {
  const { request } = isSecure(url) ? https : http;
  return request({
    // In parts: Node would parse and copy a URL for each request, which is a tenth of the cost of a request.
    protocol: url.protocol,
    hostname: hostnameOf(url),
    port: url.port,
    path,
    method,
    agent,
    lookup: isPublicOnly ? publicOnly(lookup) : lookup,
    headers: { host: url.host, accept: 'application/json', 'user-agent': 'publishing-job-notifier' },
  });
}

const hostnameOf = ({ hostname }: Address): string => hostname.replace(/^\[|\]$/g, '');

function exchange(request: HttpRequest, connecting: Connecting): Promise<HttpResponse> {
  const { url, service, maxBytes = 1024 * 1024, timeoutMs, withinMs, headers = {}, body } = request;
  const startedAt = Date.now();
  return new Promise((resolve, reject) => {
    const hostname = hostnameOf(url);
    // A host that is an IP address needs no lookup.
    if (request.publicOnly && isIP(hostname) && !isPublicAddress(hostname)) return reject(notPublic(service));
    let connected = false;
    let wasIdle = false;
    let hasResponded = false;
    const fail = (kind: 'unavailable' | 'unreadable' | 'outOfTime', what: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new UpstreamError(kind, `${service}: ${what}`, { cause, ambiguous: connected }));
      outgoing.destroy();
    };
    const opened = request.connection as ClientRequest | undefined;
    const outgoing = opened && !opened.destroyed ? opened : begin(request, connecting);
    outgoing.on('response', (response) => {
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
    });
    const within = (ms: number, end: () => void) => setTimeout(end, Math.max(ms, 1));
    let timer = within(withinMs ?? timeoutMs, () => fail('outOfTime', 'no connection was free in time'));
    let connectionAt = startedAt;
    const onSocket = (socket: Socket & { secureConnecting?: boolean }) => {
      connectionAt = Date.now();
      const leftMs = withinMs === undefined ? timeoutMs : Math.min(timeoutMs, withinMs - (connectionAt - startedAt));
      clearTimeout(timer);
      timer = within(leftMs, () =>
        fail(
          leftMs < timeoutMs ? 'outOfTime' : 'unavailable',
          `no ${hasResponded ? 'complete ' : ''}response within ${leftMs / 1_000} s`,
        ),
      );
      const { connecting, secureConnecting } = socket;
      wasIdle = !connecting && !secureConnecting;
      if (wasIdle) connected = true;
      else {
        socket.once(secureConnecting === undefined ? 'connect' : 'secureConnect', () => {
          connected = true;
        });
      }
    };
    if (outgoing.socket) onSocket(outgoing.socket);
    else outgoing.on('socket', onSocket);
    outgoing.on('error', (error) => {
      if (wasIdle && !hasResponded && isReset(error)) {
        clearTimeout(timer);
        const now = Date.now();
        const rest = { ...request, connection: undefined, timeoutMs: timeoutMs - (now - connectionAt) };
        reject(new DeadConnection(withinMs === undefined ? rest : { ...rest, withinMs: withinMs - (now - startedAt) }));
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
    for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value);
    if (body !== undefined) outgoing.setHeader('content-length', Buffer.byteLength(body));
    outgoing.end(body);
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
