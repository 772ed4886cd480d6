/** A folder of a test's own, removed when it goes out of scope. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'notifier-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
