/** What the workflow may do, and with whose code. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const text = readFileSync('.github/workflows/ci.yml', 'utf8');
const workflow = parse(text);

test('every action is pinned by its commit, and says which version that is', () => {
  const uses = text.split('\n').filter((line) => line.includes('uses:'));
  expect(uses.length).toBeGreaterThan(0);
  for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

test('a job may read the code, and only the one that deploys may ask for a token of AWS', () => {
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

test('no secret is stored for it', () => {
  expect(text).not.toMatch(/secrets\.|aws-access-key-id/i);
});

test('what is deployed was checked by the same script that people run', () => {
  expect(workflow.jobs.deploy.needs).toBe('check');
  expect(workflow.jobs.check.steps).toContainEqual({ run: 'bash .ci/run' });
});
