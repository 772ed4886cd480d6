/** The permissions and the actions of the workflow. */

import { readFileSync } from 'node:fs';
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
