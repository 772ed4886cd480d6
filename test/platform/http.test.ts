import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import https from 'node:https';
import net, { type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createHttp, type Http, type HttpRequest, whileConnecting } from '../../lib/platform/http.ts';
import { failure } from '../support/failure.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { makeCertificate } from './certificate.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Listens on a free port; open connections are cut after the test. */
async function listen(server: net.Server, scheme = 'http'): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = (handle: RequestListener) => listen(http.createServer(handle));

/** A raw server: `react` is called with every connection and every piece of a request. */
function speak(react: (socket: Socket, connection: number, piece: number) => void): Promise<string> {
  let connections = 0;
  return listen(
    net.createServer((socket) => {
      const connection = ++connections;
      let pieces = 0;
      socket.on('data', () => react(socket, connection, ++pieces));
    }),
  );
}

/** A name that no resolver accepts: one label is longer than 63 characters. */
const unknownHost = `http://${'x'.repeat(64)}.invalid`;

/** An address where nothing listens. */
async function deadAddress(): Promise<string> {
  const server = net.createServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

const request = (url: string, values: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url: new URL(url),
  service: 'the service',
  timeoutMs: 5_000,
  ...values,
});

const post = { method: 'POST', body: '{"a":1}' } as const;
const responseText = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;

test.each([200, 201, 204, 304, 400, 401, 403, 404, 410, 429, 500, 503, 599])(
  'returns a response with status %i, with its headers and its whole body',
  async (status) => {
    const body = status === 204 || status === 304 ? '' : `{"umlaut":"ä","padding":"${'x'.repeat(300_000)}"}`;
    const url = await serve((_, response) => {
      response.writeHead(status, { 'Retry-After': '7', 'set-cookie': ['a=1', 'b=2'] }).end(body);
    });
    const response = await createHttp()(request(url));
    expect(response).toMatchObject({ status, body, headers: { 'retry-after': '7', 'set-cookie': ['a=1', 'b=2'] } });
  },
);

test('sends the request as given, with its length in bytes', async () => {
  const seen: object[] = [];
  const url = await serve(async (incoming, response) => {
    const { method, url: target, headers } = incoming;
    seen.push({ method, target, headers, body: await text(incoming) });
    response.end();
  });
  const headers = { authorization: 'Bearer token', 'content-type': 'text/plain' };
  await createHttp()(request(`${url}/a%2Fb?c=d`, { method: 'POST', headers, body: 'äöü' }));
  expect(seen).toMatchObject([
    {
      method: 'POST',
      target: '/a%2Fb?c=d',
      headers: { ...headers, 'content-length': '6', accept: 'application/json' },
      body: 'äöü',
    },
  ]);
});

test('`path` replaces the path and query of the address', async () => {
  const url = await serve((incoming, response) => response.end(`${incoming.headers.host}${incoming.url}`));
  const { body } = await createHttp()(request(`${url}/a?b=c`, { path: '/d?e=f' }));
  expect(body).toBe(`${new URL(url).host}/d?e=f`);
});

test('an IPv6 address is not looked up as a name', async () => {
  const error = await failure(createHttp()(request((await deadAddress()).replace('127.0.0.1', '[::1]'))));
  expect(error.message).not.toMatch(/ENOTFOUND|EAI_AGAIN/);
});

test('joins a body that arrives in pieces, cut within a character', async () => {
  const bytes = Buffer.from('{"name":"Übersicht 🚀"}');
  const url = await speak((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n\r\n`);
    const send = (at: number): void => {
      if (at < bytes.length) socket.write(bytes.subarray(at, at + 1), () => send(at + 1));
    };
    send(0);
  });
  expect((await createHttp()(request(url))).body).toBe('{"name":"Übersicht 🚀"}');
});

test('replaces bytes that are not UTF-8', async () => {
  const url = await serve((_, response) => response.end(Buffer.from([0x61, 0xc3, 0x28])));
  expect((await createHttp()(request(url))).body).toBe('a\ufffd(');
});

test.each([301, 302, 303, 307, 308])(
  'does not follow a redirect (%i): no credential goes to another address',
  async (status) => {
    const elsewhere: IncomingMessage[] = [];
    const other = await serve((incoming, response) => {
      elsewhere.push(incoming);
      response.end('ok');
    });
    const url = await serve((_, response) => {
      response.writeHead(status, { location: `${other}/else` }).end();
    });
    for (const method of ['GET', 'POST'] as const) {
      const headers = { authorization: 'Bearer token' };
      const response = await createHttp()(request(url, { method, headers }));
      expect(response).toMatchObject({ status, headers: { location: `${other}/else` } });
    }
    expect(elsewhere).toEqual([]);
  },
);

test('a time-out before the connection is not ambiguous: the server never saw the request', async () => {
  // Accepts the connection, and never begins to speak TLS.
  const url = await listen(net.createServer(), 'https');
  for (const method of ['GET', 'POST'] as const) {
    const error = await failure(createHttp()(request(url, { method, timeoutMs: 60 })));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
    expect(error.message).toBe('the service: no response within 0.06 s');
  }
});

test('a server without TLS never saw the request', async () => {
  const url = (await serve((_, response) => response.end('ok'))).replace('http:', 'https:');
  expect(await failure(createHttp()(request(url, post)))).toMatchObject({ kind: 'unavailable', ambiguous: false });
});

test('a time-out before the response is ambiguous', async () => {
  const url = await serve(() => undefined);
  for (const values of [{}, post]) {
    const error = await failure(createHttp()(request(url, { ...values, timeoutMs: 60 })));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true, retryAfterMs: undefined });
    expect(error.message).toBe('the service: no response within 0.06 s');
  }
});

test('the time-out covers the whole exchange, including the body', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200);
    // Data keeps arriving, so an idle time-out would never fire.
    const timer = setInterval(() => response.write(' '), 10);
    response.on('close', () => clearInterval(timer));
  });
  const error = await failure(createHttp()(request(url, { timeoutMs: 150 })));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
  expect(error.message).toBe('the service: no complete response within 0.15 s');
});

test.each([0, -5_000])('with %i ms left, a request fails at once', async (timeoutMs) => {
  const url = await serve(() => undefined);
  expect(await failure(createHttp()(request(url, { timeoutMs })))).toMatchObject({ kind: 'unavailable' });
});

test('a time-out cuts the connection', async () => {
  let cut: Promise<unknown> = Promise.reject(new Error('nobody came'));
  cut.catch(() => undefined);
  const url = await serve((incoming) => {
    cut = new Promise((resolve) => incoming.socket.once('close', resolve));
  });
  await failure(createHttp()(request(url, { timeoutMs: 60 })));
  await cut;
});

test('reads a response of exactly `maxBytes`, and not one byte more', async () => {
  const url = await serve((incoming, response) => response.end('x'.repeat(Number(incoming.url?.slice(1)))));
  const send = createHttp();
  expect((await send(request(`${url}/1000`, { maxBytes: 1_000 }))).body).toHaveLength(1_000);
  const error = await failure(send(request(`${url}/1001`, { maxBytes: 1_000 })));
  expect(error).toMatchObject({ kind: 'unreadable', message: 'the service: the response is longer than 1000 bytes' });
});

test('counts the length in bytes, up to 1 MiB by default', async () => {
  const url = await serve((_, response) => response.end('ä'.repeat(1024 * 512 + 1)));
  expect((await failure(createHttp()(request(url)))).kind).toBe('unreadable');
});

test('reads little of a response of 50 MB, and cuts the connection', async () => {
  const total = 50 * 1024 * 1024;
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let cut: Promise<number> | undefined;
  const url = await serve((_, response) => {
    const { socket } = response;
    cut = new Promise((resolve) => socket?.once('close', () => resolve(socket.bytesWritten)));
    response.writeHead(200, { 'content-length': String(total) });
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  const error = await failure(createHttp()(request(url)));
  expect(error).toMatchObject({ kind: 'unreadable' });
  expect(await cut).toBeLessThan(total / 3);
});

test('a reset before the response is ambiguous', async () => {
  const url = await serve((incoming) => incoming.socket.resetAndDestroy());
  for (const values of [{}, post]) {
    const error = await failure(createHttp()(request(url, values)));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
    expect(error.message).toBe('the service: the connection broke (ECONNRESET)');
  }
});

test.each<[string, (socket: Socket) => void]>([
  ['reset', (socket) => socket.resetAndDestroy()],
  ['ended', (socket) => socket.end()],
])('a response whose connection is %s within its body is an error', async (_, finish) => {
  const url = await speak((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"system":{"status":"Completed"}}', () =>
      finish(socket),
    );
  });
  const error = await failure(createHttp()(request(url)));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
  expect(error.message).toMatch(/^the service: the connection broke/);
});

test('a response that is not HTTP is an error, and does not show in it', async () => {
  const url = await speak((socket) => socket.end('HTTP/1.1 answer-secret\r\n\r\n'));
  const error = await failure(createHttp()(request(url)));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
  expectNoSecrets([error.message, error.stack], ['answer-secret']);
});

test('if the connection is refused, the server never saw the request', async () => {
  const url = await deadAddress();
  for (const values of [{}, post]) {
    const error = await failure(createHttp()(request(url, values)));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
    expect(error.message).toBe('the service: cannot connect (ECONNREFUSED)');
  }
});

test('if the host has no address, the server never saw the request', async () => {
  const error = await failure(createHttp()(request(unknownHost, post)));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
  expect(error.message).toMatch(/^the service: cannot connect \((ENOTFOUND|EAI_AGAIN)\)$/);
});

test('reads share a connection, and a message never reuses one', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((incoming, response) => {
    ports.add(incoming.socket.remotePort);
    response.end('ok');
  });
  const send = createHttp();
  await send(request(url));
  await send(request(url, post));
  await send(request(url, post));
  await send(request(url));
  expect(ports.size).toBe(3);
});

test('repeats a read once on a new connection if the server has closed the idle one', async () => {
  const heard: number[] = [];
  const url = await speak((socket, connection, piece) => {
    heard.push(connection);
    if (connection === 1 && piece === 2) socket.resetAndDestroy();
    else socket.write(responseText('ok'));
  });
  const send = createHttp();
  await send(request(url));
  expect((await send(request(url))).body).toBe('ok');
  expect(heard).toEqual([1, 1, 2]);
});

test('a read fails if the second connection breaks as well', async () => {
  const heard: number[] = [];
  const url = await speak((socket, connection, piece) => {
    heard.push(connection);
    if (connection === 1 && piece === 1) socket.write(responseText('ok'));
    else socket.resetAndDestroy();
  });
  const send = createHttp();
  await send(request(url));
  expect(await failure(send(request(url)))).toMatchObject({ kind: 'unavailable' });
  expect(heard).toEqual([1, 1, 2]);
});

test('a repeated read gets no additional time', async () => {
  const url = await speak((socket, connection, piece) => {
    if (connection > 1) return;
    if (piece === 1) socket.write(responseText('ok'));
    else setTimeout(() => socket.resetAndDestroy(), 400);
  });
  const send = createHttp();
  await send(request(url));
  const startedAt = performance.now();
  await failure(send(request(url, { timeoutMs: 600 })));
  expect(performance.now() - startedAt).toBeLessThan(900);
});

test('never repeats a message whose connection breaks', async () => {
  let heard = 0;
  const url = await speak((socket) => {
    heard += 1;
    socket.resetAndDestroy();
  });
  const error = await failure(createHttp()(request(url, post)));
  expect(error.ambiguous).toBe(true);
  expect(heard).toBe(1);
});

describe('a connection that is opened before its request', () => {
  const open = (send: Http, url: string) => send.open?.(request(url)) as http.ClientRequest;
  const isOpen = async (connection: http.ClientRequest): Promise<void> => {
    const [socket] = (await once(connection, 'socket')) as [Socket];
    await once(socket, 'connect');
  };

  const isClosed = (connection: http.ClientRequest) => new Promise((resolve) => connection.once('close', resolve));

  test('sends nothing by itself, and carries the request and then other reads', async () => {
    const heard: unknown[] = [];
    const url = await serve((incoming, response) => {
      heard.push([incoming.socket.remotePort, incoming.headers.authorization]);
      response.end('ok');
    });
    const send = createHttp();
    const connection = open(send, url);
    await isOpen(connection);
    const port = connection.socket?.localPort;
    expect(heard).toEqual([]);
    await send(request(url, { connection, headers: { authorization: 'first' } }));
    await send(request(url, { headers: { authorization: 'second' } }));
    expect(heard).toEqual([
      [port, 'first'],
      [port, 'second'],
    ]);
  });

  test.each<[string, (socket: Socket) => unknown, (connection: http.ClientRequest) => Promise<unknown>]>([
    ['closes it', (socket) => socket.end(), isClosed],
    ['resets it', (socket) => socket.resetAndDestroy(), isClosed],
    ['resets it for the request', (socket) => socket.on('data', () => socket.resetAndDestroy()), isOpen],
  ])('is replaced once if the server %s', async (_, react, until) => {
    let connections = 0;
    const url = await listen(
      net.createServer((socket) => {
        connections += 1;
        if (connections === 1) react(socket);
        else socket.on('data', () => socket.write(responseText('ok')));
      }),
    );
    const send = createHttp();
    const connection = open(send, url);
    await until(connection);
    expect((await send(request(url, { connection }))).body).toBe('ok');
    expect(connections).toBe(2);
  });

  test('is no error if it fails: the request connects again, and fails by itself', async () => {
    const url = await deadAddress();
    const send = createHttp();
    const connection = open(send, url);
    await isClosed(connection);
    const error = await failure(send(request(url, { connection })));
    expect([error.message, error.ambiguous]).toEqual(['the service: cannot connect (ECONNREFUSED)', false]);
  });

  test('is closed if what the request needs cannot be made, and that is the error', async () => {
    const connected = Promise.withResolvers<Socket>();
    const url = await listen(net.createServer(connected.resolve));
    const refuse = async () => {
      await connected.promise;
      throw new Error('no token');
    };
    await expect(whileConnecting(createHttp(), request(url), refuse)).rejects.toThrow('no token');
    const socket = await connected.promise;
    if (!socket.destroyed) await once(socket.resume(), 'close');
  });

  test('has its time-out from the moment its request is sent', async () => {
    const url = await speak(() => undefined);
    const send = createHttp();
    const connection = open(send, url);
    await isOpen(connection);
    const error = await failure(send(request(url, { connection, timeoutMs: 80 })));
    expect([error.message, error.ambiguous]).toEqual(['the service: no response within 0.08 s', true]);
  });
});

/** The names of the warnings that the process emits during some work. */
async function warningsOf(work: () => Promise<unknown>): Promise<string[]> {
  const warnings: string[] = [];
  const note = ({ name }: Error) => void warnings.push(name);
  process.on('warning', note);
  await work().finally(() => setImmediate(() => process.off('warning', note)));
  await new Promise((resolve) => setTimeout(resolve));
  return warnings;
}

test('200 concurrent reads over few connections leak no listeners', async () => {
  const url = await serve((_, response) => response.end('ok'));
  const send = createHttp({ connections: 2 });
  const warnings = await warningsOf(() => Promise.all(Array.from({ length: 200 }, () => send(request(url)))));
  expect(warnings).not.toContain('MaxListenersExceededWarning');
});

test('a read that waited for a connection is ambiguous if it breaks', async () => {
  const url = await speak((socket, connection, piece) => {
    if (connection === 1 && piece === 1) socket.write(responseText('ok'));
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', () => socket.resetAndDestroy());
  });
  const send = createHttp({ connections: 1 });
  const [first, second] = await Promise.allSettled([send(request(url)), send(request(url))]);
  expect(first).toMatchObject({ status: 'fulfilled', value: { body: 'ok' } });
  expect(second).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable', ambiguous: true } });
});

test('no error shows the address, a header, or a body', async () => {
  const secrets = ['path-secret', 'query-secret', 'header-secret', 'body-secret', 'answer-secret'];
  const send: Http = createHttp();
  const ask = (url: string, values: Partial<HttpRequest> = {}) =>
    failure(
      send(
        request(`${url}/path-secret?q=query-secret`, {
          ...post,
          headers: { authorization: 'Bearer header-secret' },
          body: 'body-secret',
          timeoutMs: 100,
          ...values,
        }),
      ),
    );
  const half = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\nx-header: header-secret\r\n\r\nanswer-secret';
  const errors = await Promise.all([
    ask(await deadAddress()),
    ask(unknownHost, { timeoutMs: 5_000 }),
    ask(await listen(net.createServer(), 'https')),
    ask(await serve(() => undefined)),
    ask(await serve((incoming) => incoming.socket.resetAndDestroy())),
    ask(await speak((socket) => socket.write(half))),
    ask(await speak((socket) => socket.write(half, () => socket.resetAndDestroy()))),
    ask(await serve((_, response) => response.end('answer-secret'.repeat(10))), { maxBytes: 20 }),
  ]);
  expect(errors.map(({ kind }) => kind)).toEqual([...Array(7).fill('unavailable'), 'unreadable']);
  expectNoSecrets(errors, secrets);
});

describe('over TLS', () => {
  const certificate = makeCertificate();
  const usual = tls.getCACertificates('default');
  beforeAll(() => tls.setDefaultCACertificates([certificate.cert]));
  afterAll(() => tls.setDefaultCACertificates(usual));
  const serveTls = (handle: RequestListener, { key, cert } = certificate) => {
    const server = https.createServer({ key, cert }, handle);
    return listen(
      server.on('tlsClientError', () => undefined),
      'https',
    );
  };

  test('reads share a connection, and a message never reuses one', async () => {
    const ports = new Set<number | undefined>();
    const url = await serveTls((incoming, response) => {
      ports.add(incoming.socket.remotePort);
      response.end('ok');
    });
    const send = createHttp();
    for (let count = 0; count < 3; count++) expect(await send(request(url))).toMatchObject({ status: 200, body: 'ok' });
    expect(ports.size).toBe(1);
    await send(request(url, post));
    await send(request(url, post));
    expect(ports.size).toBe(3);
  });

  test.each([
    ['that is new', 50],
    ['that was waited for', 1],
  ])('a read that breaks on a connection %s is ambiguous', async (_, connections) => {
    let requests = 0;
    const url = await serveTls((incoming, response) => {
      requests += 1;
      if (requests === 1) response.end('ok');
      else response.writeHead(200, { 'content-length': '9' }).write('half', () => incoming.socket.destroy());
    });
    const send = createHttp({ connections });
    // Either of the two can arrive first.
    const outcomes = await Promise.allSettled([send(request(url)), send(request(url))]);
    expect(outcomes.sort((one, other) => (one.status < other.status ? -1 : 1))).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { kind: 'unavailable', ambiguous: true } },
    ]);
  });

  test.each<[string, RequestListener]>([
    ['a time-out', () => undefined],
    ['a reset', (incoming) => incoming.socket.destroy()],
  ])('%s makes a message ambiguous', async (_, handle) => {
    const error = await failure(createHttp()(request(await serveTls(handle), { ...post, timeoutMs: 200 })));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
  });

  test('sends nothing if the certificate is not trusted', async () => {
    let requests = 0;
    const url = await serveTls((_, response) => {
      requests += 1;
      response.end('ok');
    }, makeCertificate());
    for (const values of [{}, post]) {
      const error = await failure(createHttp()(request(url, values)));
      expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
      expect(error.message).toMatch(/^the service: cannot connect \([A-Z_]+\)$/);
    }
    expect(requests).toBe(0);
  });

  test('sends nothing if the certificate is for another name', async () => {
    const url = (await serveTls(() => expect.unreachable())).replace('127.0.0.1', 'localhost');
    const error = await failure(createHttp()(request(url, post)));
    expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
    expect(error.message).toBe('the service: cannot connect (ERR_TLS_CERT_ALTNAME_INVALID)');
  });
});

describe('a request that waits for a free connection', () => {
  /** A service that holds back its first response until `release`, and a client with one connection. */
  const withOneConnection = async () => {
    const held: (() => void)[] = [];
    const url = await serve((incoming, response) => {
      if (incoming.url === '/slow') held.push(() => response.end('late'));
      else response.end('prompt');
    });
    return { send: createHttp({ connections: 1 }), url, release: () => held.splice(0).forEach((end) => void end()) };
  };
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

  test('has its whole time-out from the moment it gets one', async () => {
    const { send, url, release } = await withOneConnection();
    const first = send(request(`${url}/slow`));
    const second = send(request(url, { timeoutMs: 200, withinMs: 5_000 }));
    await pause(400);
    release();
    expect([(await first).body, (await second).body]).toEqual(['late', 'prompt']);
  });

  test('blames nobody if it gets none in time', async () => {
    const { send, url, release } = await withOneConnection();
    const first = send(request(`${url}/slow`));
    const error = await failure(send(request(url, { withinMs: 60 })));
    expect(error).toMatchObject({ kind: 'outOfTime', ambiguous: false });
    expect(error.message).toBe('the service: no connection was free in time');
    release();
    await first;
  });

  test('blames nobody if the rest of the time is shorter than the time-out', async () => {
    const { send, url, release } = await withOneConnection();
    const error = await failure(send(request(`${url}/slow`, { timeoutMs: 5_000, withinMs: 80 })));
    expect(error).toMatchObject({
      kind: 'outOfTime',
      message: expect.stringMatching(/^the service: no response within 0\.0\d+ s$/),
    });
    release();
  });

  test('blames the service if that had its whole time-out', async () => {
    const { send, url, release } = await withOneConnection();
    const error = await failure(send(request(`${url}/slow`, { timeoutMs: 80, withinMs: 5_000 })));
    expect(error).toMatchObject({ kind: 'unavailable', message: 'the service: no response within 0.08 s' });
    release();
  });
});
