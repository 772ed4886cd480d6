/** The snippets of docs/operations.md that call the webhook, run by bash against each response. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type LoopbackServer, startLoopbackServer } from '../../local/loopback-server.ts';

const [, section = ''] =
  /\n## Call it from a pipeline\n([\s\S]+?)\n## /.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
const fences = [...section.matchAll(/```(\w+)\n([\s\S]+?)```/g)].map(([, , code = '']) => code);
const [curl = '', github = '', azure = '', wait = ''] = fences;
const inAzure = parse(azure)[0]
  .inputs.script.replaceAll('$(notifierUrl)', '$NOTIFIER_URL')
  .replaceAll('$(jobId)', '$JOB_ID');
const posts = [
  ['curl', curl],
  ['GitHub Actions', parse(github)[0].run],
  ['Azure DevOps', inAzure],
] as [string, string][];

let server: LoopbackServer | undefined;
afterEach(async () => server?.close());

/** Runs a snippet against these responses; the last one is repeated. Waits take no time. */
async function run(snippet: string, ...responses: [status: number, body?: object][]) {
  const asked: string[] = [];
  server = await startLoopbackServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const [status, body = {}] = responses[Math.min(asked.length, responses.length) - 1] ?? [500];
    response.writeHead(status, { 'retry-after': '1' }).end(JSON.stringify(body));
  });
  const env = { PATH: process.env['PATH'], NOTIFIER_URL: server.url, NOTIFIER_SECRET: 'secret', JOB_ID: 'job_1' };
  // GitHub and Azure stop at the first error.
  const script = `sleep() { :; }; set -e\n${snippet}`;
  const child = spawn('bash', ['--norc', '-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [, , code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, asked };
}

const post = 'POST /jobs Bearer secret';
test.each(posts)(
  '%s: accepted with 200 and 202, repeated after a 503, and ended by a 401 and a 404',
  async (_, snippet) => {
    expect(await run(snippet, [200])).toEqual({ code: 0, asked: [post] });
    expect(await run(snippet, [202])).toEqual({ code: 0, asked: [post] });
    expect(await run(snippet, [503], [202])).toEqual({ code: 0, asked: [post, post] });
    for (const status of [401, 404]) expect(await run(snippet, [status])).toEqual({ code: 22, asked: [post] });
  },
);

test('the wait loop ends with the job, repeats a 503, and is ended by a 401 and a 404', async () => {
  const get = 'GET /jobs/job_1?environment=production Bearer secret';
  const running: [number, object] = [200, { watching: true, outcome: null }];
  const completed: [number, object] = [200, { watching: false, outcome: 'completed' }];
  expect(await run(wait, running, [503], running, completed)).toEqual({ code: 0, asked: Array(4).fill(get) });
  expect((await run(wait, [200, { watching: false, outcome: 'failed' }])).code).toBe(1);
  for (const status of [401, 404]) expect(await run(wait, running, [status])).toEqual({ code: 1, asked: [get, get] });
});
