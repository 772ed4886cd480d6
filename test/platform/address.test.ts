import { expect, test } from 'vitest';
import { readAddress } from '../../lib/platform/address.ts';
import { createHttp } from '../../lib/platform/http.ts';
import { startLoopbackServer } from '../../local/loopback-server.ts';

const flow =
  'https://default0123.4f.environment.api.powerplatform.com:443/powerautomate/workflows/a%2Fb/invoke?sp=%2Ftriggers&sig=a%2Bb+c';

test('an address is taken apart, and no byte changes', () => {
  expect(readAddress(flow)).toEqual({
    href: flow,
    protocol: 'https:',
    host: 'default0123.4f.environment.api.powerplatform.com:443',
    hostname: 'default0123.4f.environment.api.powerplatform.com',
    port: '443',
    pathname: '/powerautomate/workflows/a%2Fb/invoke',
    search: '?sp=%2Ftriggers&sig=a%2Bb+c',
  });
});

test.each([
  ['https://example.com', '/', ''],
  ['https://example.com?a=/', '/', '?a=/'],
  ['https://example.com/a/../b/%2e%2e/c', '/a/../b/%2e%2e/c', ''],
  ['http://[::1]:8080/x', '/x', ''],
])('%s has this path and query', (text, pathname, search) => {
  expect(readAddress(text)).toMatchObject({ href: text, pathname, search });
});

test.each([
  'example.com/x',
  'ftp://example.com/x',
  'https://user@example.com/x',
  'https://user:word@example.com/x',
  'https://example.com@evil.example/x',
  'https://example.com\\@evil.example/x',
  'https://example.com/x#y',
  'https://example.com/a b',
  'https://example.com/\r\nx: y',
  'https://exämple.com/x',
  ' https://example.com/x',
  'https://',
])('%j is no address', (text) => {
  expect(readAddress(text)).toBeUndefined();
});

test('the Host header is the host as it is written, with a port that is the default too', async () => {
  const hosts: unknown[] = [];
  const server = await startLoopbackServer((request, response) => {
    hosts.push(request.headers.host);
    response.end();
  });
  const url = { ...readAddress(flow), protocol: 'http:', hostname: '127.0.0.1', port: String(server.port) };
  const { status } = await createHttp()({ method: 'POST', url: url as URL, service: 'Teams', timeoutMs: 5_000 });
  expect([status, hosts]).toEqual([200, ['default0123.4f.environment.api.powerplatform.com:443']]);
  await server.close();
});
