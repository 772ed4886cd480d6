/** `npm run lint:template`: runs cfn-lint on the packaged stack of each stage, and on the files of docs/aws. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stages = ['dev', 'prod'];

/** Runs a command. Returns its exit code, or null if the command does not exist. */
const run = (command: string, args: string[], output: 'inherit' | 'ignore'): number | null =>
  spawnSync(command, args, { stdio: ['ignore', output, 'inherit'] }).status;

function lint(name: string, template: string): boolean {
  // W3005: the framework adds dependencies that references already imply.
  const isClean = run('cfn-lint', ['--ignore-checks', 'W3005', '--', template], 'inherit') === 0;
  console.log(`${name}: ${isClean ? 'no findings' : 'see the findings above'}`);
  return isClean;
}

function inFolder(work: (folder: string) => boolean): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'publishing-job-notifier-'));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lintStage = (stage: string): boolean =>
  inFolder((folder) => {
    if (run('serverless', ['package', '--stage', stage, '--package', folder], 'ignore') !== 0) return false;
    return lint(stage, join(folder, 'cloudformation-template-update-stack.json'));
  });

/** cfn-lint knows policies only as a part of a template. */
const lintPolicy = (path: string): boolean =>
  inFolder((folder) => {
    const PolicyDocument = JSON.parse(readFileSync(path, 'utf8'));
    const Policy = { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument } };
    const template = join(folder, 'policy.json');
    writeFileSync(template, JSON.stringify({ Resources: { Policy } }));
    return lint(path, template);
  });

const findings = (): boolean[] => [
  ...stages.map(lintStage),
  lint('docs/aws/oidc-role.yml', 'docs/aws/oidc-role.yml'),
  lintPolicy('docs/aws/deployer-policy.json'),
];

if (run('cfn-lint', ['--version'], 'ignore') === null) {
  console.log('Skipped: cfn-lint is not installed. Install it with `pip install cfn-lint`.');
} else if (findings().includes(false)) {
  process.exitCode = 1;
}
