/** `publishing-job-notifier secrets`: the parameters that the configuration references. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createParameters } from '../../cli/parameters.ts';
import { referencesOf } from '../../cli/references.ts';
import { writeFromPrompts } from '../../cli/write-secrets.ts';
import { parseConfig } from '../../lib/config/config.ts';
import { announceRunning } from '../../local/running.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { type AwsServer, startAwsServer } from './aws-server.ts';
import { run, temporaryFolder } from './run.ts';

let aws: AwsServer;
beforeEach(async () => {
  aws = await startAwsServer();
  Object.assign(process.env, aws.env);
});
afterEach(() => aws.close());

const [clientSecret, webhookSecret] = ['/p/client-secret', '/p/webhook-secret'];
const config = {
  environments: { production: { clientId: 'an-id', clientSecret: `ssm:${clientSecret}` } },
  channels: { events: { type: 'sns', topicArn: 'env:TOPIC_ARN' } },
  webhook: { secrets: [`ssm:${webhookSecret}`] },
};
const secrets = (args: string[], input = '', env = {}) =>
  run(['secrets', ...args], { ...aws.env, NOTIFIER_CONFIG: JSON.stringify(config), ...env }, input);
const stored = () => Object.fromEntries(aws.parameters);

describe('set, at a terminal', () => {
  /** Enters these values, and confirms or denies what is asked. */
  async function enter(values: string[], confirmed?: boolean, options = {}, document: object = config) {
    const asked: string[] = [];
    const prompt = {
      secret: async (question: string) => {
        asked.push(question);
        return values.shift() ?? '';
      },
      confirm: async (question: string, byDefault: boolean) => {
        asked.push(question);
        return confirmed ?? byDefault;
      },
    };
    const referenced = referencesOf(parseConfig(document))
      .filter(({ reference }) => reference.startsWith('ssm:'))
      .map(({ reference, ...one }) => ({ ...one, name: reference.slice('ssm:'.length) }));
    return { asked, ...(await writeFromPrompts(createParameters('eu-west-1'), referenced, prompt, options)) };
  }

  test('prompts for each value with its key, and writes it encrypted', async () => {
    const values = ['the client secret', 'the webhook secret'];
    const { asked, text, document } = await enter([...values], undefined, { keyId: 'alias/mine' });
    expect(asked).toEqual([
      'environments.production.clientSecret, /p/client-secret (missing): ',
      'webhook.secrets[0], /p/webhook-secret (missing): ',
    ]);
    const encrypted = { Type: 'SecureString', Overwrite: true, KeyId: 'alias/mine' };
    expect(aws.written).toEqual([
      { Name: clientSecret, Value: values[0], ...encrypted },
      { Name: webhookSecret, Value: values[1], ...encrypted },
    ]);
    expect(text).toContain('✔ /p/client-secret: written in eu-west-1');
    expectNoSecrets([text, document], values);
  });

  test('empty input keeps a value, and generates a missing webhook secret, which is shown once', async () => {
    aws.parameters.set(clientSecret, 'the old value');
    const { text, document } = await enter([]);
    const generated = stored()[webhookSecret] ?? '';
    expect(generated).toMatch(/^[\w-]{43}$/);
    expect(stored()[clientSecret]).toBe('the old value');
    expect(document).toEqual({
      region: 'eu-west-1',
      written: [webhookSecret],
      unchanged: [clientSecret],
      generated: { [webhookSecret]: generated },
    });
    expect(text.split(generated)).toHaveLength(2);
  });

  test('empty input generates a secret that signs for a webhook channel, and no address', async () => {
    const hook = { type: 'webhook', url: 'ssm:/p/hook-url', secrets: ['ssm:/p/hook-secret', 'ssm:/p/old-secret'] };
    aws.parameters.set('/p/old-secret', 'the old value');
    await enter([], undefined, {}, { ...config, channels: { hook } });
    const { '/p/hook-secret': generated = '', '/p/old-secret': old, '/p/hook-url': url } = stored();
    expect(generated).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(generated.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect([old, url]).toEqual(['the old value', undefined]);
  });

  test('a webhook secret is not generated without confirmation', async () => {
    expect((await enter([], false)).document).toMatchObject({ written: [], generated: {} });
    expect(aws.written).toEqual([]);
    aws.parameters.set(webhookSecret, 'the old value');
    const { asked } = await enter([]);
    expect(stored()).toEqual({ [webhookSecret]: 'the old value' });
    expect(asked.slice(1)).toEqual([
      'webhook.secrets[0], /p/webhook-secret (written 2026-01-01 10:00:00 UTC): ',
      'Replace it with a generated secret?',
    ]);
    await enter([], true);
    expect(stored()[webhookSecret]).toMatch(/^[\w-]{43}$/);
  });
});

describe('set, without a terminal', () => {
  test('writes lines of the form /name=value, and leaves the other parameters unchanged', async () => {
    const ran = await secrets(['set', '--stage', 'dev'], '\r\nssm:/p/client-secret = a=secret= \r\n');
    const stdout = expect.stringMatching(
      /^✔ \/p\/client-secret: written in eu-west-1\n- \/p\/webhook-secret: unchanged\n/,
    );
    expect(ran).toEqual({ code: 0, stderr: '', stdout });
    expect(stored()).toEqual({ [clientSecret]: 'a=secret=' });
  });

  test('writes only the given parameters, to the given region', async () => {
    const args = ['set', clientSecret, '--region', 'us-east-1', '--json'];
    const { code, stdout } = await secrets(args, '/p/client-secret=value\n');
    expect(code).toBe(0);
    const expected = { region: 'us-east-1', written: [clientSecret], unchanged: [], generated: {} };
    expect(JSON.parse(stdout)).toEqual(expected);
  });

  const notReferenced = /^The configuration does not reference this parameter\. It references: \/p/;
  test.each([
    ['a line without a name', [], '/p/client-secret=one\nthe-secret-alone\n', /^Each line must have the form/],
    ['a name that is not referenced', [], '/p/client-secret=one\n/p/other=the-secret-alone', notReferenced],
    ['an argument that is not referenced', ['/p/other'], '', notReferenced],
  ])('%s is a mistake, and nothing is written or shown', async (_, args, lines, message) => {
    const { code, stdout, stderr } = await secrets(['set', ...args], lines);
    expect([code, stdout, stderr, aws.written]).toEqual([2, '', expect.stringMatching(message), []]);
    expectNoSecrets([stderr], ['the-secret-alone']);
  });

  test('an address of Slack that is no https address is refused without being shown', async () => {
    const channels = { team: { type: 'slack', webhookUrl: 'ssm:/p/hook' } };
    const env = { NOTIFIER_CONFIG: JSON.stringify({ ...config, channels }) };
    const refused = await secrets(['set'], '/p/hook=http://nope/the-secret', env);
    const stderr = 'channels.team.webhookUrl: The value must be an https address without a user name.\n';
    expect([refused, aws.written]).toEqual([{ code: 2, stdout: '', stderr }, []]);
    expect((await secrets(['set'], '/p/hook=https://hooks.slack.com/services/T/B/X', env)).code).toBe(0);
  });

  test('parameters by stage are written with --stage only', async () => {
    const env = { NOTIFIER_CONFIG: JSON.stringify({ ...config, webhook: { secrets: ['ssm:/p/{stage}/secret'] } }) };
    expect((await secrets(['set'], '', env)).stderr).toMatch(
      /^The names of the parameters hold \{stage\}: add --stage/,
    );
    expect((await secrets(['set', '--stage', 'prod'], '/p/prod/secret=value', env)).code).toBe(0);
    expect(stored()).toEqual({ '/p/prod/secret': 'value' });
  });

  test('a value that AWS rejects and repeats is not shown', async () => {
    const message = "Value 'the-secret-alone' failed to satisfy constraint";
    aws.putError = { __type: 'ValidationException', message };
    const { code, stderr } = await secrets(['set'], '/p/client-secret=the-secret-alone');
    expect([code, stderr]).toEqual([1, "ValidationException: Value '[redacted]' failed to satisfy constraint.\n"]);
  });
});

test('list shows which parameters exist and which are missing, without values', async () => {
  aws.parameters.set(clientSecret, 'the client secret');
  const incomplete = await secrets(['list']);
  expect(incomplete.code).toBe(1);
  const [, existing, missing, ...hint] = incomplete.stdout.split('\n');
  expect(existing).toMatch(
    /^\/p\/client-secret +environments\.production\.clientSecret +2026-01-01 10:00:00 UTC, version 1 +SecureString$/,
  );
  expect(missing).toMatch(/^\/p\/webhook-secret +webhook\.secrets\[0\] +missing$/);
  expect(hint).toEqual(['', 'Write the missing parameters with `npx publishing-job-notifier secrets set`.', '']);

  aws.parameters.set(webhookSecret, 'the webhook secret');
  const { code, stdout } = await secrets(['list', '--json']);
  expect([code, JSON.parse(stdout).parameters]).toMatchObject([0, [{ version: 1 }, { version: 1 }]]);
  expectNoSecrets([incomplete.stdout, stdout], ['the client secret', 'the webhook secret']);
});

test('a configuration without parameters is an error, and a running npm start is none', async () => {
  const environments = { production: { clientId: 'an-id', clientSecret: 'env:SECRET' } };
  const NOTIFIER_CONFIG = JSON.stringify({ ...config, environments, webhook: { secrets: [] } });
  const unreferenced = { code: 1, stderr: expect.stringMatching(/^The configuration references no parameters\./) };
  expect(await secrets(['set'], '', { NOTIFIER_CONFIG })).toMatchObject(unreferenced);

  await using folder = await temporaryFolder();
  await announceRunning(folder.path, { TABLE_NAME: 'publishing-jobs' });
  const env = { DATA_DIR: folder.path };
  const written = await secrets(['set'], '/p/client-secret=value\n', env);
  expect([written.code, written.stderr, stored()]).toEqual([0, '', { [clientSecret]: 'value' }]);
});
