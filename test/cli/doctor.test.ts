/** `notifier doctor`: each trouble is one cross, which names the cause; what follows from it is a dash. */

import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { doctor } from '../../cli/doctor.ts';
import { tableDefinition } from '../../local/embedded-store.ts';
import { startLoopbackServer } from '../../local/loopback-server.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { type Deployed, stack, startDeployed } from './deployed.ts';
import { run } from './run.ts';

const nobody = 'http://127.0.0.1:1';

let deployed: Deployed;
beforeEach(async () => {
  deployed = await startDeployed();
});
afterEach(() => deployed.close());

interface Seen {
  exitCode: number | undefined;
  crosses: string[];
  dashes: string[];
  all: string[];
  text: string;
}

/** What the doctor sees of the stack. */
async function see(env: Record<string, string> = {}, options = { stage: 'dev' }): Promise<Seen> {
  for (const name of ['TABLE_NAME', 'TOPIC_ARN', 'NOTIFIER_CONFIG']) delete process.env[name];
  Object.assign(process.env, { DATA_DIR: '/nowhere', ...deployed.env(), ...env });
  const { answer, redact } = await doctor(options);
  const { findings } = answer.document as { findings: { what: string; verdict: string; said: string }[] };
  const those = (verdict: string) => findings.filter((one) => one.verdict === verdict);
  const whole = `${redact(answer.text)}\n${redact(JSON.stringify(answer.document))}`;
  expectNoSecrets([whole], Object.values(deployed.secrets).slice(1));
  return {
    exitCode: answer.exitCode,
    crosses: those('no').map(({ what, said }) => `${what}: ${said}`),
    dashes: those('unknown').map(({ what }) => what),
    all: findings.map(({ what }) => what),
    text: answer.text,
  };
}

/** The stack's configuration, changed. */
const configured = (change: (config: Deployed['config']) => unknown): Record<string, string> => {
  const config = structuredClone(deployed.config);
  change(config);
  return { NOTIFIER_CONFIG: JSON.stringify(config) };
};

const findings = [
  'notifier',
  'configuration',
  'secret ssm:/production/client-id',
  'secret ssm:/production/client-secret',
  'secret ssm:/slack-webhook-url',
  'secret env:TOPIC_ARN',
  'secret ssm:/webhook-secret',
  'token of production',
  'API of production',
  'scopes of production',
  'table publishing-jobs',
  'its index due',
  'its expiry',
  'channel team (slack)',
  'channel events (sns)',
  'webhook secret',
];
// The embedded table cannot tell.
const always = ['its expiry'];

test('a notifier that is well has ticks from top to bottom, and nothing is sent', async () => {
  const { exitCode, crosses, dashes, all } = await see();
  expect([exitCode, crosses, dashes]).toEqual([0, [], always]);
  expect(all).toEqual([...findings, `webhook ${deployed.outputs['WebhookUrl']}`]);
  expect(deployed.world.slack.messages).toEqual([]);
  expect(deployed.world.topic.messages).toEqual([]);
});

const withoutToken = ['token of production', 'API of production', 'scopes of production'];
type Row = [
  name: string,
  arrange: () => Record<string, string> | undefined | Promise<undefined>,
  cross: RegExp,
  dashes: string[],
];

const causes: Row[] = [
  [
    'a missing parameter',
    () => {
      deployed.aws.parameters.delete('/production/client-secret');
    },
    /^secret ssm:\/production\/client-secret: missing in Systems Manager, .+ secrets set ssm:\/production\/client-secret/,
    withoutToken,
  ],
  [
    'a wrong client secret',
    () => {
      deployed.aws.parameters.set('/production/client-secret', 'another-secret');
    },
    /^token of production: the client id or secret was refused \(401\)\. Put a valid automation client/,
    ['API of production', 'scopes of production'],
  ],
  [
    'an organization-level client, refused',
    () => {
      deployed.world.api.fault({ ...problemFault(403), call: 'permissions' });
    },
    /^scopes of production: not allowed .+\(403\).+xmcpub\.jobs\.a:r.+not of the organization\.$/,
    [],
  ],
  [
    'an organization-level client that may do nothing',
    () => {
      Object.assign(deployed.world.api.permissions, { canReadAll: false, canReadOwn: false });
    },
    /^scopes of production: the credential may read no jobs\..+of the environment, not of the organization/,
    [],
  ],
  [
    'a token that is refused',
    () => {
      deployed.world.api.fault({ ...problemFault(401), call: 'permissions', times: 2 });
    },
    /^scopes of production: a fresh token was refused \(401\)/,
    [],
  ],
  [
    'an API that cannot be reached',
    () => configured(({ environments }) => Object.assign(environments['production'] ?? {}, { apiUrl: nobody })),
    /^API of production: cannot connect \(ECONNREFUSED\)/,
    ['scopes of production'],
  ],
  [
    'a token endpoint that cannot be reached',
    () => configured(({ environments }) => Object.assign(environments['production'] ?? {}, { tokenUrl: nobody })),
    /^token of production: cannot connect \(ECONNREFUSED\)/,
    ['API of production', 'scopes of production'],
  ],
  [
    'no table',
    () => {
      Object.assign(deployed.outputs, { TableName: 'not-there' });
    },
    /^table not-there: there is no such table in eu-west-1\. Deploy the notifier/,
    ['its index due'],
  ],
  [
    'a table without its index',
    async () => {
      const AttributeDefinitions = tableDefinition.AttributeDefinitions.slice(0, 1);
      const { GlobalSecondaryIndexes: _, ...definition } = {
        ...tableDefinition,
        TableName: 'bare',
        AttributeDefinitions,
      };
      const endpoint = deployed.world.store.endpoint;
      await new DynamoDBClient({ endpoint }).send(new CreateTableCommand(definition));
      Object.assign(deployed.outputs, { TableName: 'bare' });
    },
    /^its index due: the table has no such index\. Deploy the notifier again\.$/,
    always,
  ],
  [
    'no topic',
    () => {
      Object.assign(deployed.outputs, { TopicArn: `${deployed.world.topic.topicArn}-not-there` });
    },
    /^channel events \(sns\): SNS: NotFound.+ It is channels\.events in the configuration\.$/,
    always,
  ],
  [
    'a revoked Slack hook',
    () => {
      deployed.world.slack.answerWith({ status: 404, body: 'no_service' });
    },
    /^channel team \(slack\): Slack: answered 404 no_service\. Check that the incoming webhook and its channel still exist/,
    always,
  ],
  [
    'a missing webhook secret',
    () => {
      deployed.aws.parameters.delete('/webhook-secret');
    },
    /^secret ssm:\/webhook-secret: missing in Systems Manager, .+ webhook\.secrets\[0\] needs it/,
    ['webhook secret', 'webhook'],
  ],
  [
    'no webhook secret in the configuration',
    () => configured(({ webhook }) => Object.assign(webhook, { secrets: [] })),
    /^webhook secret: webhook\.secrets is empty .+ Name one there/,
    ['webhook'],
  ],
  [
    'a webhook that knows another secret',
    () => {
      deployed.aws.parameters.set('/webhook-secret', 'a-newer-webhook-secret');
    },
    /^webhook http\S+: it refuses the secret\. .+ deploy again/,
    always,
  ],
  [
    'a webhook that is not there',
    () => {
      Object.assign(deployed.outputs, { WebhookUrl: nobody });
    },
    /^webhook http\S+: cannot connect \(ECONNREFUSED\)/,
    always,
  ],
  [
    'no stack',
    () => {
      deployed.aws.stacks.delete(stack);
    },
    /^notifier: There is no stack publishing-job-notifier-dev in eu-west-1: deploy it by `npx serverless deploy --stage dev`/,
    ['secret env:TOPIC_ARN', 'table', 'channel events (sns)', 'webhook'],
  ],
  [
    'a configuration that is not valid',
    () => ({ NOTIFIER_CONFIG: '{"environments": {}}' }),
    /^configuration: NOTIFIER_CONFIG has 2 problems:\n {2}environments: /,
    ['secrets', 'environments', 'channels', 'webhook'],
  ],
];

describe('one cross, and no tick less, for', () => {
  test.each(causes)('%s', async (_, arrange, cross, dashes) => {
    const { exitCode, crosses, dashes: seen, text } = await see((await arrange()) ?? {});
    expect(crosses).toEqual([expect.stringMatching(cross)]);
    for (const dash of dashes) expect(seen).toContainEqual(expect.stringContaining(dash));
    expect(seen.length).toBeLessThanOrEqual(new Set([...dashes, ...always]).size);
    expect([exitCode, text.endsWith('One thing has to be mended.')]).toEqual([1, true]);
  });
});

test('a place that asks for no credential never gets the secret', async () => {
  const asked: (string | undefined)[] = [];
  const open = await startLoopbackServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(200).end('{}');
  });
  Object.assign(deployed.outputs, { WebhookUrl: open.url });
  const { crosses } = await see();
  await open.close();
  expect(crosses).toEqual([expect.stringMatching(/it answers 200 to a call without a credential, and not 401/)]);
  expect(asked).toEqual([undefined]);
});

test('several troubles are several crosses', async () => {
  deployed.world.slack.answerWith({ status: 404, body: 'no_service' });
  Object.assign(deployed.outputs, { TableName: 'not-there' });
  deployed.aws.parameters.delete('/production/client-id');
  const { crosses, text } = await see();
  expect(crosses.map((cross) => cross.split(':')[0])).toEqual([
    'secret ssm',
    'table not-there',
    'channel team (slack)',
  ]);
  expect(text).toMatch(/3 things have to be mended\.$/);
});

test('a credential that reads only what it made itself is enough, and it says so', async () => {
  Object.assign(deployed.world.api.permissions, { canReadAll: false });
  const { crosses, text } = await see();
  expect(crosses).toEqual([]);
  expect(text).toContain('✔ scopes of production: canReadOwn, canViewDetailsOfAll');
  expect(text).toContain('Only jobs that this client has created can be read');
});

test('an environment that is left alone for now is told, though every check is well', async () => {
  deployed.notifier.clock.set(new Date().toISOString());
  deployed.world.api.fault({ ...problemFault(401), call: 'job', times: 2 });
  await deployed.notifier.post('job_1');
  const { crosses, dashes, text } = await see();
  expect([crosses, dashes]).toEqual([[], [...always, 'environment production']]);
  expect(text).toMatch(
    /- environment production: left alone until .+ UTC, because: .+ a fresh token was refused \(401\)/,
  );
});

test('from outside: lines for people, one document for machines, and the exit code', async () => {
  const well = await run(['doctor', '--stage', 'dev'], deployed.env());
  expect(well).toMatchObject({ code: 0, stderr: '' });
  expect(well.stdout).toMatch(
    /^✔ notifier: the stack publishing-job-notifier-dev in eu-west-1\n✔ configuration: valid/,
  );
  expect(well.stdout).toMatch(/\n\nAll is well, as far as could be told\.\n$/);

  deployed.aws.parameters.delete('/webhook-secret');
  const ill = await run(['doctor', '--stage', 'dev', '--json'], deployed.env());
  expect(ill).toMatchObject({ code: 1, stderr: '' });
  const { ok, findings: found } = JSON.parse(ill.stdout);
  expect([ok, found.length]).toEqual([false, findings.length + 1]);
  expectNoSecrets([well.stdout, ill.stdout], Object.values(deployed.secrets));
});

describe('an environment whose jobs are found by themselves', () => {
  const discovering = () =>
    configured(({ environments }) => Object.assign(environments['production'] ?? {}, { discover: true }));

  test('has a tick for the list', async () => {
    const { crosses, all } = await see(discovering());
    expect([crosses, all.includes('list of production')]).toEqual([[], true]);
  });

  test('has a cross where there is no list call', async () => {
    deployed.world.api.list.absent = true;
    const { crosses } = await see(discovering());
    expect(crosses).toEqual([expect.stringMatching(/^list of production: .*404.* set discover: false\.$/)]);
  });
});
