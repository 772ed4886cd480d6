/** `npm run lint:template`: runs cfn-lint on the packaged stack of each stage. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stages = ['dev', 'prod'];

/** Runs a command. Returns its exit code, or null if the command does not exist. */
const run = (command: string, args: string[], output: 'inherit' | 'ignore'): number | null =>
  spawnSync(command, args, { stdio: ['ignore', output, 'inherit'] }).status;

function lint(stage: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'publishing-job-notifier-'));
  try {
    if (run('serverless', ['package', '--stage', stage, '--package', folder], 'ignore') !== 0) return false;
    const template = join(folder, 'cloudformation-template-update-stack.json');
    // W3005: the framework adds dependencies that references already imply.
    const isClean = run('cfn-lint', ['--ignore-checks', 'W3005', '--', template], 'inherit') === 0;
    console.log(`${stage}: ${isClean ? 'no findings' : 'see the findings above'}`);
    return isClean;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (run('cfn-lint', ['--version'], 'ignore') === null) {
  console.log('Skipped: cfn-lint is not installed. Install it with `pip install cfn-lint`.');
} else if (stages.map(lint).includes(false)) {
  process.exitCode = 1;
}
