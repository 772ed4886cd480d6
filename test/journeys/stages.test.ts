/** What people do with a deployed notifier, over the real commands: edit and package, and run two stages. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startAwsServer } from '../cli/aws-server.ts';
import { run } from '../cli/run.ts';
import { grantsOf } from '../deployment/policies.ts';
import { copyProject, readStack, runPackage } from '../deployment/stack.ts';

let folder: string;
let aws: Awaited<ReturnType<typeof startAwsServer>>;
beforeEach(async () => {
  [folder, aws] = await Promise.all([copyProject(), startAwsServer()]);
});
afterEach(() => Promise.all([rm(folder, { recursive: true }), aws.close()]));

const edit = async (from: string | RegExp, to: string, name = 'notifier.yml') => {
  const text = await readFile(join(folder, 'notifier.yml'), 'utf8');
  await writeFile(join(folder, name), text.replaceAll(from, to));
};

/** Packages a stage, and deploys it to the AWS of the test. */
async function deploy(stage: string) {
  await runPackage(folder, stage);
  const stack = await readStack(folder);
  const outputs = Object.fromEntries(Object.entries(stack.outputs).map(([name, { Value }]) => [name, String(Value)]));
  aws.stacks.set(`publishing-job-notifier-${stage}`, { ...outputs, TableName: `table-${stage}` });
  return stack;
}

const refused = (stage: string): Promise<string> =>
  runPackage(folder, stage).then(
    () => 'it was packaged',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}${stderr}`,
  );

async function doctor(stage: string): Promise<string[]> {
  const env = { ...aws.env, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' };
  const { stdout, stderr } = await run(['doctor', '--stage', stage], env, '', folder);
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => /deployed (configuration|version)|other deployments/.test(line));
}

test('edit, package, deploy: the zips hold what the file says, and doctor says what is deployed', {
  timeout: 120_000,
}, async () => {
  await edit('clientId: ssm:/publishing-job-notifier/production/client-id', 'clientId: an-edited-client');
  const stack = await deploy('prod');
  for (const files of Object.values(stack.files)) expect(Object.values(files).join()).toContain('an-edited-client');
  expect(await doctor('prod')).toEqual([
    '✔ deployed configuration: that of notifier.yml',
    expect.stringMatching(/^✔ deployed version: that of this checkout, 0\.1\.0\+\w{8}$/),
    expect.stringMatching(/^✔ other deployments: /),
  ]);

  await edit('an-edited-client', 'another-client');
  const lib = join(folder, 'lib/domain/job.ts');
  await writeFile(lib, `${await readFile(lib, 'utf8')}\n// changed\n`);
  expect(await doctor('prod')).toMatchObject([
    expect.stringMatching(/^✘ deployed configuration: \w{8}, not that of notifier.yml, \w{8}\. Deploy again/),
    expect.stringMatching(
      /^✘ deployed version: 0\.1\.0\+\w{8}, not that of this checkout, 0\.1\.0\+\w{8}\. Deploy again/,
    ),
    expect.stringMatching(/^✔ other deployments: /),
  ]);

  await edit('notify: [team, events]', 'notify: [nobody]');
  expect(await refused('prod')).toMatch(
    /notifier\.yml has 2 problems:\s+rules\[0\]\.notify\[0\]: expected one of team, events/,
  );
});

test('two stages: each has its own file and parameters, and a second one with the same channel is noticed', {
  timeout: 120_000,
}, async () => {
  await deploy('prod');
  // Somebody deploys the same file to another stage.
  await deploy('dev');
  expect((await doctor('prod'))[2]).toMatch(
    /^✘ other deployments: the stack \S+-dev also watches production and notifies team:/,
  );

  await edit('no such text', '', 'notifier.dev.yml');
  expect(await refused('dev')).toMatch(
    /notifier\.dev\.yml and notifier\.yml both watch production and notify team, so every/,
  );

  await edit(
    /ssm:\/publishing-job-notifier\/([\w/-]+)/g,
    '"ssm:/publishing-job-notifier/{stage}/$1"',
    'notifier.dev.yml',
  );
  const dev = await deploy('dev');
  expect(Object.values(dev.files['sweep.zip'] ?? {}).join()).toContain(
    'ssm:/publishing-job-notifier/dev/slack-webhook-url',
  );
  const parameters = grantsOf(dev.resources['SweepRole']).filter(({ action }) => action === 'ssm:GetParameters');
  expect(parameters.map(({ resource }) => resource.split(':parameter')[1])).toEqual([
    '/publishing-job-notifier/dev/production/client-id',
    '/publishing-job-notifier/dev/production/client-secret',
    '/publishing-job-notifier/dev/slack-webhook-url',
    '/publishing-job-notifier/dev/webhook-secret',
  ]);
  expect(await doctor('prod')).toEqual(Array(3).fill(expect.stringMatching(/^✔ /)));
  expect((await doctor('dev'))[0]).toBe('✔ deployed configuration: that of notifier.dev.yml');

  const env = { ...aws.env, STAGE: '' };
  const written = await run(
    ['secrets', 'set', '--stage', 'dev'],
    env,
    '/publishing-job-notifier/dev/webhook-secret=one',
    folder,
  );
  expect([written.code, [...aws.parameters.keys()]]).toEqual([0, ['/publishing-job-notifier/dev/webhook-secret']]);
});
