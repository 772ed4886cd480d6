/** Answers that are wrong below the level of their meaning: bytes, encodings, depth, pace. */

import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { slack } from '../../lib/channels/slack.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createHttp } from '../../lib/platform/http.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createPublishingApi } from '../../lib/sitecore/publishing-api.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { someMessage } from '../channels/some-message.ts';
import { createFakeClock } from '../support/clock.ts';

type Speak = (socket: Socket) => void;
let speak: Speak;
let url: string;
let close: () => Promise<void>;

beforeEach(async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('data', () => speak(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
});
afterEach(() => close());

const clock = createFakeClock();
const redact = createRedactor();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Asks the API for a job, with so little time; what came of it. */
function ask(timeMs = 2_000) {
  const accessToken = { get: async () => 'token', drop: () => undefined };
  const api = createPublishingApi(
    { http: createHttp(), clock, accessToken, redact, log },
    { name: 'production', apiUrl: url },
  );
  return api.getJob('job_1', clock.now() + timeMs).catch((error: unknown) => error);
}

/** Sends Slack a message, with so little time; what came of it. */
function post(timeMs = 2_000) {
  const secrets = { read: async () => `${url}/services/T/B/hook`, refresh: async () => false };
  return slack
    .create({ http: createHttp(), clock, secrets, redact }, { type: 'slack', webhookUrl: 'ssm:/hook' })
    .send(someMessage(), timeMs)
    .catch((error: unknown) => error);
}

const answer = (body: Buffer | string, headers = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n${headers}connection: close\r\n\r\n`),
    Buffer.from(body),
  ]);
const json = JSON.stringify(publishingJob({ id: 'job_1', status: 'Failed', name: 'NAME' }));
const deep = '['.repeat(200_000);

describe('the Publishing API', () => {
  test.each<[string, Buffer | string]>([
    ['nothing but brackets, 200,000 deep', deep],
    ['a status that is 200,000 brackets deep', `{"system": {"status": ${deep}`],
    ['bytes that are no UTF-8, and no JSON', Buffer.from([0xff, 0xfe, 0x00, 0xd8])],
    ['an empty body', ''],
    ['a job that was cut', json.slice(0, -20)],
    ['a job twice', json + json],
    ['a number', '42'],
    ['a status that is a number', '{"system": {"status": 3}}'],
    ['a status that is only control characters', '{"system": {"status": "\\u0000\\u001b"}}'],
  ])('%s is unreadable, and no status', async (_, body) => {
    speak = (socket) => socket.end(answer(body));
    const error = await ask();
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ kind: 'unreadable' });
  });

  test('a name that is no UTF-8 is shown with the sign for that, and the job is read', async () => {
    const [before = '', after = ''] = json.split('NAME');
    speak = (socket) =>
      socket.end(answer(Buffer.concat([Buffer.from(before), Buffer.from([0xc3, 0x28]), Buffer.from(after)])));
    expect(await ask()).toMatchObject({ status: 'Failed', name: '\ufffd(' });
  });

  test('members that are deep, and that nobody needs, do no harm', async () => {
    const nested = `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`;
    speak = (socket) => socket.end(answer(json.replace('"NAME"', `"NAME","more":${nested}`)));
    expect(await ask()).toMatchObject({ status: 'Failed', name: 'NAME' });
  });

  test('another content type does no harm either', async () => {
    speak = (socket) => socket.end(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n${json}`);
    expect(await ask()).toMatchObject({ status: 'Failed' });
  });
});

describe('an answer that comes byte by byte', () => {
  const trickle: Speak = (socket) => {
    const bytes = answer('x'.repeat(10_000));
    let sent = 0;
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(bytes.subarray(sent, ++sent));
    }, 1);
  };

  test.each<[string, () => Promise<unknown>]>([
    ['of the Publishing API', () => ask(80)],
    ['of Slack', () => post(80)],
  ])('%s ends with the time-out', async (_, call) => {
    speak = trickle;
    expect(await call()).toMatchObject({ kind: 'unavailable', ambiguous: true });
  });
});

describe('Slack', () => {
  test.each<[string, Buffer | string]>([
    ['nothing but brackets, 200,000 deep', deep],
    ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0xd8])],
    ['an empty body', ''],
  ])('answers 200 with %s: it may have been posted', async (_, body) => {
    speak = (socket) => socket.end(answer(body));
    expect(await post()).toMatchObject({ kind: 'unavailable', ambiguous: true });
  });
});
