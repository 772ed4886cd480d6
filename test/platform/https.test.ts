import type { RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp, type HttpRequest } from '../../lib/platform/http.ts';
import { makeCertificate } from './certificate.ts';

const certificate = makeCertificate();
const usual = tls.getCACertificates('default');
beforeAll(() => tls.setDefaultCACertificates([certificate.cert]));
afterAll(() => tls.setDefaultCACertificates(usual));

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function serve(handle: RequestListener, { key, cert } = certificate): Promise<string> {
  const server = https.createServer({ key, cert }, handle);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = (url: string, values: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  url: new URL(url),
  service: 'the service',
  timeoutMs: 5_000,
  ...values,
});
const post = { method: 'POST', body: '{"a":1}' } as const;

async function failure(sent: Promise<unknown>): Promise<UpstreamError> {
  const outcome = await sent.then(
    () => new Error('it was answered'),
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(UpstreamError);
  return outcome as UpstreamError;
}

test('over TLS, reads share a connection, and a message never does', async () => {
  const ports = new Set<number | undefined>();
  const url = await serve((incoming, response) => {
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
])('over TLS, what breaks on a connection %s leaves open what became of the request', async (_, connections) => {
  let requests = 0;
  const url = await serve((incoming, response) => {
    requests += 1;
    if (requests === 1) response.end('ok');
    else response.writeHead(200, { 'content-length': '9' }).write('half', () => incoming.socket.destroy());
  });
  const send = createHttp({ connections });
  // Which of the two arrives first is open.
  const outcomes = await Promise.allSettled([send(request(url)), send(request(url))]);
  expect(outcomes.sort((one, other) => (one.status < other.status ? -1 : 1))).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { kind: 'unavailable', ambiguous: true } },
  ]);
});

test.each<[string, RequestListener]>([
  ['a time-out', () => undefined],
  ['a reset', (incoming) => incoming.socket.destroy()],
])('over TLS, %s leaves open what became of a message', async (_, handle) => {
  const error = await failure(createHttp()(request(await serve(handle), { ...post, timeoutMs: 200 })));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: true });
});

test('a certificate that nobody vouches for gets nothing', async () => {
  let requests = 0;
  const url = await serve((_, response) => {
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

test('a certificate for another name gets nothing', async () => {
  const url = (await serve(() => expect.unreachable())).replace('127.0.0.1', 'localhost');
  const error = await failure(createHttp()(request(url, post)));
  expect(error).toMatchObject({ kind: 'unavailable', ambiguous: false });
  expect(error.message).toBe('the service: cannot connect (ERR_TLS_CERT_ALTNAME_INVALID)');
});

test('over TLS, 200 reads at once over few connections leave nothing behind on them', async () => {
  const warnings: string[] = [];
  const note = ({ name }: Error) => void warnings.push(name);
  process.on('warning', note);
  const url = await serve((_, response) => response.end('ok'));
  const send = createHttp({ connections: 2 });
  await Promise.all(Array.from({ length: 200 }, () => send(request(url))));
  await new Promise(setImmediate);
  process.off('warning', note);
  expect(warnings).not.toContain('MaxListenersExceededWarning');
});
