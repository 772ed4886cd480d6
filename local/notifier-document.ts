/** `notifier.yml`, read for everything that runs outside of Lambda. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { ConfigError } from '../lib/platform/errors.ts';

/** The document in a file, unchecked; a `ConfigError` says why it cannot be read. */
export async function readDocument(path = 'notifier.yml'): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new ConfigError(`notifier.yml cannot be read (${code}).`);
  });
  return parseDocument(text, 'notifier.yml');
}

/** The document in a text; a `ConfigError` names the mistake. */
export function parseDocument(text: string, source: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    // The rest of the parser's message shows the lines around the mistake, which may hold a secret.
    const [sentence] = (error as Error).message.split(':\n');
    throw new ConfigError(`${source} cannot be read: ${sentence}.`);
  }
}
