/** `publishing-job-notifier secrets`: writes and lists the parameters that `notifier.yml` references. */

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { loadConfig } from '../lib/config/config.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { addCommand, type CommandResult, type CommonOptions, printResult } from './command.ts';
import { formatTable, formatTime } from './output.ts';
import { createParameters, type ParameterInfo, type Parameters } from './parameters.ts';
import { createPrompt } from './prompt.ts';
import { referencesOf } from './references.ts';
import { configuration, regionOf } from './target.ts';
import { findParameter, type ReferencedParameter, writeFromLines, writeFromPrompts } from './write-secrets.ts';

interface SetOptions extends CommonOptions {
  keyId?: string;
}

export function addSecrets(program: Command): void {
  const secrets = program
    .command('secrets')
    .helpCommand(false)
    .description('Write and list the parameters that notifier.yml references');
  addCommand(secrets, 'set [reference...]')
    .description('Write parameters (SecureString) to AWS Systems Manager: the given ones, or all')
    .option('--key-id <id>', 'encrypt with this customer-managed KMS key')
    .addHelpText(
      'after',
      '\nPrompts for each value without echoing it. Empty input leaves a value unchanged. Without a terminal, reads\n' +
        'lines such as /name=value from standard input.',
    )
    .action(async (references: string[], options: SetOptions) => {
      const [parameters, referenced] = await readParameters(options);
      const selected = select(referenced, references);
      const result = process.stdin.isTTY
        ? await writeFromPrompts(parameters, selected, createPrompt(process.stdin, process.stderr, interrupt), options)
        : await writeFromLines(parameters, selected, await text(process.stdin), options);
      printResult(result, options);
    });
  addCommand(secrets, 'list')
    .description('Show which parameters exist, without their values')
    .action(async (options: CommonOptions) => printResult(await list(...(await readParameters(options))), options));
}

async function list(parameters: Parameters, referenced: ReferencedParameter[]): Promise<CommandResult> {
  const existing = await parameters.describe(referenced.map(({ name }) => name));
  const rows = referenced.map(({ name, path }) => ({ name, path, ...(existing.get(name) ?? missing) }));
  const isIncomplete = rows.some(({ version }) => version === null);
  const cells = rows.map(({ name, path, writtenAt, version, type }) => [
    name,
    path,
    version === null ? 'missing' : `${formatTime(writtenAt ?? '')}, version ${version}`,
    type ?? '',
  ]);
  const hint = '\n\nWrite the missing parameters with `npx publishing-job-notifier secrets set`.';
  return {
    document: { region: parameters.region, parameters: rows },
    text: `${formatTable(['parameter', 'needed by', 'written', 'type'], cells)}${isIncomplete ? hint : ''}`,
    exitCode: isIncomplete ? 1 : 0,
  };
}

/** The exit code of a shell for a command that Ctrl-C ended. */
const interrupt = (): never => process.exit(130);

const missing: ParameterInfo = { writtenAt: null, version: null, type: null };

/** Systems Manager, and the parameters that the configuration references. */
async function readParameters(options: CommonOptions): Promise<[Parameters, ReferencedParameter[]]> {
  const referenced = referencesOf(
    loadConfig(await configuration({ ...process.env, ...(options.stage && { STAGE: options.stage }) })),
  )
    .filter(({ reference }) => reference.startsWith('ssm:'))
    .map(({ reference, ...one }) => ({ ...one, name: reference.slice('ssm:'.length) }));
  if (referenced.some(({ name }) => name.includes('{stage}'))) {
    throw new ConfigError('The names of the parameters hold {stage}: add --stage, such as --stage prod.');
  }
  if (referenced.length === 0) {
    throw new ConfigError('The configuration references no parameters. Add a value such as ssm:/name first.');
  }
  return [createParameters(regionOf(options, process.env)), referenced];
}

function select(referenced: ReferencedParameter[], references: string[]): ReferencedParameter[] {
  const names = references.map((reference) => reference.replace(/^ssm:/, ''));
  for (const name of names) findParameter(referenced, name);
  return referenced.filter(({ name }) => names.length === 0 || names.includes(name));
}
