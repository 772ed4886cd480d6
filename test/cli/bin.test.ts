/** The command `publishing-job-notifier`, as npm installs it: from a checkout, and from a packed tarball. */

import { execFile, spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
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

/** Starts of scripts that print what a shell completes after these words; the last one is what is being typed. */
const completers: Record<string, (words: string[]) => string> = {
  bash: (words) => `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}
_publishing_job_notifier; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // Only a shell with a terminal has the real compadd. It gets all words, and filters them itself.
  zsh: (words) => `compadd() { shift; print -rl -- $@ }; words=(${words.join(' ')}); CURRENT=${words.length}
$_comps[publishing-job-notifier]`,
  fish: (words) => `complete -C "${words.join(' ').replaceAll("'", '')}"`,
};
const loaders: Record<string, string> = { zsh: 'autoload -Uz compinit && compinit -u -D' };

describe.each(Object.keys(completers))('completion in %s', (shell) => {
  const isInstalled = spawnSync(shell, ['--version']).error === undefined;
  if (!isInstalled) writeSync(2, `skipped, because there is no ${shell} (apt-get install ${shell}): its completion\n`);

  let script = '';
  beforeAll(async () => {
    script = (await run(['completion', shell], {})).stdout;
  });

  test.skipIf(!isInstalled).each([
    ['send', ['send-test']],
    ['jobs --re', ['--recent', '--region']],
    ['jobs --dead --en', ['--ended', '--environment']],
    ['secrets ', ['list', 'set']],
    ['secrets set --k', ['--key-id']],
    ['completion z', ['zsh']],
  ])('of "%s"', async (typed, completed) => {
    const words = ['publishing-job-notifier', ...typed.split(' ')];
    const complete = completers[shell]?.(words.map((word) => `'${word}'`));
    const { stdout } = await exec(shell, ['-c', [loaders[shell] ?? '', script, complete].join('\n')]);
    const listed = stdout.split('\n').map((line) => line.split('\t')[0] ?? '');
    const fitting = listed.filter((word) => word && word !== '--help' && word.startsWith(words.at(-1) ?? ''));
    expect(fitting.sort()).toEqual(completed);
  });
});

test('the completion of PowerShell, which is not run, names the commands and their options', async () => {
  const { stdout } = await run(['completion', 'powershell'], {});
  for (const word of ["'send-test'", "'secrets set'", "'--recent'", "'--key-id'"]) expect(stdout).toContain(word);
});
