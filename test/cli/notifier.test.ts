/** The commands as a whole: what help there is, which notifier is meant, and how it sounds when something is wrong. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { announceRunning } from '../../local/running.ts';
import { startWorld, type World } from '../support/world.ts';
import { type AwsServer, startAwsServer } from './aws-server.ts';
import { run } from './run.ts';
import { temporaryFolder } from './temporary-folder.ts';

const commands = [
  'doctor',
  'send-test',
  'explain',
  'check',
  'jobs',
  'replay',
  'redrive',
  'secrets set',
  'secrets list',
];

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout } = await run(['--help'], {});
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command.split(' ')[0]}\\b`, 'm'));
  });

  test('every command has its own, with the options that all of them have', async () => {
    const helps = await Promise.all(commands.map((command) => run([...command.split(' '), '--help'], {})));
    for (const { code, stdout } of helps) {
      expect(code).toBe(0);
      for (const option of ['--stage', '--region', '--json']) expect(stdout).toContain(option);
    }
  });

  test('the exit codes stand in the help of check', async () => {
    const { stdout } = await run(['check', '--help'], {});
    for (const line of ['0  completed', '3  completedWithWarnings', '7  lostTrack', '8  not ended within --timeout']) {
      expect(stdout).toContain(`\n  ${line}\n`);
    }
  });

  test.each([
    ['no command', []],
    ['a command that there is not', ['chek']],
    ['an option that there is not', ['jobs', '--ded']],
    ['one argument too many', ['jobs', 'job_1']],
  ])('%s is a mistake, with a way on', async (_, args) => {
    const { code, stdout, stderr } = await run(args, {});
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(/--help|Usage:/)]);
  });
});

describe('which notifier is meant', () => {
  let world: World;
  let aws: AwsServer;
  beforeEach(async () => {
    [world, aws] = await Promise.all([startWorld(), startAwsServer()]);
    aws.stacks.set('publishing-job-notifier-dev', { TableName: world.store.tableName });
  });
  afterEach(() => Promise.all([world.close(), aws.close()]));

  const none = 'No job is watched, and nothing is dead.\n';
  const env = () => ({ ...world.env(), ...aws.env });

  test('a stack comes before a table, and a table before what is running', async () => {
    await using folder = await temporaryFolder();
    await announceRunning(folder.path, { ...env(), TABLE_NAME: 'of-the-running-one' });
    const all: Record<string, string> = { ...env(), DATA_DIR: folder.path };
    expect(await run(['jobs', '--stage', 'dev'], { ...all, TABLE_NAME: 'elsewhere' })).toMatchObject({
      code: 0,
      stdout: none,
    });
    expect(await run(['jobs'], all)).toMatchObject({ code: 0, stdout: none });
    const { TABLE_NAME: _, ...unnamed } = all;
    expect(await run(['jobs'], unnamed)).toMatchObject({ code: 1, stderr: expect.stringContaining('no such table') });
  });

  test.each([
    ['none', ['jobs'], { TABLE_NAME: '' }, /^No notifier is named: add --stage dev .+ or begin with `npm start`\.\n$/],
    [
      'no such stack',
      ['jobs', '--stage', 'prod'],
      {},
      /^There is no stack publishing-job-notifier-prod in eu-west-1: .+\n$/,
    ],
    ['no such region', ['jobs', '--stage', 'prod', '--region', 'us-east-1'], {}, / in us-east-1: /],
    ['no such table', ['jobs'], { TABLE_NAME: 'elsewhere' }, /^There is no such table in this region: .+\n$/],
    ['no region', ['jobs'], { AWS_REGION: '' }, /^No AWS region is known: add --region, or set AWS_REGION\.\n$/],
    [
      'no AWS',
      ['jobs'],
      { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
      /^AWS cannot be reached \(.*ECONNREFUSED.*\): .+\n$/,
    ],
    ['no configuration', ['jobs'], { NOTIFIER_CONFIG: '{' }, /^NOTIFIER_CONFIG is not JSON\. .+\n$/],
    ['a bad configuration', ['jobs'], { NOTIFIER_CONFIG: '{}' }, /^NOTIFIER_CONFIG has 2 problems:\n/],
  ])('%s: what is to be done, and nothing on standard output', async (_, args, change, message) => {
    const { code, stdout, stderr } = await run(args, { ...env(), ...change });
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(message)]);
  });
});
