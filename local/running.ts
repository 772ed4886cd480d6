/** How commands find a running `npm start`: its environment variables are in a file that only the owner can read. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../lib/platform/errors.ts';
import { readJson } from './data-folder.ts';

const fileIn = (dataFolder: string): string => join(dataFolder, 'running.json');

/** Writes the file, and returns the function that removes it. */
export async function announceRunning(dataFolder: string, env: Record<string, string>): Promise<() => Promise<void>> {
  await writeFile(fileIn(dataFolder), JSON.stringify(env), { mode: 0o600 });
  return () => rm(fileIn(dataFolder), { force: true });
}

/** The environment variables of the running `npm start`. Throws a `ConfigError` if there is none. */
export async function runningEnvironment(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const found = await readJson<Record<string, string>>(fileIn(env['DATA_DIR'] ?? '.data'));
  if (found !== null) return found;
  throw new ConfigError('Nothing is running here: run `npm start` first, or set TABLE_NAME to a table in AWS.');
}
