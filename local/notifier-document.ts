/** Reads `notifier.yml` for everything that runs outside of Lambda. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { ConfigError } from '../lib/platform/errors.ts';

/** The document that a stage is deployed with, and the name of its file. */
export interface StageDocument {
  document: unknown;
  source: string;
}

/** Reads a document from a file without validation. Throws a `ConfigError` if it cannot be read. */
export async function readDocument(path = 'notifier.yml'): Promise<unknown> {
  const name = basename(path);
  const text = await readFile(path, 'utf8').catch(({ code }: NodeJS.ErrnoException) => {
    throw new ConfigError(`${name} cannot be read (${code}).`);
  });
  return parseDocument(text, name);
}

/**
 * Reads the document of a stage: `notifier.<stage>.yml` if there is one, else `notifier.yml`, with the stage in place of
 * `{stage}` in its parameters. Throws a `ConfigError` if it cannot be read.
 */
export async function readStageDocument(stage: string, folder = '.'): Promise<StageDocument> {
  const ofStage = `notifier.${stage}.yml`;
  const source = existsSync(join(folder, ofStage)) ? ofStage : 'notifier.yml';
  return { document: forStage(await readDocument(join(folder, source)), stage), source };
}

/** The document with the stage in place of `{stage}` in every `ssm:` reference. */
export function forStage(document: unknown, stage: string): unknown {
  return JSON.parse(JSON.stringify(document), (_, value) =>
    typeof value === 'string' && value.startsWith('ssm:') ? value.replaceAll('{stage}', stage) : value,
  );
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
    const hint = text.includes('{stage}') ? ' Values with {stage} need quotes.' : '';
    throw new ConfigError(`${source} cannot be read: ${mistake}.${hint}`);
  }
}
