/** How commands find a running `npm start`: its environment variables are in a file that only the owner can read. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../lib/platform/errors.ts';
import { readJson } from './data-folder.ts';

interface Running {
  pid: number;
  env: Record<string, string>;
}

const fileIn = (dataFolder: string): string => join(dataFolder, 'running.json');

/** Writes the file, and returns the function that removes it. */
export async function announceRunning(dataFolder: string, env: Record<string, string>): Promise<() => Promise<void>> {
  await writeFile(fileIn(dataFolder), JSON.stringify({ pid: process.pid, env } satisfies Running), { mode: 0o600 });
  return () => rm(fileIn(dataFolder), { force: true });
}

/** The environment variables of the running `npm start`, the real one before a demo. Throws a `ConfigError` if there is none. */
export async function runningEnvironment(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const folders = env['DATA_DIR'] ? [env['DATA_DIR']] : ['.data', join('.data', 'real'), join('.data', 'demo')];
  for (const folder of folders) {
    const found = await readJson<Running>(fileIn(folder));
    if (found !== null && isAlive(found.pid)) return found.env;
  }
  throw new ConfigError('Nothing is running here: run `npm start` first, or set TABLE_NAME to a table in AWS.');
}

/** A process that was killed leaves its file. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
