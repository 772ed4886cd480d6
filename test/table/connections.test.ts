/** More requests at once than the table client has connections. */

import { expect, test } from 'vitest';
import { wire } from '../../lib/wire.ts';
import { startLoopbackServer } from '../../local/loopback-server.ts';
import { worldConfig } from '../support/simulated-world.ts';

test('the wait for a connection to the table is not taken for a slow table, and nothing is sent twice', async () => {
  let requests = 0;
  const server = await startLoopbackServer((_, response) => {
    requests += 1;
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}'), 400);
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const { channels, ...config } = worldConfig();
  const document = { ...config, channels: { slack: channels['slack'] } };
  const { store } = wire({ NOTIFIER_CONFIG: JSON.stringify(document), TABLE_NAME: 'table' });
  const names = Array.from({ length: 500 }, (_, index) => ({ environment: 'production', jobId: `job_${index}` }));
  await Promise.all(names.map((name) => store.get(name)));
  expect(requests).toBe(500);
  await server.close();
}, 30_000);
