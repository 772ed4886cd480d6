/** `publishing-job-notifier doctor`: each problem is one cross that names the cause; the checks that depend on it are dashes. */

import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { doctor } from '../../cli/doctor.ts';
import { amazonQEndpoint } from '../../lib/channels/amazon-q.ts';
import { tableDefinition } from '../../local/embedded-store.ts';
import { snsFault } from '../../local/embedded-topic.ts';
import { startLoopbackServer } from '../../local/loopback-server.ts';
import { problemFault } from '../../local/publishing-api-server.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';
import { type Deployed, stack, startDeployed } from './deployed.ts';
import { run } from './run.ts';

const nowhere = 'http://127.0.0.1:1';

let deployed: Deployed;
beforeEach(async () => {
  deployed = await startDeployed();
});
afterEach(() => deployed.close());

/** What the doctor finds. No secret is in its output. */
async function diagnose() {
  for (const name of ['TABLE_NAME', 'TOPIC_ARN', 'NOTIFIER_CONFIG', 'STAGE']) delete process.env[name];
  Object.assign(process.env, { DATA_DIR: '/nowhere', ...deployed.env() });
  const { result, redact } = await doctor({ stage: 'dev' });
  const { findings } = result.document as { findings: { name: string; verdict: string; detail: string }[] };
  const those = (verdict: string) => findings.filter((finding) => finding.verdict === verdict);
  const output = `${redact(result.text)}\n${redact(JSON.stringify(result.document))}`;
  expectNoSecrets([output], Object.values(deployed.secrets).slice(1));
  return {
    exitCode: result.exitCode,
    crosses: those('failed').map(({ name, detail }) => `${name}: ${detail}`),
    dashes: those('unknown').map(({ name }) => name),
    names: findings.map(({ name }) => name),
    text: result.text,
  };
}

const secrets = ['/production/client-id', '/production/client-secret', '/slack-webhook-url', '/webhook-secret'];
const [clientId, clientSecret, hookUrl, webhookSecret] = secrets.map((name) => `secret ssm:${name}`);
const checks = [
  ...['notifier', 'configuration', clientId, clientSecret, hookUrl, 'secret env:TOPIC_ARN', webhookSecret],
  ...['token of production', 'API of production', 'scopes of production'],
  ...['table publishing-jobs', 'table index due', 'table expiry'],
  ...['channel team (slack)', 'channel events (sns)', 'subscribers of channel events', 'webhook secret'],
];
const ofStack = ['deployed configuration', 'deployed version', 'other deployments'];
// The embedded table does not support the first call; the stack does not say what it was deployed with.
const always = ['table expiry', 'deployed configuration', 'deployed version'];

test('without a problem, every check passes, and nothing is sent', async () => {
  Object.assign(deployed.outputs, await deployed.fingerprint());
  const { exitCode, crosses, dashes, names } = await diagnose();
  expect([exitCode, crosses, dashes]).toEqual([0, [], ['table expiry']]);
  expect(names).toEqual([...checks, `webhook ${deployed.outputs['WebhookUrl']}`, ...ofStack]);
  expect([deployed.world.slack.messages, deployed.world.topic.messages]).toEqual([[], []]);
});

const remove = (parameter: string) => () => deployed.aws.parameters.delete(parameter);
const change = (parameter: string) => () => deployed.aws.parameters.set(parameter, 'another-secret');
const output = (name: string, value: string) => () => Object.assign(deployed.outputs, { [name]: value });
const environment = (values: object) => () =>
  Object.assign(deployed.config.environments['production'] as object, values);
const permissionsFault = (status: number) => () =>
  deployed.world.api.fault({ ...problemFault(status), call: 'permissions', times: 2 });

const permissions = (values: object) => () => Object.assign(deployed.world.api.permissions, values);
const configure = (values: object) => () => Object.assign(deployed.config, values);
const revokeHook = () => deployed.world.slack.answerWith({ status: 404, body: 'no_service' });

const useAmazonQ = () => Object.assign(deployed.config.channels['events'] as object, { format: 'amazon-q' });

/** Subscribes Amazon Q to the topic, as its console does. */
async function subscribeAmazonQ() {
  const { endpoint, topicArn: TopicArn } = deployed.world.topic;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new SNSClient({ endpoint, region: 'eu-west-1', credentials });
  await client.send(new SubscribeCommand({ TopicArn, Protocol: 'https', Endpoint: amazonQEndpoint }));
}

function removeList() {
  environment({ discover: true })();
  deployed.world.api.list.absent = true;
}

async function createTableWithoutIndex() {
  const { GlobalSecondaryIndexes: _, ...definition } = tableDefinition;
  const AttributeDefinitions = tableDefinition.AttributeDefinitions.slice(0, 1);
  const client = new DynamoDBClient({ endpoint: deployed.world.store.endpoint });
  await client.send(new CreateTableCommand({ ...definition, TableName: 'bare', AttributeDefinitions }));
  output('TableName', 'bare')();
}

/** A Slack app in place of the webhook. */
const useApp = (change: (slack: Deployed['world']['slack']) => unknown) => () => {
  const { slack } = deployed.world;
  const { app, room } = slack.workspace;
  deployed.aws.parameters.set('/slack-webhook-url', app.token);
  deployed.secrets['/slack-webhook-url'] = app.token;
  const team = { type: 'slack-app', token: 'ssm:/slack-webhook-url', channel: room.id, apiUrl: slack.apiUrl };
  Object.assign(deployed.config.channels, { team });
  change(slack);
};
const scope = (name: string) => useApp(({ workspace }) => workspace.app.scopes.delete(name));
const inRoom = (values: object) => useApp(({ workspace }) => Object.assign(workspace.room, values));
const noApp = (said: string): RegExp =>
  new RegExp(`^channel team \\(slack-app\\): Slack: .*${said}.+api\\.slack\\.com/apps\\?new_app=1`);

const missing = (parameter: string): RegExp =>
  new RegExp(`^secret ssm:${parameter}: missing in Systems Manager, .+ needs it\\..+ secrets set ssm:${parameter}`);
const refusedClient =
  /^token of production: the client id or secret was refused \(401\)\. Put a valid automation client/;
const refusedScopes = /^scopes of production: not allowed .+\(403\).+xmcpub\.jobs\.a:r.+not of the organization\.$/;
const noScopes =
  /^scopes of production: the credential may not read jobs\..+of the environment, not of the organization/;
const refusedToken = /^scopes of production: a fresh token was refused \(401\)/;
const noApi = /^API of production: cannot connect \(ECONNREFUSED\)/;
const noTokenEndpoint = /^token of production: cannot connect \(ECONNREFUSED\)/;
const noTable = /^table not-there: does not exist in eu-west-1\. Deploy the notifier/;
const noIndex = /^table index due: the table does not have this index\. Deploy the notifier again\.$/;
const noTopic = /^channel events \(sns\): SNS: NotFound.+ See channels\.events in the configuration\.$/;
const wrongFormat = /^subscribers of channel events: Amazon Q is subscribed .+ Set format: amazon-q/;
const noAmazonQ = /^subscribers of channel events: Amazon Q is not subscribed to this topic\. Add the topic/;
const noHook =
  /^channel team \(slack\): Slack: answered 404 no_service\. Check that the incoming webhook and its channel/;
const noSecret = /^webhook secret: webhook\.secrets is empty .+ Add a secret/;
const otherSecret = /^webhook http\S+: it refuses the secret\. .+ Deploy again/;
const noWebhook = /^webhook http\S+: cannot connect \(ECONNREFUSED\)/;
const noStack = /^notifier: The stack \S+-dev does not exist in eu-west-1\. .+`npx serverless deploy --stage dev`/;
const invalid = /^configuration: NOTIFIER_CONFIG has 2 problems:\n {2}environments: /;
const noList = /^list of production: .*404.* set discover: false\.$/;

const untested = ['API of production', 'scopes of production'];
const noCredential = ['token of production', ...untested];
const noTarget = ['secret env:TOPIC_ARN', 'table', 'channel events (sns)', 'webhook'];
const noConfiguration = ['secrets', 'environments', 'channels', 'webhook'];

const problems: [name: string, arrange: () => unknown, cross: RegExp, dashes?: string[]][] = [
  ['a missing parameter', remove('/production/client-secret'), missing('/production/client-secret'), noCredential],
  ['a wrong client secret', change('/production/client-secret'), refusedClient, untested],
  ['an organization-level client that is refused', permissionsFault(403), refusedScopes],
  ['an organization-level client without permissions', permissions({ canReadAll: false, canReadOwn: false }), noScopes],
  ['a refused token', permissionsFault(401), refusedToken],
  ['an unreachable API', environment({ apiUrl: nowhere }), noApi, ['scopes of production']],
  ['an unreachable token endpoint', environment({ tokenUrl: nowhere }), noTokenEndpoint, untested],
  ['a missing table', output('TableName', 'not-there'), noTable, ['table index due']],
  ['a table without its index', createTableWithoutIndex, noIndex],
  ['a missing topic', () => output('TopicArn', `${deployed.world.topic.topicArn}-not-there`)(), noTopic],
  ['Amazon Q, subscribed to a topic of documents', subscribeAmazonQ, wrongFormat],
  ['a topic for Amazon Q, which is not subscribed', useAmazonQ, noAmazonQ],
  ['a revoked Slack hook', revokeHook, noHook],
  ['an app without the scope to post', scope('chat:write'), noApp('missing_scope\\. Add the scope chat:write')],
  [
    'an app without the scope to look',
    scope('channels:history'),
    /^look-ups in channel team: .+missing_scope.+ scope channels:history .+ may be sent twice\.$/,
  ],
  ['an app that is no member', inRoom({ isMember: false }), noApp('not_in_channel\\. Invite the app')],
  ['an archived channel', inRoom({ isArchived: true }), noApp('is_archived\\. .+ Unarchive it')],
  [
    'a channel that does not exist',
    useApp(({ workspace }) => workspace.conversations.clear()),
    noApp('channel_not_found'),
  ],
  [
    'a revoked token',
    useApp(({ workspace }) => Object.assign(workspace.app, { isRevoked: true })),
    noApp('token_revoked'),
  ],
  ['a missing webhook secret', remove('/webhook-secret'), missing('/webhook-secret'), ['webhook secret', 'webhook']],
  ['no webhook secret in the configuration', configure({ webhook: { secrets: [] } }), noSecret, ['webhook']],
  ['a webhook with another secret', change('/webhook-secret'), otherSecret],
  ['an unreachable webhook', output('WebhookUrl', nowhere), noWebhook],
  ['no stack', () => deployed.aws.stacks.delete(stack), noStack, noTarget],
  ['an invalid configuration', configure({ environments: {}, channels: undefined }), invalid, noConfiguration],
  ['discovery without a job list', removeList, noList],
];

test.each(problems)('%s is one cross, and hides no other check', async (_, arrange, cross, expected = always) => {
  await arrange();
  const { exitCode, crosses, dashes, text } = await diagnose();
  expect(crosses).toEqual([expect.stringMatching(cross)]);
  for (const dash of expected) expect(dashes).toContainEqual(expect.stringContaining(dash));
  expect(dashes.length).toBeLessThanOrEqual(new Set([...expected, ...always]).size);
  expect([exitCode, text]).toEqual([1, expect.stringMatching(/\n1 problem found\.$/)]);
});

describe('the deployment', () => {
  const crossesWith = async (outputs: Record<string, string>) => {
    Object.assign(deployed.outputs, outputs);
    return (await diagnose()).crosses;
  };

  test('another configuration or version than that of the checkout is a cross', async () => {
    expect(await crossesWith({ ConfigHash: '01234567', Version: '0.0.1+abcdef01' })).toEqual([
      expect.stringMatching(/^deployed configuration: 01234567, not that of NOTIFIER_CONFIG, \w{8}\. Deploy again/),
      expect.stringMatching(/^deployed version: 0\.0\.1\+abcdef01, not that of this checkout, \d\S+\. Deploy again/),
    ]);
  });

  test('another stack that watches the same environment for the same channel is a cross', async () => {
    const other = await deployed.fingerprint();
    deployed.aws.stacks.set('publishing-job-notifier-prod', { ...other, TableName: 'another-table' });
    expect((await diagnose()).crosses).toEqual([
      expect.stringMatching(/^other deployments: the stack \S+-prod also watches production and notifies team: /),
    ]);
    deployed.aws.stacks.set('publishing-job-notifier-prod', {
      ...other,
      TableName: 'another-table',
      NotifiedHashes: 'none',
    });
    expect((await diagnose()).crosses).toEqual([]);
  });
});

test('a webhook that requires no secret does not get the secret', async () => {
  const received: (string | undefined)[] = [];
  const open = await startLoopbackServer((request, response) => {
    received.push(request.headers.authorization);
    response.writeHead(200).end('{}');
  });
  output('WebhookUrl', open.url)();
  const { crosses } = await diagnose();
  await open.close();
  expect(crosses).toEqual([expect.stringMatching(/it returns 200 to a request without a secret, not 401/)]);
  expect(received).toEqual([undefined]);
});

test('a topic for Amazon Q, which is subscribed, passes', async () => {
  await subscribeAmazonQ();
  useAmazonQ();
  const { crosses, text } = await diagnose();
  expect(crosses).toEqual([]);
  expect(text).toContain('✔ subscribers of channel events: receive a format that they read');
});

test('a Slack app that may do everything passes, also without the scope that shows channels', async () => {
  scope('channels:read')();
  const { crosses, text } = await diagnose();
  expect(crosses).toEqual([]);
  expect(text).toContain('✔ channel team (slack-app): accepts messages');
  expect(text).toContain('✔ look-ups in channel team: the app can look for a message whose response was lost');
});

test.each([
  ['has them', [], undefined],
  [
    'lacks them',
    ['im:history', 'im:write'],
    /^look-ups in channel team: The scope im:history and im:write is missing\. /,
  ],
])('the scopes for direct messages: the app %s', async (_, without, cross) => {
  useApp(({ workspace }) => {
    for (const name of without) workspace.app.scopes.delete(name);
  })();
  Object.assign(deployed.config.channels['team'] as object, { channel: 'starter' });
  const { crosses } = await diagnose();
  expect(crosses).toEqual(cross ? [expect.stringMatching(cross)] : []);
});

test('without the permission to list subscribers, they are a dash', async () => {
  deployed.world.topic.answerWith({ ...snsFault(403, 'AuthorizationError'), action: 'ListSubscriptionsByTopic' });
  const { crosses, dashes, text } = await diagnose();
  expect(crosses).toEqual([]);
  expect([...dashes].sort()).toEqual([...always, 'subscribers of channel events'].sort());
  expect(text).toContain('- subscribers of channel events: SNS: AuthorizationError');
});

test('several problems are several crosses', async () => {
  revokeHook();
  output('TableName', 'not-there')();
  remove('/production/client-id')();
  const { crosses, text } = await diagnose();
  expect(crosses.map((cross) => cross.split(':')[0])).toEqual([
    'secret ssm',
    'table not-there',
    'channel team (slack)',
  ]);
  expect(text).toMatch(/\n3 problems found\.$/);
});

test('a credential that reads only its own jobs is sufficient, and the check says so', async () => {
  permissions({ canReadAll: false })();
  const { crosses, text } = await diagnose();
  expect(crosses).toEqual([]);
  expect(text).toContain('✔ scopes of production: canReadOwn, canViewDetailsOfAll');
  expect(text).toContain('Only jobs created by this client can be read');
});

test('a paused environment is reported even if every check passes', async () => {
  deployed.notifier.clock.set(new Date().toISOString());
  deployed.world.api.fault({ ...problemFault(401), call: 'job', times: 2 });
  await deployed.notifier.post('job_1');
  const { crosses, dashes, text } = await diagnose();
  expect([crosses, dashes]).toEqual([[], [...always, 'environment production']]);
  expect(text).toMatch(/- environment production: paused until .+ UTC\. Reason: .+ a fresh token was refused \(401\)/);
});

test('the process prints lines or one document, and sets the exit code', async () => {
  const passing = await run(['doctor', '--stage', 'dev'], deployed.env());
  expect(passing).toMatchObject({ code: 0, stderr: '' });
  expect(passing.stdout).toMatch(
    /^✔ notifier: the stack publishing-job-notifier-dev in eu-west-1\n✔ configuration: valid/,
  );
  expect(passing.stdout).toMatch(/\n\nNo problems found\.\n$/);

  remove('/webhook-secret')();
  const failing = await run(['doctor', '--stage', 'dev', '--json'], deployed.env());
  expect(failing).toMatchObject({ code: 1, stderr: '' });
  const { ok, findings } = JSON.parse(failing.stdout);
  expect([ok, findings.length]).toEqual([false, checks.length + 1 + ofStack.length]);
  expectNoSecrets([passing.stdout, failing.stdout], Object.values(deployed.secrets));
});

test('with discovery, the job list is checked', async () => {
  environment({ discover: true })();
  const { crosses, names } = await diagnose();
  expect([crosses, names.includes('list of production')]).toEqual([[], true]);
});

test('with discovery, listed jobs that cannot be watched are a cross', async () => {
  environment({ discover: true })();
  deployed.world.setJob('folder/job', { status: 'Running' });
  const { crosses } = await diagnose();
  expect(crosses).toEqual([expect.stringMatching(/^list of production: 1 listed job is not watched: the id/)]);
});
