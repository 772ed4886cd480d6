/** The folder with everything of `npm start` that survives a restart. */
import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../lib/platform/errors.ts';

/** Creates the folder if necessary. Throws a `ConfigError` if it is not writable. */
export async function openDataFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    const probe = await open(join(path, 'notifier.log'), 'a');
    await probe.close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(`Cannot write to ${path} (${code}): make it writable, or set DATA_DIR to another folder.`);
  }
}

/** What to do about an error of the disk; null for any other error. A store that could not write has to be opened again. */
export function diskProblem(error: unknown): string | null {
  const { code = '', message = '' } = error as Partial<NodeJS.ErrnoException>;
  if (!/^(ENOSPC|EDQUOT|EFBIG|EROFS|EIO|LEVEL_IO_ERROR)$/.test(code)) return null;
  return `The disk takes no more data (${message}): free space and start again, nothing that was accepted is lost.`;
}

/** The webhook secret of this folder, generated at the first start. Only the owner can read the file. */
export async function keptSecret(path: string): Promise<{ secret: string; isNew: boolean }> {
  const kept = await readIfThere(path);
  if (kept !== null && kept.trim() !== '') return { secret: kept.trim(), isNew: false };
  const secret = randomBytes(24).toString('base64url');
  await writeFile(path, `${secret}\n`, { mode: 0o600 });
  return { secret, isNew: true };
}

/** Reads a document that `writeJson` wrote, or null. */
export async function readJson<Document>(path: string): Promise<Document | null> {
  const text = await readIfThere(path);
  return text === null ? null : JSON.parse(text);
}

/** Writes a document synchronously and atomically: concurrent writes do not mix, and a crash leaves the old one. */
export function writeJson(path: string, document: unknown): void {
  writeFileSync(`${path}.new`, JSON.stringify(document, null, 2));
  renameSync(`${path}.new`, path);
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
