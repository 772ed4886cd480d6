#!/usr/bin/env node
/** `npm run notifier -- <command>`: the commands for people. */

import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addCheck } from './check.ts';
import { addDoctor } from './doctor.ts';
import { addExplain } from './explain.ts';
import { addJobs } from './jobs.ts';
import { exitCodeOf, explain } from './problem.ts';
import { addRedrive } from './redrive.ts';
import { addReplay } from './replay.ts';
import { addSecrets } from './secrets.ts';
import { addSendTest } from './send-test.ts';

const program = new Command('npm run notifier --')
  .description('See to a publishing-job-notifier: is it well, what does it know, and why was I (not) told?')
  .usage('<command> [options]')
  .helpCommand(false)
  .showHelpAfterError('(--help shows what there is)')
  .exitOverride()
  .addHelpText(
    'after',
    `
Which notifier is meant, in this order:
  --stage dev        the stack publishing-job-notifier-dev in AWS
  TABLE_NAME         the one with this table
  otherwise          the running \`npm start\` of this folder (of DATA_DIR)
AWS_REGION, AWS_PROFILE and AWS_ENDPOINT_URL count as for every AWS tool. The configuration is notifier.yml, or
NOTIFIER_CONFIG.

npm writes a line of its own to standard output: read --json from \`npm run -s notifier -- <command> --json\`.

Exit codes: 0 fine; 1 something is wrong, and standard error or the answer says what; 2 the command line is not
understood. \`check --wait\` has more.`,
  );

for (const add of [addDoctor, addSendTest, addExplain, addCheck, addJobs, addReplay, addRedrive, addSecrets])
  add(program);

// Whoever reads the answer may have seen enough: `... | head`.
process.stdout.on('error', () => process.exit());

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said it already. Help that was asked for is no mistake.
    process.exitCode = error.code === 'commander.helpDisplayed' ? 0 : 2;
  } else {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
