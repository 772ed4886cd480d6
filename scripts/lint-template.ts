/** `npm run lint:template`: what cfn-lint says of the packaged stack, for each stage. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stages = ['dev', 'prod'];

/** Runs a command, and gives its exit code; null if there is no such command. */
const run = (command: string, args: string[], output: 'inherit' | 'ignore'): number | null =>
  spawnSync(command, args, { stdio: ['ignore', output, 'inherit'] }).status;

function lint(stage: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'publishing-job-notifier-'));
  try {
    if (run('serverless', ['package', '--stage', stage, '--package', folder], 'ignore') !== 0) return false;
    const template = join(folder, 'cloudformation-template-update-stack.json');
    // W3005: the framework writes dependencies that follow from references anyway.
    const isClean = run('cfn-lint', ['--ignore-checks', 'W3005', '--', template], 'inherit') === 0;
    console.log(`${stage}: ${isClean ? 'nothing to say' : 'see above'}`);
    return isClean;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (run('cfn-lint', ['--version'], 'ignore') === null) {
  console.log('Skipped: cfn-lint is not here. `pip install cfn-lint` brings it.');
} else if (stages.map(lint).includes(false)) {
  process.exitCode = 1;
}
