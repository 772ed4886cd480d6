/** The permissions and the actions of the workflow. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const text = readFileSync('.github/workflows/ci.yml', 'utf8');
const workflow = parse(text);

test('every action is pinned to a commit, with its version in a comment', () => {
  const uses = text.split('\n').filter((line) => line.includes('uses:'));
  expect(uses.length).toBeGreaterThan(0);
  for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test('a job may read the code, and only the deploy job may request a token for AWS', () => {
  expect(workflow.permissions).toEqual({});
  const permissions = Object.entries<{ permissions: object }>(workflow.jobs).map(([name, job]) => [
    name,
    job.permissions,
  ]);
  expect(permissions).toEqual([
    ['check', { contents: 'read' }],
    ['deploy', { contents: 'read', 'id-token': 'write' }],
  ]);
});

test('the workflow uses no stored secret', () => {
  expect(text).not.toMatch(/secrets\.|aws-access-key-id/i);
});

test('the deploy job needs the checks of .ci/run', () => {
  expect(workflow.jobs.deploy.needs).toBe('check');
  expect(workflow.jobs.check.steps).toContainEqual({ run: 'bash .ci/run' });
});

test('main is deployed to dev only with a configuration of its own', () => {
  const steps: { id?: string; run?: string; if?: string }[] = workflow.jobs.deploy.steps;
  const at = steps.findIndex(({ id }) => id === 'configuration');
  expect(steps.slice(at + 1).map((step) => step.if)).toEqual(Array(4).fill('steps.configuration.outputs.deploys'));
  const folder = mkdtempSync(join(tmpdir(), 'notifier-'));
  const output = (stage: string) => {
    const GITHUB_OUTPUT = join(folder, `output-${stage}`);
    writeFileSync(GITHUB_OUTPUT, '');
    execFileSync('bash', ['--norc', '-c', steps[at]?.run ?? ''], { cwd: folder, env: { STAGE: stage, GITHUB_OUTPUT } });
    return readFileSync(GITHUB_OUTPUT, 'utf8');
  };
  expect([output('dev'), output('prod')]).toEqual(['', 'deploys=true\n']);
  writeFileSync(join(folder, 'notifier.dev.yml'), '');
  expect(output('dev')).toBe('deploys=true\n');
  rmSync(folder, { recursive: true });
});
