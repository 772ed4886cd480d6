/** Twenty environments on one host, most of them in trouble: the others are notified as if they were alone. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LoopbackServer, readBody, sendJson, startLoopbackServer } from '../../local/loopback-server.ts';
import { documentedList, listPage } from '../../local/publishing-api-list.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { hour, itemsOf, logged, minute } from '../support/scene.ts';
import { type ConfigDocument, startWorld, type World } from '../support/world.ts';

/** What is wrong with an environment; `well`: nothing. */
type Condition =
  | 'well'
  | 'slow'
  | 'away'
  | 'wrongCredential'
  | 'noScope'
  | 'tooManyRequests'
  | 'slowToken'
  | 'slowList';

const sick: Condition[] = ['slow', 'away', 'wrongCredential', 'noScope', 'tooManyRequests', 'slowToken', 'slowList'];
/** Twelve of twenty are in trouble, six of them slow. */
const conditions = new Map<string, Condition>(
  Array.from({ length: 20 }, (_, index) => [`site-${index}`, index < 12 ? (sick[index] ?? 'slow') : 'well']),
);
const healthy = [...conditions].filter(([, condition]) => condition === 'well').map(([name]) => name);
/** The slow ones have enough jobs to use more than 50 connections. */
const jobsOf = (name: string) => (conditions.get(name) === 'slow' ? 20 : 4);
const ended = [1, 3];

let world: World;
let clock: FakeClock;
let host: LoopbackServer;
let isTroubled: boolean;
let haveEnded: boolean;
/** Responses that a slow environment holds back. */
let held: ServerResponse[];

beforeEach(async () => {
  [isTroubled, haveEnded, held] = [false, false, []];
  clock = createFakeClock();
  [world, host] = await Promise.all([startWorld(), startLoopbackServer(respond)]);
});
afterEach(async () => {
  await Promise.all([world.close(), host.close()]);
});

/** The token of an environment is its name, as the credential selects the tenant. */
async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://any.test');
  if (request.method === 'POST') {
    const name = new URLSearchParams(String(await readBody(request))).get('client_id') ?? '';
    const condition = conditionOf(name);
    if (condition === 'slowToken') return void held.push(response);
    if (condition === 'wrongCredential') return sendJson(response, 401, { error: 'access_denied' });
    return sendJson(response, 200, { access_token: name, expires_in: 1 });
  }
  const name = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const id = /\/jobs\/([^/]+)$/.exec(url.pathname)?.[1];
  const condition = conditionOf(name);
  if (condition === 'slow' || (condition === 'slowList' && id === undefined)) return void held.push(response);
  if (condition === 'away') return void response.destroy();
  if (condition === 'noScope') return sendJson(response, 403, problemFault(403).body);
  if (condition === 'tooManyRequests') return sendJson(response, 429, problemFault(429).body);
  const jobs = Array.from({ length: jobsOf(name) }, (_, index) => jobOf(name, index));
  if (id !== undefined) return sendJson(response, 200, jobs.find((job) => job.id === id) ?? null);
  const listed = listPage(url.searchParams, jobs, documentedList());
  return sendJson(response, 200, 'page' in listed ? listed.page : listed);
}

const conditionOf = (name: string): Condition => (isTroubled ? (conditions.get(name) ?? 'well') : 'well');

const jobOf = (name: string, index: number) =>
  publishingJob({
    id: `job_${name}_${index}`,
    status: haveEnded && ended.includes(index) ? 'Completed' : 'Running',
    at: clock.now() - minute,
  });
const endsOf = (name: string) => ended.map((index) => `job_${name}_${index}`);

function config(discover: boolean, settings: Record<string, number>): ConfigDocument {
  const names = [...conditions.keys()];
  const environment = (name: string) => ({
    clientId: name,
    clientSecret: 'secret-of-the-tests',
    apiUrl: host.url,
    tokenUrl: `${host.url}/oauth/token`,
    discover,
  });
  const { events } = world.config().channels;
  return {
    ...world.config(),
    environments: Object.fromEntries(names.map((name) => [name, environment(name)])),
    channels: { events: events as { type: string } },
    settings,
  };
}

const announced = () => world.topic.messages.map(({ attributes }) => attributes['jobId'] ?? '').sort();
const failedChecks = async (name: string) =>
  (await itemsOf(world)).filter(({ environment, check }) => environment === name && (check?.failures ?? 0) > 0);
const paused = ({ lines }: Notifier) =>
  new Set(
    logged({ lines })
      .filter(({ message }) => message === 'environment paused')
      .map(({ environment }) => environment as string),
  );

describe.each([
  ['by the list', true, {}],
  ['by their ids', false, {}],
  ['by their ids, with 60 reads at a time', false, { sweepConcurrency: 60 }],
] as const)('read %s', (_, discover, settings) => {
  test('every healthy end is notified within 5 s, and the others once when they are well', async () => {
    await deploy(world, { clock, config: config(true, settings) }).sweep();
    [isTroubled, haveEnded] = [true, true];
    clock.advance(hour);
    const notifier = deploy(world, { clock, config: config(discover, settings) });
    const begunAt = Date.now();
    const within5s = new Promise((resolve) => setTimeout(resolve, 5_000)).then(announced);
    const swept = notifier.sweep();
    expect(await within5s).toEqual(expect.arrayContaining(healthy.flatMap(endsOf)));
    await swept;
    expect(Date.now() - begunAt).toBeLessThan(45_000);

    // Nothing that is well is taken for anything else, and no message was sent for what could not be read.
    const readable = discover ? healthy : [...healthy, 'site-6'];
    for (const name of readable) {
      expect(await failedChecks(name)).toEqual([]);
      expect(paused(notifier)).not.toContain(name);
    }
    expect(announced()).toEqual([...new Set([...readable, 'site-6'])].flatMap(endsOf).sort());

    isTroubled = false;
    for (const response of held) response.destroy();
    for (let sweeps = 0; sweeps < 3; sweeps++) {
      clock.advance(20 * minute);
      await notifier.sweep();
    }
    expect(announced()).toEqual([...conditions.keys()].flatMap(endsOf).sort());
    expect(world.topic.messages.every(({ attributes }) => attributes['outcome'] === 'completed')).toBe(true);
  }, 90_000);
});
