/** All commands: their help, the notifier that they use, and their errors. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { announceRunning } from '../../local/running.ts';
import { type AwsServer, startAwsServer } from './aws-server.ts';
import { run, temporaryFolder } from './run.ts';
import { useScene } from './scene.ts';

const commands = 'doctor,send-test,explain,check,jobs,replay,redrive,secrets set,secrets list'.split(',');

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout } = await run(['--help'], {});
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command.split(' ')[0]}\\b`, 'm'));
  });

  test('every command has help with the common options, and check has its exit codes', async () => {
    const helps = await Promise.all(commands.map((command) => run([...command.split(' '), '--help'], {})));
    for (const { code, stdout } of helps) {
      expect(code).toBe(0);
      for (const option of ['--stage', '--region', '--json']) expect(stdout).toContain(option);
    }
    const check = helps[commands.indexOf('check')]?.stdout;
    for (const line of ['0  completed', '3  completedWithWarnings', '7  lostTrack', '8  not ended within --timeout']) {
      expect(check).toContain(`\n  ${line}\n`);
    }
  });
});

test('--version prints the version', async () => {
  expect(await run(['--version'], {})).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

describe('the target', () => {
  const scene = useScene();
  let aws: AwsServer;
  beforeEach(async () => {
    aws = await startAwsServer();
    aws.stacks.set('publishing-job-notifier-dev', { TableName: scene.world.store.tableName });
  });
  afterEach(() => aws.close());

  const env = (): Record<string, string> => ({ ...scene.world.env(), ...aws.env });

  test('is the stack, then the table, then the running npm start', async () => {
    await using folder = await temporaryFolder();
    await announceRunning(folder.path, { ...env(), TABLE_NAME: 'of-npm-start' });
    const all: Record<string, string> = { ...env(), DATA_DIR: folder.path };
    const { TABLE_NAME: _, ...withoutTable } = all;
    const empty = { code: 0, stdout: 'No watched jobs and no dead deliveries.\n' };
    expect(await run(['jobs', '--stage', 'dev'], { ...all, TABLE_NAME: 'elsewhere' })).toMatchObject(empty);
    expect(await run(['jobs'], all)).toMatchObject(empty);
    const stderr = expect.stringContaining('The table does not exist');
    expect(await run(['jobs'], withoutTable)).toMatchObject({ code: 1, stderr });
  });

  const prod = ['--stage', 'prod'];
  const noAws = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' };
  test.each([
    [
      'no notifier',
      [],
      { TABLE_NAME: '' },
      /^No notifier found\. Add --stage dev .+ or start one with `npm start`\.\n$/,
    ],
    ['a missing stack', prod, {}, /^The stack publishing-job-notifier-prod does not exist in eu-west-1\. .+\n$/],
    ['another region', [...prod, '--region', 'us-east-1'], {}, / in us-east-1\. /],
    ['a missing table', [], { TABLE_NAME: 'elsewhere' }, /^The table does not exist in this region\. .+\n$/],
    ['no region', [], { AWS_REGION: '' }, /^No AWS region set\. Add --region, or set AWS_REGION\.\n$/],
    ['unreachable AWS', [], noAws, /^Cannot connect to AWS \(.*ECONNREFUSED.*\)\. .+\n$/],
    ['an unreadable configuration', [], { NOTIFIER_CONFIG: '{' }, /^NOTIFIER_CONFIG is not JSON\. .+\n$/],
    ['an invalid configuration', [], { NOTIFIER_CONFIG: '{}' }, /^NOTIFIER_CONFIG has 2 problems:\n/],
  ])('%s is an error with a remedy, and nothing on standard output', async (_, options, change, message) => {
    const { code, stdout, stderr } = await run(['jobs', ...options], { ...env(), ...change });
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
  });
});
