import { afterEach, beforeEach, expect, test } from 'vitest';
import { type PublishingApiServer, problemFault, startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';

let api: PublishingApiServer;
beforeEach(async () => {
  api = await startPublishingApiServer();
});
afterEach(() => api.close());

const askToken = (body: Record<string, string>) =>
  fetch(api.tokenUrl, { method: 'POST', body: new URLSearchParams(body) });

const credentials = () => ({
  grant_type: 'client_credentials',
  client_id: api.clientId,
  client_secret: api.clientSecret,
  audience: 'https://api.sitecorecloud.io',
});

async function newToken(): Promise<string> {
  const response = await askToken(credentials());
  return ((await response.json()) as { access_token: string }).access_token;
}

async function getJob(id: string, token?: string) {
  const accessToken = token ?? (await newToken());
  return fetch(`${api.url}/authoring/publishing/v1/jobs/${encodeURIComponent(id)}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
}

test('a token gives access to a job', async () => {
  api.setJob('job_1', publishingJob({ id: 'job_1', status: 'Running', sent: 7 }));
  const response = await getJob('job_1');
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({
    id: 'job_1',
    statistics: { itemsSent: 7 },
    system: { status: 'Running', finishTime: null },
  });
});

test('a token request can be JSON or form-encoded', async () => {
  const response = await fetch(api.tokenUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(credentials()),
  });
  expect(await response.json()).toMatchObject({ expires_in: 86_400, token_type: 'Bearer' });
});

test('a wrong client secret is refused', async () => {
  expect((await askToken({ ...credentials(), client_secret: 'wrong' })).status).toBe(401);
});

test('a missing, an unknown and a revoked token get a 401 with a problem object', async () => {
  const token = await newToken();
  api.setJob('job_1', publishingJob({ id: 'job_1' }));
  expect((await getJob('job_1', token)).status).toBe(200);
  api.revokeTokens();
  for (const refused of [token, 'unknown', '']) {
    const response = await getJob('job_1', refused);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ status: 401, title: 'Unauthorized' });
  }
});

test('an unknown job gets a 404 with a problem object', async () => {
  const response = await getJob('job_unknown');
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ status: 404, title: 'Not Found' });
});

test('a fault applies to its call and its job, as often as it says', async () => {
  api.setJob('job_1', publishingJob({ id: 'job_1' }));
  api.setJob('job_2', publishingJob({ id: 'job_2' }));
  api.fault({ ...problemFault(429, { 'retry-after': '7' }), call: 'job', jobId: 'job_1', times: 2 });
  const first = await getJob('job_1');
  expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7']);
  expect((await getJob('job_2')).status).toBe(200);
  expect((await getJob('job_1')).status).toBe(429);
  expect((await getJob('job_1')).status).toBe(200);
});

test('half a body ends early, and a reset gives no response', async () => {
  api.fault({ kind: 'half', status: 200, body: publishingJob({ id: 'job_1' }) });
  await expect((await getJob('job_1', 'any')).text()).rejects.toThrow();
  api.fault({ kind: 'reset' });
  await expect(getJob('job_1', 'any')).rejects.toThrow();
});

test('a body of any length is streamed', async () => {
  api.fault({ status: 200, bytes: 3_000_000 });
  expect((await (await getJob('job_1', 'any')).text()).length).toBe(3_000_000);
});

test('closing does not wait for a request without a response', async () => {
  api.fault({ kind: 'silence' });
  const pending = getJob('job_1', 'any').catch(() => 'cut off');
  while (api.requests.length === 0) await new Promise(setImmediate);
  await api.close();
  expect(await pending).toBe('cut off');
});

test('every request is recorded', async () => {
  api.fault({ call: 'token' });
  await askToken({});
  await askToken(credentials());
  await getJob('job 1/2', 'any');
  expect(api.tokenRequests.map(({ body }) => body['grant_type'])).toEqual([undefined, 'client_credentials']);
  expect(api.requests).toMatchObject([
    { method: 'GET', path: '/authoring/publishing/v1/jobs/job%201%2F2', headers: { authorization: 'Bearer any' } },
  ]);
});
