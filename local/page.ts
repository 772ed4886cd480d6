/** The page that shows live what the notifier does. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import type { TopicMessage } from './embedded-topic.ts';
import type { JobRow } from './job-list.ts';
import { type Schedule, startSchedule } from './schedule.ts';
import type { SlackMessage } from './slack-server.ts';

/** The page and its data. */
export interface Page {
  /** Responds to `GET /`. */
  serve: (response: ServerResponse) => void;
  /** Responds to `GET /live`: the state so far, then every change (Server-Sent Events). */
  connect: (request: IncomingMessage, response: ServerResponse) => void;
  showSlackMessage: (message: SlackMessage) => void;
  showTopicMessage: (message: TopicMessage) => void;
  close: () => Promise<void>;
}

const kept = 100;
const refreshMs = 1000;

/** Makes the page. It calls `listJobs` once a second while the page is open somewhere. */
export function createPage(deps: { isDemo: boolean; listJobs: () => Promise<JobRow[]> }): Page {
  const { html, headers } = assemble();
  const watchers = new Set<ServerResponse>();
  const slack: SlackMessage[] = [];
  const topic: TopicMessage[] = [];
  let jobs = '[]';
  let refresh: Schedule | undefined;

  const sendAll = (event: string, data: string) => {
    for (const watcher of watchers) watcher.write(`event: ${event}\ndata: ${data}\n\n`);
  };

  const refreshJobs = async () => {
    const listed = JSON.stringify(await deps.listJobs());
    if (listed === jobs) return;
    jobs = listed;
    sendAll('jobs', jobs);
  };

  const leave = (response: ServerResponse) => {
    watchers.delete(response);
    if (watchers.size > 0) return;
    void refresh?.stop();
    refresh = undefined;
  };

  const keep =
    <Message>(list: Message[], event: string) =>
    (message: Message) => {
      list.push(message);
      list.splice(0, list.length - kept);
      sendAll(event, JSON.stringify(message));
    };

  return {
    serve: (response) => {
      response.writeHead(200, headers).end(html);
    },
    connect: (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(`retry: 1000\nevent: state\ndata: ${JSON.stringify({ isDemo: deps.isDemo, slack, topic })}\n\n`);
      response.write(`event: jobs\ndata: ${jobs}\n\n`);
      watchers.add(response);
      request.on('close', () => leave(response));
      // A failed read is retried after a second.
      refresh ??= startSchedule(refreshJobs, refreshMs, () => undefined);
    },
    showSlackMessage: keep(slack, 'slack'),
    showTopicMessage: keep(topic, 'topic'),
    close: async () => {
      for (const watcher of watchers) watcher.end();
      await refresh?.stop();
    },
  };
}

/** Puts style and script into the page. The policy allows these two by their hashes, and nothing else. */
function assemble() {
  const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const style = readFileSync(path('page.css'), 'utf8');
  const [bundle] = buildSync({
    entryPoints: [path('page-script.js')],
    bundle: true,
    format: 'esm',
    write: false,
  }).outputFiles;
  const script = bundle?.text ?? '';
  const html = readFileSync(path('page.html'), 'utf8')
    .replace('<style></style>', () => `<style>${style}</style>`)
    .replace('<script type="module"></script>', () => `<script type="module">${script}</script>`);
  const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  };
  return { html, headers };
}
