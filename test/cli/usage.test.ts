/** Mistakes: in the command line, one sentence and exit code 2; elsewhere a cause with its remedy, and exit code 1. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorMessage } from '../../cli/error-message.ts';
import { inParallel } from '../../lib/platform/async.ts';
import { run, temporaryFolder } from './run.ts';
import { useScene } from './scene.ts';

const scene = useScene();

const noEnvironment = /^Unknown environment\. Configured environments: production\.$/;
const noChannel = /^Unknown channel\. Configured channels: team, events\.$/;
const noId = /^jobId must be a string of 1 to 128 characters /;
const noDuration = /^--\w+ takes a duration such as 30m, 2h or 3d\.$/;
const noShell = /'csh' is invalid for argument 'shell', allowed choices are bash, zsh, fish, powershell;/;

const mistakes: [command: string, message: RegExp][] = [
  ['', /^A command is missing; --help lists the commands\.$/],
  ['chek', /^Unknown command 'chek' \(Did you mean check\?\); --help shows the usage\.$/],
  ['--verson', /^Unknown option '--verson'/],

  ['doctor job_1', /^Too many arguments for 'doctor', expected 0 arguments but got 1;/],
  ['doctor --stage', /^Option '--stage <name>' argument missing;/],
  ['doctor --stage=', /^--stage takes a name such as dev\.$/],
  ['doctor --region a/b', /^--region takes a name such as eu-west-1\.$/],
  ['doctor --jsn', /^Unknown option '--jsn' \(Did you mean --json\?\);/],

  ['send-test teem', noChannel],
  ['send-test --environment staging', noEnvironment],
  ['send-test --all', /^Unknown option '--all';/],

  ['explain', /^Add either the id of a job or --file PATH\.$/],
  ['explain job_1 --file -', /^Add either the id of a job or --file PATH\.$/],
  ['explain job_1 job_2', /^Too many arguments for 'explain', expected 1 argument but got 2;/],
  ['explain job_1 --job job_2', /^Give the id of the job once\.$/],
  ['explain job! --environment production', noId],
  ['explain job_1 --environment staging', noEnvironment],
  ['explain --file /nowhere/job.json', /^Cannot read \/nowhere\/job\.json \(ENOENT\)\.$/],
  ['explain --file README.md', /^README\.md: the response is not JSON\. --file takes a job as JSON/],
  ['explain --file package.json', /^package\.json: no status in the response\. --file takes a job as JSON/],

  ['check', /^Add the id of a job\.$/],
  ['check job_1 job_2', /^Too many arguments for 'check'/],
  ['check job_1 --job job_2', /^Give the id of the job once\.$/],
  ['check job!', noId],
  ['check job_1 --timeout 0m', noDuration],
  ['check job_1 --every soon', noDuration],

  ['jobs job_1', /^Too many arguments for 'jobs'/],
  ['jobs --ded', /^Unknown option '--ded' \(Did you mean --dead\?\);/],
  ['jobs --name', /^Option '--name <text>' argument missing;/],
  ['jobs --recent all', /^--recent takes a number from 1 to 1000\.$/],
  ['jobs --environment staging', noEnvironment],
  ['jobs --ended --dead', /^--dead cannot be combined with --recent or --ended\.$/],

  ['replay team', /^Too many arguments for 'replay'/],
  ['replay --since yesterday', noDuration],
  ['replay --channel teem', noChannel],
  ['replay --job job!', noId],
  ['replay --environment production', /^--environment needs --job\.$/],

  ['redrive', /^Add --queue URL or --stage dev to select a queue\.$/],
  ['redrive events', /^Too many arguments for 'redrive'/],
  ['redrive --queue events', /^--queue takes a URL\.$/],

  ['secrets', /^A command is missing;/],
  ['secrets sett', /^Unknown command 'sett' \(Did you mean set\?\);/],
  ['secrets list --all', /^Unknown option '--all';/],
  ['secrets set --key-id', /^Option '--key-id <id>' argument missing;/],

  ['completion', /^Missing required argument 'shell';/],
  ['completion csh', noShell],
  ['completion bash zsh', /^Too many arguments for 'completion'/],
];

test('a mistake in the command line is one sentence, and exit code 2', { timeout: 60_000 }, async () => {
  await inParallel(mistakes.values(), 2, async ([command, message]) => {
    const { code, stdout, stderr } = await run(command.split(' ').filter(Boolean), scene.world.env());
    const expected = { command, code: 2, stdout: '', stderr: expect.stringMatching(message) };
    expect({ command, code, stdout, stderr: stderr.replace(/\n$/, '') }).toEqual(expected);
    expect(stderr.match(/\n/g), command).toHaveLength(1);
  });
});

test('a folder that cannot be used is an error that names the file', async () => {
  await using folder = await temporaryFolder();
  const { NOTIFIER_CONFIG: _, ...env } = scene.world.env();
  const file = join(folder.path, 'notifier.yml');
  const jobs = async () => {
    const { code, stdout, stderr } = await run(['jobs'], env, '', undefined, folder.path);
    expect([stdout, stderr]).toEqual(['', expect.not.stringMatching(/^ +at /m)]);
    return [code, stderr];
  };
  await writeFile(file, 'environments: [');
  expect(await jobs()).toEqual([
    1,
    expect.stringMatching(/^notifier\.yml cannot be read: .+ at line 1, column \d+\.\n$/),
  ]);
  await writeFile(file, 'environments: {}');
  expect(await jobs()).toEqual([1, expect.stringMatching(/^notifier\.yml has \d problems:\n {2}/)]);
  await mkdir(join(folder.path, '.env'));
  expect(await jobs()).toEqual([1, expect.stringMatching(/^[^\n]+\.env[^\n]+\n$/)]);
});

test.each([
  ['CredentialsProviderError', 'Could not load', /^No AWS credentials found\. Sign in, or set AWS_PROFILE\.$/],
  ['UnrecognizedClientException', 'The token is invalid.', /^AWS refuses the credentials \(.+\)\. Sign in again/],
  ['ExpiredTokenException', 'expired', /^AWS refuses the credentials \(expired\)\./],
  ['AccessDeniedException', 'User x may not: dynamodb:Scan', /^AWS denies access: User x may not: dynamodb:Scan\.$/],
  ['ResourceNotFoundException', '', /^The table does not exist in this region\. /],
  ['TimeoutError', 'no response in time', /^Cannot connect to AWS \(no response in time\)\. Check the network/],
])('%s of AWS is a cause and a remedy', (name, message, expected) => {
  expect(errorMessage(Object.assign(new Error(message), { name }))).toMatch(expected);
});
