/** The page that shows live what the notifier does: its files, and one stream of events. */
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { jobKey } from '../lib/domain/job.ts';
import { RequestError } from '../lib/platform/errors.ts';
import type { JobRow } from './job-list.ts';
import type { ReceivedMessage } from './received.ts';
import { type Schedule, startSchedule } from './schedule.ts';

/** The page and its data. */
export interface Page {
  /** Responds to `GET /` and `GET /page/<file>`. Throws a `RequestError` (404) for any other file. */
  serve: (file: string, request: IncomingMessage, response: ServerResponse) => void;
  /** Responds to `GET /live`: the state so far, then every change (Server-Sent Events). */
  connect: (request: IncomingMessage, response: ServerResponse) => void;
  showMessage: (message: ReceivedMessage) => void;
  /** Sends changed values immediately, such as the runs of the demo's breaks. */
  refresh: () => void;
  close: () => Promise<void>;
}

/** The data of the page, read once a second while the page is open somewhere. */
export interface PageSources {
  /** What never changes: the mode, the environments, the channels, the rules. */
  setting: object;
  listJobs: () => Promise<JobRow[]>;
  /** Other values by the name of their event; an event goes out when its value changes. */
  values: Record<string, () => Promise<unknown> | unknown>;
}

const keptMessages = 30;
const refreshMs = 1_000;
/** When several beats are missing, the page says that it is not connected. */
const beatMs = 2_000;

/** Makes the page. */
export function createPage({ setting, listJobs, values }: PageSources): Page {
  const files = readFiles();
  const watchers = new Set<ServerResponse>();
  const messages: ReceivedMessage[] = [];
  /** The rows as they were last sent, by the job's key. */
  const jobs = new Map<string, string>();
  const known = new Map<string, string>();
  let refresh: Schedule | undefined;
  let beat: NodeJS.Timeout | undefined;

  const sendAll = (event: string, data: string) => {
    for (const watcher of watchers) watcher.write(eventText(event, data));
  };

  /** The latest messages, each as it stands now. */
  const keep = (message: ReceivedMessage) => {
    const id = message.change?.id;
    const before = messages.findIndex(({ change }) => id !== undefined && change?.id === id);
    if (before >= 0) messages[before] = message;
    else messages.push(message);
    messages.splice(0, messages.length - keptMessages);
  };

  const refreshJobs = async () => {
    const rows = (await listJobs()).map((row) => [jobKey(row), JSON.stringify(row)] as const);
    const changed = rows.filter(([key, row]) => jobs.get(key) !== row).map(([, row]) => row);
    const listed = new Set(rows.map(([key]) => key));
    const gone = [...jobs.keys()].filter((key) => !listed.has(key));
    for (const key of gone) jobs.delete(key);
    for (const [key, row] of rows) jobs.set(key, row);
    if (changed.length > 0) sendAll('jobs', `[${changed.join(',')}]`);
    if (gone.length > 0) sendAll('gone', JSON.stringify(gone));
  };

  const refreshValues = async () => {
    for (const [event, read] of Object.entries(values)) {
      const text = JSON.stringify(await read());
      if (known.get(event) === text) continue;
      known.set(event, text);
      sendAll(event, text);
    }
  };

  const refreshAll = async () => {
    await refreshJobs();
    await refreshValues();
  };

  const leave = (response: ServerResponse) => {
    watchers.delete(response);
    if (watchers.size > 0) return;
    void refresh?.stop();
    clearInterval(beat);
    refresh = undefined;
  };

  const begin = () => {
    // A failed read is retried after a second.
    refresh = startSchedule(refreshAll, refreshMs, () => undefined);
    beat = setInterval(() => sendAll('beat', `${Date.now()}`), beatMs);
  };

  return {
    serve: (name, request, response) => {
      const file = files.get(name);
      if (file === undefined) throw new RequestError(404, 'There is nothing here.');
      const isSmall = /\bgzip\b/.test(`${request.headers['accept-encoding']}`);
      response.writeHead(200, {
        ...headers,
        'content-type': file.type,
        vary: 'accept-encoding',
        ...(isSmall && { 'content-encoding': 'gzip' }),
      });
      response.end(isSmall ? file.gzipped : file.content);
    },
    connect: (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.write(
        `retry: 1000\n${eventText('state', JSON.stringify({ ...setting, now: Date.now(), beatMs, messages }))}`,
      );
      response.write(eventText('jobs', `[${[...jobs.values()].join(',')}]`));
      for (const [event, text] of known) response.write(eventText(event, text));
      watchers.add(response);
      request.on('close', () => leave(response));
      if (refresh === undefined) begin();
    },
    showMessage: (message) => {
      keep(message);
      sendAll('message', JSON.stringify(message));
    },
    refresh: () => void refreshValues().catch(() => undefined),
    close: async () => {
      clearInterval(beat);
      for (const watcher of watchers) watcher.end();
      await refresh?.stop();
    },
  };
}

const eventText = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

function readFiles(): Map<string, { type: string; content: Buffer; gzipped: Buffer }> {
  const folder = fileURLToPath(new URL('page/', import.meta.url));
  const served = readdirSync(folder).flatMap((name) => {
    const type = types[extname(name)];
    if (type === undefined) return [];
    const content = readFileSync(`${folder}${name}`);
    return [[name, { type, content, gzipped: gzipSync(content) }] as const];
  });
  return new Map(served);
}

/** The policy allows the page's own files and nothing else. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
