/** `notifier secrets`: the parameters that `notifier.yml` names, written and listed. */

import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { loadConfig } from '../lib/config/config.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { runningEnvironment } from '../local/running.ts';
import { createAsk } from './ask.ts';
import { type Answer, addCommand, type CommonOptions, show } from './command.ts';
import { moment, table } from './output.ts';
import { createParameters, type ParameterFacts, type Parameters } from './parameters.ts';
import { referencesOf } from './references.ts';
import { configuration, regionOf } from './target.ts';
import { askFor, find, type Named, writeLines } from './write-secrets.ts';

interface SetOptions extends CommonOptions {
  keyId?: string;
}

export function addSecrets(program: Command): void {
  const secrets = program
    .command('secrets')
    .helpCommand(false)
    .description('write and list the parameters that notifier.yml names');
  addCommand(secrets, 'set [reference...]')
    .description('write parameters (SecureString) of AWS Systems Manager: all that are named, or these')
    .option('--key-id <id>', 'encrypt with this customer-managed key')
    .addHelpText(
      'after',
      '\nAsks for each value without showing it; an empty answer leaves it as it is. Without a terminal, reads lines\n' +
        'of the form /name=value from standard input.',
    )
    .action(async (references: string[], options: SetOptions) => {
      const [parameters, named] = await begin(options);
      const wanted = chosen(named, references);
      const answer = process.stdin.isTTY
        ? await askFor(parameters, wanted, createAsk(process.stdin, process.stderr, leave), options)
        : await writeLines(parameters, wanted, await text(process.stdin), options);
      show(answer, options);
    });
  addCommand(secrets, 'list')
    .description('which of the named parameters are there; never their values')
    .action(async (options: CommonOptions) => show(await list(...(await begin(options))), options));
}

/** Which parameters are there, since when, and which are missing. */
async function list(parameters: Parameters, named: Named[]): Promise<Answer> {
  const known = await parameters.look(named.map(({ name }) => name));
  const rows = named.map(({ name, path }) => ({ name, path, ...(known.get(name) ?? missing) }));
  const absent = rows.filter(({ version }) => version === null);
  const shown = rows.map(({ name, path, writtenAt, version, type }) => [
    name,
    path,
    version === null ? 'missing' : `${moment(writtenAt ?? '')}, version ${version}`,
    type ?? '',
  ]);
  const hint = '\n\nWrite what is missing by `npm run notifier -- secrets set`.';
  return {
    document: { region: parameters.region, parameters: rows },
    text: `${table(['parameter', 'needed by', 'written', 'type'], shown)}${absent.length > 0 ? hint : ''}`,
    exitCode: absent.length > 0 ? 1 : 0,
  };
}

/** What a shell says of a command that was left by Ctrl-C. */
const leave = (): never => process.exit(130);

const missing: ParameterFacts = { writtenAt: null, version: null, type: null };

/** Systems Manager, and the parameters in it that the configuration names. */
async function begin(options: CommonOptions): Promise<[Parameters, Named[]]> {
  // What is deployed need not be there yet, but somebody who runs the demo may think of that.
  const isElsewhere = options.stage !== undefined || Boolean(process.env['TABLE_NAME']);
  const isLocal = !isElsewhere && (await runningEnvironment(process.env).then(Boolean, () => false));
  if (isLocal) {
    throw new ConfigError(
      'The running `npm start` takes its secrets from env: and literal values, not from parameters: add --stage dev ' +
        'for the deployed notifier.',
    );
  }
  const named = referencesOf(loadConfig(await configuration(process.env)))
    .filter(({ reference }) => reference.startsWith('ssm:'))
    .map(({ reference, path }) => ({ name: reference.slice('ssm:'.length), path }));
  if (named.length === 0) {
    throw new ConfigError(
      'The configuration names no parameters: there is no ssm:/name in it, so nothing is to be written.',
    );
  }
  return [createParameters(regionOf(options, process.env)), named];
}

function chosen(named: Named[], references: string[]): Named[] {
  const names = references.map((reference) => reference.replace(/^ssm:/, ''));
  for (const name of names) find(named, name);
  return named.filter(({ name }) => names.length === 0 || names.includes(name));
}
