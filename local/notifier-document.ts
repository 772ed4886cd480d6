/** Reads `notifier.yml` for everything that runs outside of Lambda. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { ConfigError } from '../lib/platform/errors.ts';

/** Reads a document from a file without validation. Throws a `ConfigError` if it cannot be read. */
export async function readDocument(path = 'notifier.yml'): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new ConfigError(`notifier.yml cannot be read (${code}).`);
  });
  return parseDocument(text, 'notifier.yml');
}

/** Parses a document. Throws a `ConfigError` that names the mistake. */
export function parseDocument(text: string, source: string): unknown {
  try {
    // Warnings of the parser show lines of the document. What it warns of, the schema finds.
    return parse(text, { logLevel: 'error' });
  } catch (error) {
    // The parser's message shows the lines around the mistake, and after a colon the text itself: both may be secrets.
    const [sentence = ''] = (error as Error).message.split(':\n');
    const mistake = sentence.replace(/: .*?(?= at line \d+, column \d+$|$)/, '');
    throw new ConfigError(`${source} cannot be read: ${mistake}.`);
  }
}
