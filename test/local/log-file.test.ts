import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { logToFile } from '../../local/log-file.ts';

const original = { ...console };
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-'));
});
afterEach(async () => {
  Object.assign(console, original);
  await rm(folder, { recursive: true });
});

test('everything goes to the file, and each error also to the terminal, in one line', async () => {
  const path = join(folder, 'notifier.log');
  const errors: string[] = [];
  logToFile(path, (line) => errors.push(line));
  const lines = [
    { level: 'info', message: 'sweep finished' },
    { level: 'error', message: 'no', environment: 'main', jobId: 'job_1', error: { message: 'reason', stack: '...' } },
  ].map((entry) => JSON.stringify(entry));
  for (const line of lines) console.log(line);
  console.warn('a warning');
  console.error('no JSON');
  expect(errors).toEqual(['no (main job_1) reason', 'no JSON']);
  expect(await readFile(path, 'utf8')).toBe(`${lines.join('\n')}\na warning\nno JSON\n`);
});

test('a log of 10 MB is rotated', async () => {
  const path = join(folder, 'notifier.log');
  logToFile(path, () => undefined);
  console.log('x'.repeat(10 * 1024 * 1024));
  console.log('after');
  expect((await stat(`${path}.1`)).size).toBeGreaterThan(10 * 1024 * 1024);
  expect(await readFile(path, 'utf8')).toBe('after\n');
});

test('a log that cannot be written is reported, and fails no caller', () => {
  const errors: string[] = [];
  logToFile(join(folder, 'no', 'notifier.log'), (line) => errors.push(line));
  console.log('lost');
  expect(errors).toEqual([expect.stringMatching(/^Cannot write to .+ \(ENOENT\)$/)]);
});
