#!/usr/bin/env node
/** `npx publishing-job-notifier <command>`: the command line. */

import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addCheck } from './check.ts';
import { addCompletion } from './completion.ts';
import { addDoctor } from './doctor.ts';
import { errorMessage, exitCodeOf, usageMessage } from './error-message.ts';
import { addExplain } from './explain.ts';
import { addJobs } from './jobs.ts';
import { addRedrive } from './redrive.ts';
import { addReplay } from './replay.ts';
import { addSecrets } from './secrets.ts';
import { addSendTest } from './send-test.ts';

const program = new Command(packageJson.name)
  .description('Inspect and operate a publishing-job-notifier')
  .usage('<command> [options]')
  .helpCommand(false)
  .helpOption('-h, --help', 'show this help')
  .version(packageJson.version, '--version', 'show the version')
  .exitOverride()
  // Mistakes are printed below, as one sentence each.
  .configureOutput({ writeErr: () => undefined })
  .addHelpText(
    'after',
    `
A command uses the first of these notifiers:
  --stage dev        the stack publishing-job-notifier-dev in AWS
  TABLE_NAME         the notifier with this table
  otherwise          the running \`npm start\` of this folder (DATA_DIR)
AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL apply as in the AWS CLI. The configuration is NOTIFIER_CONFIG, or
else notifier.yml.

Exit codes: 0 success; 1 an error or a problem, described in the output; 2 a mistake in the command line.
\`check --wait\` has more.`,
  );

for (const add of [
  ...[addDoctor, addSendTest, addExplain, addCheck, addJobs],
  ...[addReplay, addRedrive, addSecrets, addCompletion],
]) {
  add(program);
}

// A reader such as `head` may close the pipe early.
process.stdout.on('error', () => process.exit());

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // A request for help or for the version is not a mistake.
    process.exitCode = /^commander\.(helpDisplayed|version)$/.test(error.code) ? 0 : 2;
    if (process.exitCode === 2) process.stderr.write(`${usageMessage(error)}\n`);
  } else {
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
