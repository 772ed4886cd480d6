import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { type Channel, defineChannel } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { loadConfig, parseConfig, references } from '../../lib/config/config.ts';
import { ConfigError } from '../../lib/platform/errors.ts';
import { reference } from '../../lib/platform/secrets.ts';
import { parseDocument } from '../../local/notifier-document.ts';
import { notifierSchema } from '../../scripts/notifier-schema.ts';

const silent: Channel = {
  minIntervalMs: 0,
  send: async () => ({ receipt: '' }),
  verify: async () => undefined,
  render: () => ({ text: '', payload: {} }),
};

/** A document with every part. */
const example = parse(`
environments:
  production:
    clientId: ssm:/publishing-job-notifier/production/client-id
    clientSecret: ssm:/publishing-job-notifier/production/client-secret
    # apiUrl: https://edge-platform.sitecorecloud.io     defaults, to be changed only for tests
    # tokenUrl: https://auth.sitecorecloud.io/oauth/token
    # jobUrl: "https://.../{jobId}"                      link in the messages, a template; there is no known address of a job's page
channels:
  team:   { type: slack, webhookUrl: ssm:/publishing-job-notifier/slack-webhook-url }
  events: { type: sns, topicArn: env:TOPIC_ARN }
rules:                       # the first rule that matches decides. Left out: every outcome but started goes to every channel
  - when: { outcome: [failed, canceled] }
    notify: [team, events]
    mention: here            # here | channel | a Slack member or group id; only where the rule says so
  - when: { environment: production, source: [Pages], name: "Nightly*" }
    notify: [team]
  - notify: [team, events]
webhook:
  secrets: [ssm:/publishing-job-notifier/webhook-secret]
`);

const environment = { clientId: 'ssm:/id', clientSecret: 'ssm:/secret' };
const team = { type: 'slack', webhookUrl: 'ssm:/hook' };
const room = { type: 'slack-app', token: 'ssm:/token', channel: 'C012AB3CD' };
const least = { environments: { production: environment }, channels: { team } };
const withRule = (rule: object) => ({ ...least, rules: [{ notify: ['team'], ...rule }] });
const withEnvironment = (values: object) => ({ ...least, environments: { production: { ...environment, ...values } } });

function refusal(document: unknown, options: Parameters<typeof parseConfig>[1] = {}): ConfigError {
  try {
    parseConfig(document, options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the document was accepted');
}
/** The problems of a document, one a line. */
const problems = (document: unknown): string[] =>
  refusal(document)
    .message.split('\n')
    .slice(1)
    .map((line) => line.trim());

describe('a document', () => {
  test('with every part is read', () => {
    expect(parseConfig(example)).toEqual({
      environments: {
        production: {
          clientId: 'ssm:/publishing-job-notifier/production/client-id',
          clientSecret: 'ssm:/publishing-job-notifier/production/client-secret',
          apiUrl: 'https://edge-platform.sitecorecloud.io',
          tokenUrl: 'https://auth.sitecorecloud.io/oauth/token',
          discover: true,
        },
      },
      channels: {
        team: { type: 'slack', webhookUrl: 'ssm:/publishing-job-notifier/slack-webhook-url' },
        events: { type: 'sns', topicArn: 'env:TOPIC_ARN' },
      },
      rules: [
        { when: { outcome: ['failed', 'canceled'] }, notify: ['team', 'events'], mention: 'here' },
        { when: { environment: ['production'], source: ['Pages'], name: ['Nightly*'] }, notify: ['team'] },
        { notify: ['team', 'events'] },
      ],
      operators: [],
      timeLimits: [],
      people: {},
      webhookSecrets: ['ssm:/publishing-job-notifier/webhook-secret'],
      settings: {
        announceWithinHours: 24,
        retryForDays: 3,
        keepForDays: 30,
        operatorNoticeAfterMinutes: 15,
        sweepConcurrency: 20,
        pollEverySeconds: 10,
      },
    });
  });

  test('in this repository is read', () => {
    const config = parseConfig(parse(readFileSync('notifier.yml', 'utf8')));
    expect(Object.keys(config.channels)).toEqual(['team', 'events']);
  });

  test('needs only an environment and a channel', () => {
    expect(parseConfig(least)).toMatchObject({ rules: null, webhookSecrets: [], settings: { keepForDays: 30 } });
  });

  test.each<[sentence: string, document: object, expected: object]>([
    ['an empty list of rules, which is not the same as none', { ...least, rules: [] }, { rules: [] }],
    ['a rule that notifies nobody', withRule({ notify: [] }), { rules: [{ notify: [] }] }],
    ['a user group as a mention', withRule({ mention: 'S0123ABC' }), { rules: [{ mention: 'S0123ABC' }] }],
    ['a member as a mention', withRule({ mention: 'U0123ABC' }), { rules: [{ mention: 'U0123ABC' }] }],
    ['the starter of the job as a mention', withRule({ mention: 'starter' }), { rules: [{ mention: 'starter' }] }],
    [
      'who and what started the job as conditions',
      withRule({ when: { startedBy: 'Jane*', createdByType: ['User', 'Application'] } }),
      { rules: [{ when: { startedBy: ['Jane*'], createdByType: ['User', 'Application'] } }] },
    ],
    [
      'people by any name',
      { ...least, people: { 'Jane "J." Editor': 'U012AB3CD', 'ci@example.org': 'W012AB3CD' } },
      { people: { 'Jane "J." Editor': 'U012AB3CD', 'ci@example.org': 'W012AB3CD' } },
    ],
    [
      'people with several addresses',
      {
        ...least,
        people: { Jane: { slack: 'U012AB3CD', teams: 'jane@example.com' }, Sam: { teams: 's@example.com' } },
      },
      { people: { Jane: { slack: 'U012AB3CD', teams: 'jane@example.com' }, Sam: { teams: 's@example.com' } } },
    ],
    [
      'limits, each of them optional',
      {
        ...least,
        limits: [
          {
            when: { environment: 'production', source: 'Pages', name: ['Nightly*', 'Full*'] },
            queuedFor: 1,
            runningFor: 2.5,
          },
          { when: { name: 'Rebuild*' } },
          { noProgressFor: 43_200 },
        ],
      },
      {
        timeLimits: [
          {
            when: { environment: ['production'], source: ['Pages'], name: ['Nightly*', 'Full*'] },
            queuedFor: 1,
            runningFor: 2.5,
          },
          { when: { name: ['Rebuild*'] } },
          { noProgressFor: 43_200 },
        ],
      },
    ],
    [
      'rules for what takes too long',
      withRule({ when: { outcome: ['late', 'stuck'] } }),
      { rules: [{ when: { outcome: ['late', 'stuck'] } }] },
    ],
    ['http on this machine', withEnvironment({ apiUrl: 'http://127.0.0.1:4000', tokenUrl: 'http://[::1]:1/t' }), {}],
    ['http on localhost', withEnvironment({ apiUrl: 'http://localhost' }), {}],
    [
      'a link with every placeholder',
      withEnvironment({ jobUrl: 'https://example.org/{organizationId}/{tenantId}/{jobId}' }),
      {},
    ],
    ['literal values', withEnvironment({ clientId: 'abc', clientSecret: 'env', apiUrl: 'https://example.org/' }), {}],
    ['names of 1 and of 40 characters', { ...least, channels: { a: team, ['a-1'.padEnd(40, 'x')]: team } }, {}],
    [
      'settings',
      { ...least, settings: { retryForDays: 0.5 + 0.5, sweepConcurrency: 200 } },
      { settings: { retryForDays: 1 } },
    ],
  ])('may hold %s', (_, document, expected) => {
    expect(parseConfig(document)).toMatchObject(expected);
  });
});

const aType = 'slack | slack-app | sns | teams | webhook';
const anOutcome =
  'completed | completedWithWarnings | publishedNothing | failed | canceled | lostTrack | late | stuck | started';
const aName = 'a name of 1 to 40 characters out of a-z, 0-9 and -';
const aMention = 'here, channel, starter, or the id of a Slack member or group';
const anAddress = 'an https address (http only on this machine)';
const aReference = 'a value, env:NAME or ssm:/name';
const withLimit = (limit: object) => ({ ...least, limits: [{}, limit] });
const withSettings = (settings: object) => ({ ...least, settings });

/** Documents of the wrong shape, each with its problem. */
const wrong: [problem: string, document: unknown][] = [
  ['the document: expected an object; got null', null],
  ['the document: expected an object; got a string', 'environments'],
  ['environments: missing', { channels: { team } }],
  ['channels: missing', { environments: { production: environment } }],
  ['environments: expected at least one entry; got an object', { ...least, environments: {} }],
  ['channels: expected at least one entry; got an object', { ...least, channels: {} }],
  ['environments.production.clientSecret: missing', { ...least, environments: { production: { clientId: 'id' } } }],
  [`environments.Prod: expected ${aName}; got a string`, { ...least, environments: { Prod: environment } }],
  [
    `channels.<key-of-41-characters>: expected ${aName}; got a string`,
    { ...least, channels: { ['x'.repeat(41)]: team } },
  ],
  ['chanels: unknown key', { ...least, chanels: {} }],
  ['environments.production.region: unknown key', withEnvironment({ region: 'eu' })],
  ['channels.team.channel: unknown key', { ...least, channels: { team: { ...team, channel: '#all' } } }],
  ...['#general', 'general', 'U012AB3CD', 'everyone'].map((channel): [string, object] => [
    'channels.room.channel: expected the id of a Slack channel (C012AB3CD), or starter; got a string',
    { ...least, channels: { team, room: { type: 'slack-app', token: 'ssm:/token', channel } } },
  ]),
  [
    'channels.room.apiUrl: expected an https address (http only on this machine); got a string',
    { ...least, channels: { team, room: { ...room, apiUrl: 'http://slack.example.com/api' } } },
  ],
  ['rules[0].tell: unknown key', withRule({ tell: [] })],
  ['rules[0].when.status: unknown key', withRule({ when: { status: 'Failed' } })],
  ['settings.retryForHours: unknown key', withSettings({ retryForHours: 1 })],
  [`channels.team.type: expected ${aType}; got "pager"`, { ...least, channels: { team: { type: 'pager' } } }],
  [`channels.team.type: expected ${aType}; got nothing`, { ...least, channels: { team: { webhookUrl: 'x' } } }],
  [`rules[0].when.outcome: expected ${anOutcome}; got "succeeded"`, withRule({ when: { outcome: 'succeeded' } })],
  [
    `rules[0].when.outcome[1]: expected ${anOutcome}; got "Running"`,
    withRule({ when: { outcome: ['failed', 'Running'] } }),
  ],
  ['rules[0].when.outcome: expected at least one value; got a list', withRule({ when: { outcome: [] } })],
  ['rules[0].when.name: expected string; got 5', withRule({ when: { name: 5 } })],
  [
    'rules[0].when.createdByType: expected User | Application; got "Person"',
    withRule({ when: { createdByType: 'Person' } }),
  ],
  ['rules[0].notify: missing', { ...least, rules: [{ when: {} }] }],
  ['rules[0].notify: expected a list; got "team"', withRule({ notify: 'team' })],
  [`rules[0].mention: expected ${aMention}; got "everyone"`, withRule({ mention: 'everyone' })],
  [`rules[0].mention: expected ${aMention}; got "<!channel>"`, withRule({ mention: '<!channel>' })],
  ['rules: expected a list; got an object', { ...least, rules: {} }],
  ['limits: expected a list; got an object', { ...least, limits: { queuedFor: 30 } }],
  ['limits[1].waitingFor: unknown key', withLimit({ waitingFor: 30 })],
  ['limits[1].queuedFor: expected 1 or more; got 0.5', withLimit({ queuedFor: 0.5 })],
  ['limits[1].runningFor: expected 43200 or less; got 43201', withLimit({ runningFor: 43_201 })],
  ['limits[1].noProgressFor: expected number; got "20 min"', withLimit({ noProgressFor: '20 min' })],
  ['limits[1].when.outcome: unknown key', withLimit({ when: { outcome: 'failed' }, queuedFor: 30 })],
  ['people.Jane: expected the id of a Slack member; got "@jane"', { ...least, people: { Jane: '@jane' } }],
  ['people.All: expected the id of a Slack member; got "S012AB3CD"', { ...least, people: { All: 'S012AB3CD' } }],
  ['people.All.slack: expected the id of a Slack member; got "S1"', { ...least, people: { All: { slack: 'S1' } } }],
  [
    'people.Jane.teams: expected the address with which a person signs in to Teams; got "Jane"',
    { ...least, people: { Jane: { teams: 'Jane' } } },
  ],
  ['people.Jane: expected slack, teams, or both; got an object', { ...least, people: { Jane: {} } }],
  ['people.Jane.mail: unknown key', { ...least, people: { Jane: { mail: 'jane@example.com' } } }],
  ...[
    'http://example.org',
    'javascript:alert(1)',
    'http://localhost.example.org',
    'http://127.0.0.1@example.org',
  ].flatMap((url): [string, object][] =>
    ['apiUrl', 'tokenUrl', 'jobUrl'].map((member) => [
      `environments.production.${member}: expected ${anAddress}; got a string`,
      withEnvironment({ [member]: url }),
    ]),
  ),
  ...['ssm:id', 'env:', ''].map((clientId): [string, object] => [
    `environments.production.clientId: expected ${aReference}; got a string`,
    withEnvironment({ clientId }),
  ]),
  ['environments.production.clientId: expected string; got a number', withEnvironment({ clientId: 12_345 })],
  ['webhook.secrets: missing', { ...least, webhook: {} }],
  ['webhook.secrets: expected a list; got a string', { ...least, webhook: { secrets: 'hush' } }],
  ['settings.retryForDays: expected 1 or more; got 0', withSettings({ retryForDays: 0 })],
  ['settings.keepForDays: expected 3650 or less; got 36500', withSettings({ keepForDays: 36_500 })],
  ['settings.sweepConcurrency: expected a whole number; got 1.5', withSettings({ sweepConcurrency: 1.5 })],
  ['settings.keepForDays: expected number; got "30"', withSettings({ keepForDays: '30' })],
];

describe('an invalid document', () => {
  test.each(wrong)('%s', (problem, document) => {
    expect(problems(document)).toEqual([problem]);
  });

  test.each(['{jobID}', '{job', '{}'])('is refused if the link has another placeholder: %s', (placeholder) => {
    expect(problems(withEnvironment({ jobUrl: `https://example.org/${placeholder}` }))).toEqual([
      'environments.production.jobUrl: expected no placeholders but {jobId}, {organizationId}, {tenantId}; got a string',
    ]);
  });

  test.each<[sentence: string, document: object, expected: string]>([
    [
      'a channel of operators',
      { ...least, operators: ['team', 'tema'] },
      'operators[1]: expected one of team; got "tema"',
    ],
    ['a channel', withRule({ notify: ['team', 'tema'] }), 'rules[0].notify[1]: expected one of team; got "tema"'],
    [
      'an environment',
      withRule({ when: { environment: ['staging'] } }),
      'rules[0].when.environment[0]: expected one of production; got "staging"',
    ],
    [
      'an environment, in a limit,',
      { ...least, limits: [{}, { when: { environment: 'stagign' } }] },
      'limits[1].when.environment: expected one of production; got "stagign"',
    ],
  ])('is refused if a rule names %s that is not defined', (_, document, expected) => {
    expect(problems(document)).toEqual([expected]);
  });

  test('is refused if operators name a channel that writes to the person who started a job, with its other problems', () => {
    const dm = { type: 'slack-app', token: 'env:TOKEN', channel: 'starter' };
    const channels = { team, dm, room: { ...dm, channel: 'C012AB3CD' } };
    expect(problems({ ...least, channels, operators: ['dm', 'room', 'tema', 'dm'], rules: 5 })).toEqual([
      expect.stringMatching(/^rules: /),
      'operators[2]: expected one of team, dm, room; got "tema"',
      'operators[0]: expected a channel that everybody reads; got "dm", which writes to the person who started a job',
      'operators[3]: expected a channel that everybody reads; got "dm", which writes to the person who started a job',
    ]);
  });

  const mistakes = {
    environments: {
      Production: environment,
      staging: {
        clientId: 'env:',
        clientSecret: 5,
        apiUrl: 'http://example.org',
        jobUrl: 'ftp://x',
        region: 'eu',
        zone: 'a',
      },
    },
    channels: { team: { ...team, chanel: '#all', icon: 'x' }, events: { type: 'sns' }, other: { type: 'pager' } },
    rules: [
      { when: { outcome: ['faild', 'canceled'], environment: ['production'] }, notify: ['tema'], mention: 'everyone' },
      { when: { outcome: 'Running' }, notify: ['team', 'nobody'] },
    ],
    webhook: { secrets: 'hush' },
    settings: { retryForDays: 0, keepForDays: 'x' },
    people: { Jane: 'Jane' },
    extra: 1,
    more: 2,
  };
  test('lists every problem at once', () => {
    expect(problems(mistakes).map((problem) => problem.split(':')[0])).toEqual([
      'environments.Production',
      ...['clientId', 'clientSecret', 'apiUrl', 'jobUrl', 'region', 'zone'].map((key) => `environments.staging.${key}`),
      ...['team.chanel', 'team.icon', 'events.topicArn', 'other.type'].map((key) => `channels.${key}`),
      ...['rules[0].when.outcome[0]', 'rules[0].mention', 'rules[1].when.outcome', 'people.Jane', 'webhook.secrets'],
      ...['settings.retryForDays', 'settings.keepForDays', 'extra', 'more'],
      ...['rules[0].when.environment[0]', 'rules[0].notify[0]', 'rules[1].notify[1]'],
    ]);
  });

  test('says how many problems there are, and in which source', () => {
    const [summary, ...lines] = refusal(mistakes, { source: 'NOTIFIER_CONFIG' }).message.split('\n');
    expect(summary).toBe(`NOTIFIER_CONFIG has ${lines.length} problems:`);
    expect(lines.filter((line) => !/^ {2}\S+: (?:expected .+; got .+|unknown key|missing)$/.test(line))).toEqual([]);
    expect(refusal(withRule({ mention: 'all' })).message).toMatch(/^notifier\.yml has 1 problem:\n {2}rules\[0\]/);
  });

  // The schema for editors cannot express this.
  test.each([
    ['https://[nowhere', 'a valid address'],
    ['https://gateway.example.org/?target=', 'an address without ? and #'],
    ['https://gateway.example.org/#', 'an address without ? and #'],
  ])('refuses apiUrl %s', (apiUrl, expected) => {
    const { message } = refusal(withEnvironment({ apiUrl }));
    expect(message).toContain(`environments.production.apiUrl: expected ${expected}; got a string`);
  });

  // An environment or a channel must never disappear without an error.
  test.each(['constructor', 'prototype', 'hasown', 'then'])('never drops a name without an error: %s', (name) => {
    const document = {
      environments: { production: environment, [name]: environment },
      channels: { team, [name]: team },
      people: { Jane: 'U012AB3CD', [name]: 'U012AB3CD' },
    };
    let config: ReturnType<typeof parseConfig>;
    try {
      config = parseConfig(document);
    } catch (error) {
      expect((error as Error).message).toContain(name);
      return;
    }
    const { environments, channels, people } = config;
    expect([environments, channels, people].map((named) => Object.keys(named))).toEqual([
      ['production', name],
      ['team', name],
      ['Jane', name],
    ]);
  });
});

test.each([
  ['an alias', 'clientSecret: *hush-hush-0815'],
  ['a tag', 'clientSecret: !hush-hush-0815 x'],
  ['the header of a block', 'clientSecret: |hush-hush-0815\n  x'],
  ['a key twice', 'hush-hush-0815: 1\nhush-hush-0815: 2'],
  ['an open quote', "clientSecret: 'hush-hush-0815"],
])('a secret that YAML reads as %s is in no error and no warning', (_, text) => {
  const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const shown: string[] = [];
  try {
    parseDocument(text, 'notifier.yml');
  } catch (error) {
    shown.push((error as Error).message);
  }
  shown.push(...warnings.mock.calls.map(String));
  warnings.mockRestore();
  expect(shown.join()).not.toContain('hush-hush-0815');
  if (shown.length > 0) expect(shown[0]).toMatch(/^notifier\.yml cannot be read: [A-Z].{15,}\.$/);
});

describe('a secret in an invalid document', () => {
  const secret = 'hush-hush-0815';
  const hook = `https://hooks.slack.com/services/T/B/${secret}`;
  const withToken = defineChannel({ references: { token: reference }, create: () => silent });
  const types = { ...channelTypes, chat: withToken };

  test.each<[sentence: string, document: unknown]>([
    ['as a value of its own member', withEnvironment({ clientSecret: [secret] })],
    ['as a malformed reference', withEnvironment({ clientSecret: `env:${secret} ` })],
    ['under a key that is unknown', withEnvironment({ clientSecrte: secret })],
    ['as a key of an environment', withEnvironment({ [secret]: 'x' })],
    ['as a key of a channel', { ...least, channels: { team: { ...team, [secret]: 'x' } } }],
    ['as a key of the webhook', { ...least, webhook: { secrets: [], [secret]: null } }],
    ['as a key of the document', { ...least, [secret]: null }],
    ['as the name of an environment', { ...least, environments: { [`${secret}/`]: environment } }],
    [
      'as the name of a channel, which rules do not name',
      { ...least, channels: { [`${secret}=`]: team }, rules: [{ notify: ['nobody'] }] },
    ],
    ['in place of an environment', { ...least, environments: { production: secret } }],
    ['in place of all environments', { ...least, environments: secret }],
    ['in place of a channel', { ...least, channels: { team: hook } }],
    ['in place of all channels', { ...least, channels: hook }],
    ['in place of the webhook', { ...least, webhook: secret }],
    ['in place of the list of secrets', { ...least, webhook: { secrets: secret } }],
    ['in place of the document', hook],
    ['within an address', withEnvironment({ tokenUrl: `https://user:${secret}@example.org` })],
    [
      'in a member of another type of channel',
      { ...least, channels: { team: { type: 'chat', token: `env:${secret}!` } } },
    ],
  ])('is not shown: %s', (_, document) => {
    expect(refusal(document, { types }).message).not.toContain(secret);
  });

  test('is not shown if YAML read it as a number', () => {
    const document = { ...least, channels: { team: { type: 'chat', token: 47_110_815 } } };
    expect(refusal(document, { types }).message).not.toContain('47110815');
  });
});

describe('the configuration of a process', () => {
  const scope = globalThis as { BUNDLED_CONFIG?: unknown };
  afterEach(() => {
    delete scope.BUNDLED_CONFIG;
  });
  const message = (env: Record<string, string>): string => {
    try {
      loadConfig(env);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return (error as Error).message;
    }
    throw new Error('it was accepted');
  };

  test('is the bundled document', () => {
    scope.BUNDLED_CONFIG = example;
    expect(loadConfig({})).toEqual(parseConfig(example));
    expect(loadConfig({ NOTIFIER_CONFIG: '' })).toEqual(parseConfig(example));
  });

  test('is NOTIFIER_CONFIG if it is set', () => {
    scope.BUNDLED_CONFIG = example;
    expect(loadConfig({ NOTIFIER_CONFIG: JSON.stringify(least) })).toEqual(parseConfig(least));
    scope.BUNDLED_CONFIG = 'broken';
    expect(loadConfig({ NOTIFIER_CONFIG: JSON.stringify(least) })).toEqual(parseConfig(least));
  });

  test('does not fall back to the bundled document if NOTIFIER_CONFIG is invalid', () => {
    scope.BUNDLED_CONFIG = example;
    expect(message({ NOTIFIER_CONFIG: '{"environments": {"production": "hush-hush' })).toBe(
      'NOTIFIER_CONFIG is not JSON. It holds the document of notifier.yml as JSON text.',
    );
    expect(message({ NOTIFIER_CONFIG: '{}' })).toMatch(/^NOTIFIER_CONFIG has 2 problems:\n {2}environments: /);
    expect(message({ NOTIFIER_CONFIG: 'null' })).toMatch(/^NOTIFIER_CONFIG has 1 problem:/);
  });

  test('names the file if the bundled document is invalid', () => {
    scope.BUNDLED_CONFIG = {};
    expect(message({})).toMatch(/^notifier\.yml has 2 problems:/);
  });

  test('is missing if nothing was bundled or set', () => {
    expect(message({})).toMatch(/^No configuration: .*NOTIFIER_CONFIG.*notifier\.yml/);
  });
});

describe('the references of a configuration', () => {
  test('are all credentials, webhook secrets and references of channels', () => {
    const several = parseConfig({
      environments: { production: environment, staging: { clientId: 'env:ID', clientSecret: 'literal' } },
      channels: { team, events: { type: 'sns', topicArn: 'env:TOPIC_ARN' } },
      webhook: { secrets: ['ssm:/one', 'ssm:/two'] },
    });
    expect(references(several).sort()).toEqual(
      ['ssm:/id', 'ssm:/secret', 'env:ID', 'literal', 'ssm:/hook', 'env:TOPIC_ARN', 'ssm:/one', 'ssm:/two'].sort(),
    );
  });

  test('include every value of a list, and no other member of a channel', () => {
    const chat = defineChannel({
      config: { room: v.string() },
      references: { token: v.optional(reference), keys: v.array(reference) },
      create: () => silent,
    });
    const channel = { type: 'chat', room: 'ssm:/room', keys: ['ssm:/new-key', 'ssm:/old-key'] };
    const channels = { team: { ...channel, token: 'ssm:/token' }, other: channel };
    const config = parseConfig({ ...least, channels }, { types: { chat } });
    const keys = ['ssm:/new-key', 'ssm:/old-key'];
    expect(references(config, { chat })).toEqual(['ssm:/id', 'ssm:/secret', 'ssm:/token', ...keys, ...keys]);
  });
});

describe('notifier.schema.json, for editors', () => {
  const text = readFileSync('notifier.schema.json', 'utf8');
  const validate = new Ajv({ allErrors: true, strict: true, strictRequired: false }).compile(JSON.parse(text));

  test('is what `npm run schema` makes', () => {
    expect(text).toBe(notifierSchema());
  });

  test('accepts the document of this repository, the example, and the shortest one', () => {
    for (const document of [parse(readFileSync('notifier.yml', 'utf8')), example, least]) {
      expect([validate(document), validate.errors]).toEqual([true, null]);
    }
  });

  test.each(wrong)('refuses what the start refuses: %s', (_, document) => {
    expect(validate(document)).toBe(false);
  });
});
