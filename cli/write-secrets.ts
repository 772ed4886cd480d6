/** Writes parameters from prompts in the terminal, or from lines of text. */

import { RequestError } from '../lib/platform/errors.ts';
import { createRedactor } from '../lib/platform/redaction.ts';
import type { CommandResult } from './command.ts';
import { formatTime, verdictLine } from './output.ts';
import type { ParameterInfo, Parameters } from './parameters.ts';
import type { Prompt } from './prompt.ts';

/** A parameter that the configuration references: its name (`/name`), and the key that needs it. */
export interface ReferencedParameter {
  name: string;
  path: string;
  /** Generates a value, if the operator may choose it freely. */
  generate?: (() => string) | undefined;
}

/** Prompts for each value and writes it at once. Empty input skips a parameter, or generates a secret where that is possible. */
export async function writeFromPrompts(
  parameters: Parameters,
  selected: ReferencedParameter[],
  prompt: Prompt,
  { keyId }: { keyId?: string },
): Promise<CommandResult> {
  const existing = await parameters.describe(selected.map(({ name }) => name));
  const outcome = newOutcome();
  for (const { name, path, generate } of selected) {
    const info = existing.get(name);
    const state = info ? `written ${formatTime(info.writtenAt ?? '')}` : 'missing';
    const typed = await askFor(path, `${path}, ${name} (${state}): `, prompt);
    const generated = !typed && generate && (await prompt.confirm(question(info), !info)) ? generate() : null;
    const value = generated ?? typed;
    if (generated) outcome.generated[name] = generated;
    await write(parameters, { name, value, keyId }, outcome);
  }
  return resultOf(parameters.region, outcome);
}

/** Writes the values of lines such as `/name=value`. Writes nothing if one of the lines is invalid. */
export async function writeFromLines(
  parameters: Parameters,
  selected: ReferencedParameter[],
  lines: string,
  { keyId }: { keyId?: string },
): Promise<CommandResult> {
  const values = new Map(lines.split(/\r?\n/).flatMap((line) => (line.trim() ? [readLine(line, selected)] : [])));
  for (const { name, path } of selected) {
    const problem = problemOf(path, values.get(name) ?? '');
    if (problem !== null) throw new RequestError(422, `${path}: ${problem}`);
  }
  const outcome = newOutcome();
  for (const { name } of selected) await write(parameters, { name, value: values.get(name) ?? '', keyId }, outcome);
  return resultOf(parameters.region, outcome);
}

/** Finds a parameter by its name. Throws a `RequestError` that lists all names if there is none. */
export function findParameter(referenced: ReferencedParameter[], name: string): ReferencedParameter {
  const found = referenced.find((one) => one.name === name);
  if (found) return found;
  const names = referenced.map((one) => one.name).join(', ');
  throw new RequestError(422, `The configuration does not reference this parameter. It references: ${names}.`);
}

/** Asks until the value is empty or fits. */
async function askFor(path: string, question: string, prompt: Prompt): Promise<string> {
  const typed = await prompt.secret(question);
  const problem = problemOf(path, typed);
  return problem === null ? typed : await askFor(path, `${problem} ${path}: `, prompt);
}

/** Why a value cannot be what this key needs; null if it can be. The value may be a secret, so it is not shown. */
function problemOf(path: string, value: string): string | null {
  const isAddress =
    /^(https:\/\/|http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/])[^\s@]+$/.test(value) && URL.canParse(value);
  if (value === '' || isAddress || !/^channels\.[^.]+\.(webhookUrl|url)$/.test(path)) return null;
  return 'The value must be an https address without a user name.';
}

function readLine(line: string, selected: ReferencedParameter[]): [string, string] {
  const [, name, value = ''] = /^\s*(?:ssm:)?(\/[^=\s]+)\s*=(.*)$/.exec(line) ?? [];
  // The line may be a secret without its name, so the error does not show it.
  if (name === undefined) throw new RequestError(400, 'Each line must have the form /name=value.');
  return [findParameter(selected, name).name, value.trim()];
}

interface Outcome {
  written: string[];
  unchanged: string[];
  /** Generated values by name. They are shown once, because the other side needs them. */
  generated: Record<string, string>;
}

const newOutcome = (): Outcome => ({ written: [], unchanged: [], generated: {} });

async function write(
  parameters: Parameters,
  { name, value, keyId }: { name: string; value: string; keyId: string | undefined },
  outcome: Outcome,
): Promise<void> {
  if (!value) return void outcome.unchanged.push(name);
  const redact = createRedactor();
  redact.learn(value);
  await parameters.write(name, value, keyId).catch((error: Error) => {
    // AWS repeats a value that it rejects.
    error.message = redact(error.message);
    throw error;
  });
  outcome.written.push(name);
}

function resultOf(region: string, { written, unchanged, generated }: Outcome): CommandResult {
  const lines = [
    ...written.map((name) => verdictLine('ok', name, `written in ${region}`)),
    ...unchanged.map((name) => verdictLine('unknown', name, 'unchanged')),
    ...(written.length > 0
      ? ['Running functions keep the values that they have read. Deploy again to apply the new ones at once.']
      : []),
    ...Object.entries(generated).map(
      ([name, value]) => `\n${name}, shown only once. The other side needs it:\n${value}`,
    ),
  ];
  return { document: { region, written, unchanged, generated }, text: lines.join('\n') };
}

const question = (existing: ParameterInfo | undefined): string =>
  existing ? 'Replace it with a generated secret?' : 'Generate one?';
