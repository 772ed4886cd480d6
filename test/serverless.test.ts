/** What is deployed is what the code was written and tested for. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { tableDefinition } from '../local/embedded-store.ts';

// CloudFormation's short forms (!Ref, !Sub, ...) are read as the plain values behind them.
const template = parse(readFileSync('serverless.yml', 'utf8'), { logLevel: 'silent' });

test('the deployed table has the keys and the index of the embedded one', () => {
  const { TableName: _, ...definition } = tableDefinition;
  expect(template.resources.Resources.Table.Properties).toMatchObject(definition);
});

test('every function is packaged alone, from its own bundle', () => {
  expect(Object.keys(template.functions)).toEqual(['webhook', 'event', 'sweep']);
  for (const [name, { handler, package: packaged }] of Object.entries<Record<string, never>>(template.functions)) {
    expect(handler).toBe(`dist/${name}/index.handler`);
    expect(packaged).toEqual({ patterns: [`dist/${name}/**`] });
  }
});

test('a sweep is not repeated, and ends before the next one begins', () => {
  expect(template.functions.sweep).toMatchObject({ timeout: 55, maximumRetryAttempts: 0, maximumEventAge: 60 });
});
