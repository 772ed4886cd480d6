/** What every command has in common: how a notifier is named, and how an answer is shown. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { adopt, depsOf, findTarget, type Target, type TargetOptions } from './target.ts';

/** What a command found out: for machines and for people. */
export interface Answer {
  document: object;
  text: string;
  /** 0 if left out. */
  exitCode?: number;
}

export interface CommonOptions extends TargetOptions {
  json?: boolean;
}

/** Adds a command that works on a notifier. */
export const addCommand = (program: Command, nameAndArguments: string): Command =>
  program
    .command(nameAndArguments)
    .option('--stage <name>', 'the deployed notifier of this stage: dev or prod')
    .option('--region <name>', 'the AWS region of --stage, if not AWS_REGION or eu-west-1')
    .option('--json', 'answer with one JSON document');

/** Lets a command work on the notifier that its options name, and shows the answer. */
export async function onNotifier(
  options: CommonOptions,
  work: (deps: Deps, target: Target) => Promise<Answer>,
): Promise<void> {
  const target = await findTarget(options, process.env);
  adopt(target);
  await answering(options, await depsOf(process.env), (deps) => work(deps, target));
}

/** Lets a command work with the configuration alone, whether or not there is a notifier. */
export async function onConfiguration(options: CommonOptions, work: (deps: Deps) => Promise<Answer>): Promise<void> {
  await answering(options, await depsOf({ TABLE_NAME: 'none', ...process.env }), work);
}

async function answering(options: CommonOptions, deps: Deps, work: (deps: Deps) => Promise<Answer>): Promise<void> {
  try {
    show(await work(deps), options, deps.redact);
  } catch (error) {
    if (error instanceof Error) error.message = deps.redact(error.message);
    throw error;
  }
}

/** Writes an answer to the standard output, with no secret in it. */
export function show(
  { document, text, exitCode = 0 }: Answer,
  { json = false }: CommonOptions,
  redact: (text: string) => string = String,
): void {
  process.stdout.write(`${redact(json ? JSON.stringify(document, null, 2) : text)}\n`);
  process.exitCode = exitCode;
}
