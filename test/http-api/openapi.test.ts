/** docs/openapi.yaml describes exactly what the webhook returns. */

import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { deploy, type Notifier } from '../support/notifier.ts';
import { answerSlowly, configWith, minute, wrapStore } from '../support/scene.ts';
import { httpEvent, startWorld, type World, webhookSecret } from '../support/world.ts';

// biome-ignore lint/suspicious/noExplicitAny: a YAML document.
type Node = Record<string, any>;
const text = readFileSync('docs/openapi.yaml', 'utf8');
const document = closed(parse(text, { maxAliasCount: 100 })) as Node;

/** Members that a schema does not name are errors here; callers must ignore them. */
function closed(node: unknown, isSchema = false, isMap = false): unknown {
  if (Array.isArray(node)) return node.map((one) => closed(one));
  if (typeof node !== 'object' || node === null) return node;
  const children = Object.entries(node).map(([name, child]) => [
    name,
    closed(child, isMap || ['schema', 'items'].includes(name), !isMap && name === 'properties'),
  ]);
  return { ...Object.fromEntries(children), ...(isSchema ? { unevaluatedProperties: false } : {}) };
}

/** Follows a reference, and gives the path of what it leads to. */
function at(path: string): { path: string; node: Node } {
  const steps = path.split('/').map((step) => decodeURIComponent(step).replaceAll('~1', '/'));
  const node = steps.slice(1).reduce((inner, step) => inner[step], document);
  return node['$ref'] ? at(node['$ref']) : { path, node };
}
const encoded = (name: string): string => encodeURIComponent(name.replaceAll('/', '~1'));

const ajv = new Ajv2020({ allErrors: true, strict: false });
addFormats.default(ajv);
ajv.addSchema(document, 'openapi.yaml');
const validatorOf = (path: string): ValidateFunction => ajv.compile({ $ref: `openapi.yaml${path}` });

/** Every documented response, as `POST /jobs 200`. */
const documented = Object.entries<Node>(document['paths']).flatMap(([path, operations]) =>
  Object.entries<Node>(operations).flatMap(([method, operation]) =>
    Object.keys(operation['responses']).map((status) => `${method.toUpperCase()} ${path} ${status}`),
  ),
);

let world: World;
let notifier: Notifier;
beforeEach(async () => {
  world = await startWorld();
  notifier = deploy(world);
});
afterEach(() => world.close());

type Request = Parameters<typeof httpEvent>[1];
const byId = (jobId: string, environment = 'production'): Request => ({
  pathParameters: { jobId },
  queryStringParameters: { environment },
});
const wake = (environment = 'production'): Request => ({ queryStringParameters: { environment } });
const posted = (jobId: string, more: Request = {}): Request => ({ body: JSON.stringify({ jobId }), ...more });

const deployWith = (deps: object, config = world.config()) => {
  notifier = deploy(world, { clock: notifier.clock, config, deps });
};
const fails = () => deployWith({ secrets: { read: () => expect.fail('a bug'), refresh: async () => false } });
const hasNoSecret = () => deployWith({}, { ...world.config(), webhook: { secrets: ['env:NOT_SET_ANYWHERE'] } });
const hasTwoEnvironments = () => deployWith({}, configWith(world, 'production', 'staging'));
const becomes = (status: string) => async () => {
  world.setJob('job_1', { status, at: notifier.clock.now() });
};
const isRecordedAs = (status: string) => async () => {
  await becomes(status)();
  await notifier.post('job_1');
};
const wrong = { headers: { authorization: 'Bearer wrong' } };
const tooLong = { body: 'x'.repeat(64 * 1024 + 1) };

/** A job in trouble: late, with a failed check and a failed delivery. */
async function isInTrouble(): Promise<void> {
  deployWith({}, { ...world.config(), limits: [{ runningFor: 1, noProgressFor: 1 }] });
  world.slack.answerWith({ status: 500 });
  answerSlowly(world, notifier, ['job_1'], 0);
  await notifier.post('job_1');
  for (let round = 0; round < 3; round++) {
    notifier.clock.advance(5 * minute);
    await notifier.sweep();
  }
  world.api.fault({ call: 'job', status: 500, times: 9 });
  await notifier.post('job_1');
}

async function hasFailingChannel(): Promise<void> {
  await becomes('Failed')();
  world.slack.answerWith({ status: 500 });
  await notifier.post('job_1');
}

const rows: [response: string, when: string, arrange: () => unknown, request: Request][] = [
  ['POST /jobs 200', 'the job runs', becomes('Running'), posted('job_1')],
  ['POST /jobs 200', 'the job has ended', becomes('Completed'), posted('job_1')],
  ['POST /jobs 202', 'Sitecore does not know the job', () => undefined, posted('job_1')],
  ['POST /jobs 202', 'a late job cannot be read', isInTrouble, posted('job_1')],
  ['POST /jobs 400', 'the body is not JSON', () => undefined, { body: '{' }],
  ['POST /jobs 401', 'the secret is wrong', () => undefined, posted('job_1', wrong)],
  ['POST /jobs 413', 'the body is too long', () => undefined, tooLong],
  ['POST /jobs 415', 'it is text', () => undefined, posted('job_1', { headers: { 'content-type': 'text/plain' } })],
  ['POST /jobs 422', 'the environment is missing', hasTwoEnvironments, posted('job_1')],
  ['POST /jobs 500', 'the notifier has a bug', fails, posted('job_1')],
  ['POST /jobs 503', 'the table fails', () => wrapStore(notifier, () => ({ save: failed })), posted('job_1')],
  ['POST /jobs 503', 'no secret can be read', hasNoSecret, posted('job_1')],
  ['GET /jobs/{jobId} 200', 'the job has ended', isRecordedAs('Failed'), byId('job_1')],
  ['GET /jobs/{jobId} 200', 'the job was never read', () => notifier.post('job_1'), byId('job_1')],
  ['GET /jobs/{jobId} 200', 'nothing about the job works', isInTrouble, byId('job_1')],
  ['GET /jobs/{jobId} 400', 'the id is malformed', () => undefined, byId('job 1')],
  ['GET /jobs/{jobId} 401', 'the secret is wrong', () => undefined, { ...byId('job_1'), ...wrong }],
  ['GET /jobs/{jobId} 404', 'the job was never seen', () => undefined, byId('job_1')],
  ['GET /jobs/{jobId} 422', 'the environment is unknown', () => undefined, byId('job_1', 'nowhere')],
  ['GET /jobs/{jobId} 500', 'the table fails', () => wrapStore(notifier, () => ({ get: failed })), byId('job_1')],
  ['GET /jobs/{jobId} 503', 'no secret can be read', hasNoSecret, byId('job_1')],
  ['POST /wake 202', 'the environment is known', () => undefined, wake()],
  ['POST /wake 401', 'the secret is wrong', () => undefined, { ...wake(), ...wrong }],
  ['POST /wake 422', 'the environment is unknown', () => undefined, wake('nowhere')],
  ['POST /wake 500', 'the notifier has a bug', fails, wake()],
  ['GET /health 200', 'everything works', () => undefined, {}],
  ['GET /health 503', 'a channel fails', hasFailingChannel, {}],
  ['GET /health 503', 'no secret can be read', hasNoSecret, {}],
  ['GET /health 401', 'the secret is wrong', () => undefined, wrong],
  ['GET /health 413', 'the body is too long', () => undefined, tooLong],
  ['GET /health 500', 'the table fails', () => wrapStore(notifier, () => ({ readMarks: failed })), {}],
  ['POST /wake 503', 'the queue fails', () => deployWith({ sweepQueue: { send: failed } }), wake()],
];
const failed = () => Promise.reject(new Error('the service failed'));

test.each(rows)('%s, when %s, is as documented', async (response, _when, arrange, request) => {
  await arrange();
  const [method = '', path = '', expected = ''] = response.split(' ');
  const { status, headers, body } = await notifier.request(httpEvent(`${method} ${path}`, request));
  expect(String(status)).toBe(expected);

  const { path: found, node } = at(`#/paths/${encoded(path)}/${method.toLowerCase()}/responses/${expected}`);
  const { 'content-type': type, ...others } = headers;
  const types = Object.keys(node['content'] ?? {});
  // Only a failing service has two: its health, and a problem.
  if (response === 'GET /health 503') expect(types).toEqual(['application/json', 'application/problem+json']);
  else expect(types).toEqual([type]);
  const validate = validatorOf(`${found}/content/${encoded(String(type))}/schema`);
  expect([validate(body), validate.errors]).toEqual([true, null]);
  if (type === 'application/problem+json') expect(body.status).toBe(status);

  // The health itself carries no Retry-After.
  const names = Object.keys(node['headers'] ?? {}).filter(() => type !== 'application/json' || expected === '202');
  expect(Object.keys(others)).toEqual(names.map((name) => name.toLowerCase()));
  for (const name of names) {
    const { path: header } = at(`${found}/headers/${name}`);
    expect(validatorOf(`${header}/schema`)(others[name.toLowerCase()]), name).toBe(true);
  }
});

describe('the document', () => {
  test('lists the responses that are tested here, and the routes that are deployed', () => {
    expect([...new Set(rows.map(([response]) => response))].sort()).toEqual(documented.sort());
    const deployed = [...readFileSync('serverless.yml', 'utf8').matchAll(/- httpApi: ([A-Z]+ \S+)/g)];
    const routes = new Set(documented.map((response) => response.replace(/ \d+$/, '')));
    expect(deployed.map(([, route]) => route).sort()).toEqual([...routes].sort());
  });

  test.each([
    ['bearer', 'authorization', `Bearer ${webhookSecret}`],
    ['apiKey', 'x-api-key', webhookSecret],
  ])('names %s as a way to send the secret', async (scheme, header, value) => {
    expect(document['security']).toContainEqual({ [scheme]: [] });
    const { type, name = 'authorization', scheme: kind } = at(`#/components/securitySchemes/${scheme}`).node;
    expect([name, kind ?? type]).toEqual([header, scheme]);
    await becomes('Running')();
    const request = posted('job_1', { headers: { authorization: '', [header]: value } });
    expect((await notifier.request(httpEvent('POST /jobs', request))).status).toBe(200);
  });

  test.each([
    [{ jobId: 'job_1' }, 202],
    [{ jobId: 'job_1', environment: 'production' }, 202],
    [{ jobId: 'a'.repeat(129) }, 400],
    [{ jobId: 'job 1' }, 400],
    [{ environment: 'production' }, 400],
    [{ jobId: 'job_1', environment: 'Production' }, 422],
  ])('accepts the requests that the webhook accepts: %j', async (body, expected) => {
    const { status } = await notifier.request(httpEvent('POST /jobs', { body: JSON.stringify(body) }));
    expect(status).toBe(expected);
    expect(validatorOf('#/components/schemas/CheckRequest')(body)).toBe(expected === 202);
  });
});
