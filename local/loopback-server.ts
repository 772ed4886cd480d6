/** The HTTP server of everything under `local/`: on the loopback interface unless told otherwise, closed without waiting. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server, with an address that this machine can call. */
export interface LoopbackServer {
  url: string;
  port: number;
  /** Refuses connections from now on, like a server that is down. */
  pause: () => Promise<void>;
  /** Listens again, on the same port. */
  resume: () => Promise<void>;
  /** Closes every open connection, so it never waits for a client. */
  close: () => Promise<void>;
}

/** Serves HTTP on a port of `host`, by default a free one. Rejects with Node's error if the port is in use. */
export async function startLoopbackServer(
  handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
  port = 0,
  host = '127.0.0.1',
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    // A client that disconnects early must not end the process.
    request.on('error', () => undefined);
    Promise.resolve(handle(request, response)).catch((error: unknown) => fail(response, error));
  });
  const listen = (at: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(at, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(port);
  const address = server.address() as AddressInfo;
  return {
    url: `http://${reachable(host)}:${address.port}`,
    port: address.port,
    pause: close,
    resume: () => listen(address.port),
    close,
  };
}

/** The host part of a URL. A server on every address can be called on the loopback one. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** Reads a whole request body, or returns null as soon as it is longer than `limit` bytes. */
export async function readBody(request: IncomingMessage, limit = 1024 * 1024): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Responds with a JSON document. */
export function sendJson(response: ServerResponse, status: number, document: unknown, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(document));
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { 'content-type': 'text/plain' }).end(`${error}`);
}
