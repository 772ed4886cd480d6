/** Runs the command line as a process whose environment holds only what a test sets. */

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** No `npm start` is running, and compiled code is reused. */
const settings = { DATA_DIR: '/nowhere', NO_COLOR: '1', NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') };

/** Runs a command of this project, or of a copy, to its end in a folder, with a text on its standard input. */
export async function run(args: string[], env: Record<string, string>, input = '', checkout = project, cwd = checkout) {
  const script = join(checkout, 'cli/notifier.ts');
  const child = spawn(process.execPath, [script, ...args], { cwd, env: { ...settings, ...env } });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdin.on('error', () => undefined).end(input);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, stdout, stderr };
}

/** A temporary folder, removed when it goes out of scope. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'notifier-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
