/** `notifier secrets`: the parameters that the configuration names. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Ask } from '../../cli/ask.ts';
import { createParameters } from '../../cli/parameters.ts';
import { askFor, type Named } from '../../cli/write-secrets.ts';
import { announceRunning } from '../../local/running.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { type AwsServer, startAwsServer } from './aws-server.ts';
import { run } from './run.ts';
import { temporaryFolder } from './temporary-folder.ts';

let aws: AwsServer;
beforeEach(async () => {
  aws = await startAwsServer();
  Object.assign(process.env, aws.env);
});
afterEach(() => aws.close());

const named: Named[] = [
  { name: '/p/client-secret', path: 'environments.production.clientSecret' },
  { name: '/p/webhook-secret', path: 'webhook.secrets[0]' },
];

const config = {
  environments: { production: { clientId: 'an-id', clientSecret: 'ssm:/p/client-secret' } },
  channels: { events: { type: 'sns', topicArn: 'env:TOPIC_ARN' } },
  webhook: { secrets: ['ssm:/p/webhook-secret'] },
};
const env = (document: object = config) => ({ ...aws.env, NOTIFIER_CONFIG: JSON.stringify(document) });

/** Somebody who types these values, and says yes or no when asked. */
function somebody(typed: string[], says?: boolean): Ask & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    secretly: async (question) => {
      asked.push(question);
      return typed.shift() ?? '';
    },
    whether: async (question, otherwise) => {
      asked.push(question);
      return says ?? otherwise;
    },
  };
}

describe('at a terminal', () => {
  const ask = (who: Ask, options = {}) => askFor(createParameters('eu-west-1'), named, who, options);

  test('each value is asked for with what it is for, and written encrypted', async () => {
    const who = somebody(['the client secret', 'the webhook secret']);
    const { text, document } = await ask(who, { keyId: 'alias/mine' });
    expect(who.asked).toEqual([
      'environments.production.clientSecret, /p/client-secret (missing): ',
      'webhook.secrets[0], /p/webhook-secret (missing): ',
    ]);
    expect(aws.written[0]).toEqual({
      Name: '/p/client-secret',
      Value: 'the client secret',
      Type: 'SecureString',
      Overwrite: true,
      KeyId: 'alias/mine',
    });
    expect(Object.fromEntries(aws.parameters)).toEqual({
      '/p/client-secret': 'the client secret',
      '/p/webhook-secret': 'the webhook secret',
    });
    expect(text).toContain('✔ /p/client-secret: written in eu-west-1');
    expectNoSecrets([text, document], ['the client secret', 'the webhook secret']);
  });

  test('an empty answer leaves what is there, and makes a webhook secret that is missing, shown once', async () => {
    aws.parameters.set('/p/client-secret', 'as it was');
    const { text, document } = await ask(somebody([]));
    const made = aws.parameters.get('/p/webhook-secret') ?? '';
    expect(made).toMatch(/^[\w-]{43}$/);
    expect(aws.parameters.get('/p/client-secret')).toBe('as it was');
    expect(document).toEqual({
      region: 'eu-west-1',
      written: ['/p/webhook-secret'],
      left: ['/p/client-secret'],
      made: { '/p/webhook-secret': made },
    });
    expect(text.split(made)).toHaveLength(2);
  });

  test('a webhook secret that is there is only replaced by who says so', async () => {
    aws.parameters.set('/p/webhook-secret', 'as it was');
    const who = somebody([]);
    await ask(who);
    expect(aws.parameters.get('/p/webhook-secret')).toBe('as it was');
    expect(who.asked.slice(1)).toEqual([
      'webhook.secrets[0], /p/webhook-secret (there since 2026-01-01 10:00:00 UTC): ',
      'Replace it by a new one?',
    ]);
    await ask(somebody([], true));
    expect(aws.parameters.get('/p/webhook-secret')).toMatch(/^[\w-]{43}$/);
  });

  test('who says no leaves a missing one missing', async () => {
    expect((await ask(somebody([], false))).document).toMatchObject({ written: [], made: {} });
    expect(aws.written).toEqual([]);
  });
});

describe('without a terminal', () => {
  test('lines of the form /name=value are written, and the others are left', async () => {
    const lines = '\r\nssm:/p/client-secret = a=secret= \r\n';
    const { code, stdout, stderr } = await run(['secrets', 'set', '--stage', 'dev'], env(), lines);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^✔ \/p\/client-secret: written in eu-west-1\n- \/p\/webhook-secret: left as it is\n/);
    expect(Object.fromEntries(aws.parameters)).toEqual({ '/p/client-secret': 'a=secret=' });
  });

  test('only what is named on the command line, and elsewhere', async () => {
    const { code, stdout } = await run(
      ['secrets', 'set', '/p/client-secret', '--region', 'us-east-1', '--json'],
      env(),
      '/p/client-secret=value\n',
    );
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      { region: 'us-east-1', written: ['/p/client-secret'], left: [], made: {} },
    ]);
  });

  test.each([
    ['a line without a name', [], '/p/client-secret=one\nthe-secret-alone\n', /^Each line must have the form/],
    [
      'a name that is not configured',
      [],
      '/p/client-secret=one\n/p/other=the-secret-alone',
      /^The configuration names no such/,
    ],
    [
      'an argument that is not configured',
      ['/p/other'],
      '',
      /^The configuration names no such parameter\. It names: \/p/,
    ],
  ])('%s is a mistake, and nothing is written or shown', async (_, args, lines, message) => {
    const { code, stdout, stderr } = await run(['secrets', 'set', ...args], env(), lines);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)]);
    expect(aws.written).toEqual([]);
    expectNoSecrets([stderr], ['the-secret-alone']);
  });

  test('a value that AWS refuses and repeats is not shown', async () => {
    aws.refuseWith = { type: 'ValidationException', message: "Value 'the-secret-alone' failed to satisfy constraint" };
    const { code, stderr } = await run(['secrets', 'set'], env(), '/p/client-secret=the-secret-alone');
    expect([code, stderr]).toEqual([1, "ValidationException: Value '[redacted]' failed to satisfy constraint.\n"]);
  });
});

test('list tells which are there and which are missing, and no values', async () => {
  aws.parameters.set('/p/client-secret', 'the client secret');
  const listed = await run(['secrets', 'list'], env());
  expect(listed.code).toBe(1);
  expect(listed.stdout).toMatch(
    /\n\/p\/client-secret +environments\.production\.clientSecret +2026-01-01 10:00:00 UTC, version 1 +SecureString\n/,
  );
  expect(listed.stdout).toMatch(
    /\n\/p\/webhook-secret +webhook\.secrets\[0\] +missing\n\nWrite what is missing by `npm run notifier -- secrets set`\.\n$/,
  );

  aws.parameters.set('/p/webhook-secret', 'the webhook secret');
  const { code, stdout } = await run(['secrets', 'list', '--json'], env());
  expect([code, JSON.parse(stdout).parameters]).toEqual([
    0,
    [expect.objectContaining({ version: 1 }), expect.anything()],
  ]);
  expectNoSecrets([listed.stdout, stdout], ['the client secret', 'the webhook secret']);
});

describe('where there is nothing to be written', () => {
  test('a configuration without parameters', async () => {
    const literal = {
      ...config,
      environments: { production: { clientId: 'an-id', clientSecret: 'env:SECRET' } },
      webhook: { secrets: [] },
    };
    expect(await run(['secrets', 'set'], env(literal))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The configuration names no parameters: there is no ssm:\/name in it/),
    });
  });

  test('a running npm start', async () => {
    await using folder = await temporaryFolder();
    await announceRunning(folder.path, { TABLE_NAME: 'publishing-jobs' });
    expect(await run(['secrets', 'list'], { ...env(), DATA_DIR: folder.path })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^The running `npm start` takes its secrets from env: and literal values/),
    });
    expect((await run(['secrets', 'list', '--stage', 'dev'], { ...env(), DATA_DIR: folder.path })).stderr).toBe('');
  });
});
