/** What all commands share: their options, the notifier that they work on, and the output of their result. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { nameOf } from './arguments.ts';
import { applyTarget, findTarget, type Target, type TargetOptions, wireTarget } from './target.ts';

/** The result of a command: a document for `--json`, and text for people. */
export interface CommandResult {
  document: object;
  text: string;
  /** 0 if left out. */
  exitCode?: number;
}

export interface CommonOptions extends TargetOptions {
  json?: boolean;
}

/** Adds a command with the options that all commands share. */
export const addCommand = (program: Command, nameAndArguments: string): Command =>
  program
    .command(nameAndArguments)
    .option('--stage <name>', 'use the notifier deployed to this stage (dev or prod)', nameOf('--stage', 'dev'))
    .option(
      '--region <name>',
      'AWS region of --stage (default: AWS_REGION, then eu-west-1)',
      nameOf('--region', 'eu-west-1'),
    )
    .option('--json', 'print one JSON document');

/** Runs a command on the notifier that its options select, and prints the result. */
export async function withNotifier(
  options: CommonOptions,
  run: (deps: Deps, target: Target) => Promise<CommandResult>,
): Promise<void> {
  const target = await findTarget(options, process.env);
  applyTarget(target);
  await runAndPrint(options, await wireTarget(process.env), (deps) => run(deps, target));
}

/** Runs a command that needs only the configuration, and prints the result. */
export async function withConfiguration(
  options: CommonOptions,
  run: (deps: Deps) => Promise<CommandResult>,
): Promise<void> {
  await runAndPrint(options, await wireTarget({ TABLE_NAME: 'none', ...process.env }), run);
}

async function runAndPrint(
  options: CommonOptions,
  deps: Deps,
  run: (deps: Deps) => Promise<CommandResult>,
): Promise<void> {
  try {
    printResult(await run(deps), options, deps.redact);
  } catch (error) {
    if (error instanceof Error) error.message = deps.redact(error.message);
    throw error;
  }
}

/** Writes a result to standard output, with secrets redacted, and sets the exit code. */
export function printResult(
  { document, text, exitCode = 0 }: CommandResult,
  { json = false }: CommonOptions,
  redact: (text: string) => string = String,
): void {
  process.stdout.write(`${redact(json ? JSON.stringify(document, null, 2) : text)}\n`);
  process.exitCode = exitCode;
}
