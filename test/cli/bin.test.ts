/** The command `publishing-job-notifier`, as npm installs it: from a checkout, and from a packed tarball. */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { run, temporaryFolder } from './run.ts';

const exec = promisify(execFile);
const checkout = fileURLToPath(new URL('../..', import.meta.url));

test('npx runs it in a checkout', async () => {
  const { stdout } = await exec('npx', ['publishing-job-notifier', '--version'], { cwd: checkout });
  expect(stdout).toBe(`${packageJson.version}\n`);
});

test('a packed tarball runs without its dependencies and without the source, on the configuration of the folder', {
  timeout: 60_000,
}, async () => {
  await using folder = await temporaryFolder();
  const { stdout: packed } = await exec('npm', ['pack', '--json', '--pack-destination', folder.path], {
    cwd: checkout,
  });
  const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf('[')));
  expect(files.map(({ path }: { path: string }) => path).sort()).toEqual([
    ...['LICENSE', 'README.md', 'cli/bin.js', 'dist/cli/notifier.js', 'package.json'],
  ]);
  await exec('tar', ['-xzf', join(folder.path, filename)], { cwd: folder.path });

  const options = { cwd: folder.path, env: { PATH: process.env['PATH'], NO_COLOR: '1' } };
  const packedRun = (...args: string[]) =>
    exec(process.execPath, [join(folder.path, 'package/cli/bin.js'), ...args], options).catch((error) => error);
  expect((await packedRun('--version')).stdout).toBe(`${packageJson.version}\n`);
  expect((await packedRun('doctor')).stdout).toMatch(/^✘ configuration: notifier\.yml cannot be read \(ENOENT\)\.$/m);
  await writeFile(join(folder.path, 'notifier.yml'), 'environments: {}');
  expect((await packedRun('doctor')).stdout).toMatch(/^✘ configuration: notifier\.yml has \d problems?/m);
});

describe('completion', () => {
  const scriptOf = async (shell: string) => (await run(['completion', shell], {})).stdout;

  test.each([
    ['send', 'send-test'],
    ['jobs --re', '--region --recent'],
    ['jobs --dead --en', '--ended --environment'],
    ['secrets ', 'set list --help'],
    ['secrets set --k', '--key-id'],
  ])('bash completes "%s" to "%s"', async (typed, completed) => {
    const words = ['publishing-job-notifier', ...typed.split(' ')];
    const script = `${await scriptOf('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_publishing_job_notifier; echo "\${COMPREPLY[*]}"`;
    expect((await exec('bash', ['-c', script])).stdout).toBe(`${completed}\n`);
  });

  test.each(['zsh', 'fish', 'powershell'])('the script for %s names the commands and their options', async (shell) => {
    const script = await scriptOf(shell);
    const dashes = shell === 'fish' ? '-l ' : '--';
    for (const word of ['send-test', 'secrets', `${dashes}recent`, `${dashes}key-id`]) expect(script).toContain(word);
  });
});
