/** Parameters written: from the terminal, or from lines of text. */

import { randomBytes } from 'node:crypto';
import { RequestError } from '../lib/platform/errors.ts';
import { createRedactor } from '../lib/platform/redaction.ts';
import type { Ask } from './ask.ts';
import type { Answer } from './command.ts';
import { moment, verdictLine } from './output.ts';
import type { ParameterFacts, Parameters } from './parameters.ts';

/** A parameter that the configuration names: `/name`, and where it is needed. */
export interface Named {
  name: string;
  path: string;
}

/** Asks for each value, and writes it at once. An empty answer leaves it, or makes a webhook secret. */
export async function askFor(
  parameters: Parameters,
  wanted: Named[],
  ask: Ask,
  { keyId }: { keyId?: string },
): Promise<Answer> {
  const known = await parameters.look(wanted.map(({ name }) => name));
  const outcome = newOutcome();
  for (const { name, path } of wanted) {
    const before = known.get(name);
    const there = before ? `there since ${moment(before.writtenAt ?? '')}` : 'missing';
    const typed = await ask.secretly(`${path}, ${name} (${there}): `);
    const isMade = !typed && isWebhookSecret(path) && (await ask.whether(question(before), !before));
    const value = isMade ? randomBytes(32).toString('base64url') : typed;
    if (isMade) outcome.made[name] = value;
    await write(parameters, { name, value, keyId }, outcome);
  }
  return answerOf(parameters.region, outcome);
}

/** Writes what lines of the form `/name=value` say. Nothing is written if one of them is not understood. */
export async function writeLines(
  parameters: Parameters,
  wanted: Named[],
  lines: string,
  { keyId }: { keyId?: string },
): Promise<Answer> {
  const values = new Map(lines.split(/\r?\n/).flatMap((line) => (line.trim() ? [readLine(line, wanted)] : [])));
  const outcome = newOutcome();
  for (const { name } of wanted) await write(parameters, { name, value: values.get(name) ?? '', keyId }, outcome);
  return answerOf(parameters.region, outcome);
}

/** The one of this name. Throws a `RequestError` that lists those that there are. */
export function find(named: Named[], name: string): Named {
  const found = named.find((one) => one.name === name);
  if (found) return found;
  throw new RequestError(
    422,
    `The configuration names no such parameter. It names: ${named.map((one) => one.name).join(', ')}.`,
  );
}

function readLine(line: string, wanted: Named[]): [string, string] {
  const [, name, value = ''] = /^\s*(?:ssm:)?(\/[^=\s]+)\s*=(.*)$/.exec(line) ?? [];
  // The line may be a secret that lost its name: it is not shown.
  if (name === undefined) throw new RequestError(400, 'Each line must have the form /name=value.');
  return [find(wanted, name).name, value.trim()];
}

interface Outcome {
  written: string[];
  left: string[];
  /** Shown once, because the callers need it. */
  made: Record<string, string>;
}

const newOutcome = (): Outcome => ({ written: [], left: [], made: {} });

async function write(
  parameters: Parameters,
  { name, value, keyId }: { name: string; value: string; keyId: string | undefined },
  outcome: Outcome,
): Promise<void> {
  if (!value) return void outcome.left.push(name);
  const redact = createRedactor();
  redact.learn(value);
  await parameters.write(name, value, keyId).catch((error: Error) => {
    // AWS repeats the value when it does not like it.
    error.message = redact(error.message);
    throw error;
  });
  outcome.written.push(name);
}

function answerOf(region: string, { written, left, made }: Outcome): Answer {
  const lines = [
    ...written.map((name) => verdictLine('yes', name, `written in ${region}`)),
    ...left.map((name) => verdictLine('unknown', name, 'left as it is')),
    ...(written.length > 0
      ? ['Functions that run already keep what they have read: deploy again if they are to know at once.']
      : []),
    ...Object.entries(made).map(
      ([name, value]) => `\n${name}, shown this once; callers of the webhook send it:\n${value}`,
    ),
  ];
  return { document: { region, written, left, made }, text: lines.join('\n') };
}

const isWebhookSecret = (path: string): boolean => path.startsWith('webhook.');

const question = (before: ParameterFacts | undefined): string => (before ? 'Replace it by a new one?' : 'Make one?');
