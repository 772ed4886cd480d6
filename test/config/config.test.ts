import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Channel, defineChannel } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { loadConfig, parseConfig, references } from '../../lib/config/config.ts';
import { ConfigError } from '../../lib/platform/errors.ts';
import { reference } from '../../lib/platform/secrets.ts';
import { notifierSchema } from '../../scripts/notifier-schema.ts';

const silent: Channel = {
  minIntervalMs: 0,
  send: async () => ({ receipt: '' }),
  verify: async () => undefined,
  render: () => ({ text: '', payload: {} }),
};

/** The example of the design, section 8, word for word. */
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
rules:                       # the first rule that matches decides. Left out: every outcome goes to every channel
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
  test('as in the design is read', () => {
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
      timeLimits: [],
      people: {},
      webhookSecrets: ['ssm:/publishing-job-notifier/webhook-secret'],
      settings: {
        announceWithinHours: 24,
        retryForDays: 3,
        keepForDays: 30,
        sweepConcurrency: 20,
        lookEverySeconds: 10,
      },
    });
  });

  test('of this repository is read', () => {
    const config = parseConfig(parse(readFileSync('notifier.yml', 'utf8')));
    expect(Object.keys(config.channels)).toEqual(['team', 'events']);
  });

  test('needs no more than an environment and a channel', () => {
    expect(parseConfig(least)).toMatchObject({ rules: null, webhookSecrets: [], settings: { keepForDays: 30 } });
  });

  test.each<[sentence: string, document: object, expected: object]>([
    ['an empty list of rules, which is not the same as none', { ...least, rules: [] }, { rules: [] }],
    ['a rule that tells nobody', withRule({ notify: [] }), { rules: [{ notify: [] }] }],
    ['a user group as a mention', withRule({ mention: 'S0123ABC' }), { rules: [{ mention: 'S0123ABC' }] }],
    ['a member as a mention', withRule({ mention: 'U0123ABC' }), { rules: [{ mention: 'U0123ABC' }] }],
    ['whoever started the job as a mention', withRule({ mention: 'starter' }), { rules: [{ mention: 'starter' }] }],
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
        limits: [
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
    ['a link with the job in it', withEnvironment({ jobUrl: 'https://example.org/{jobId}' }), {}],
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

/** Documents that are wrong in their shape, each with what is said of it. */
const wrong: [sentence: string, document: unknown, problem: string | RegExp][] = [
  ['nothing', null, /^the document: expected .*; got null$/],
  ['a text', 'environments', /^the document: expected .*; got a string$/],
  ['no environments', { channels: { team } }, /^environments: expected /],
  ['no channels', { environments: { production: environment } }, /^channels: expected /],
  ['an empty list of environments', { ...least, environments: {} }, /^environments: expected at least one entry/],
  ['an empty list of channels', { ...least, channels: {} }, /^channels: expected at least one entry/],
  [
    'an environment without a secret',
    { ...least, environments: { production: { clientId: 'id' } } },
    /^environments\.production\.clientSecret: expected /,
  ],
  [
    'an environment named in capitals',
    { ...least, environments: { Production: environment } },
    /^environments\.Production: expected a name of 1 to 40 characters/,
  ],
  [
    'a name that is too long',
    { ...least, channels: { ['x'.repeat(41)]: team } },
    /^channels\.x+: expected a name of 1 to 40 characters/,
  ],
  ['an unknown key', { ...least, chanels: {} }, 'chanels: unknown key'],
  [
    'an unknown key of an environment',
    withEnvironment({ region: 'eu' }),
    'environments.production.region: unknown key',
  ],
  [
    'an unknown key of a channel',
    { ...least, channels: { team: { ...team, channel: '#all' } } },
    'channels.team.channel: unknown key',
  ],
  ['an unknown key of a rule', withRule({ tell: [] }), 'rules[0].tell: unknown key'],
  ['an unknown condition', withRule({ when: { status: 'Failed' } }), 'rules[0].when.status: unknown key'],
  ['an unknown setting', { ...least, settings: { retryForHours: 1 } }, 'settings.retryForHours: unknown key'],
  [
    'an unknown type of channel',
    { ...least, channels: { team: { type: 'teams' } } },
    /^channels\.team\.type: expected .*slack.*sns.*; got "teams"$/,
  ],
  [
    'a channel without a type',
    { ...least, channels: { team: { webhookUrl: 'ssm:/hook' } } },
    /^channels\.team\.type: expected .*slack.*sns/,
  ],
  [
    'an outcome that is none',
    withRule({ when: { outcome: 'succeeded' } }),
    /^rules\[0\]\.when\.outcome: expected .*completedWithWarnings.*; got "succeeded"$/,
  ],
  [
    'an outcome in a list that is none',
    withRule({ when: { outcome: ['failed', 'Running'] } }),
    /^rules\[0\]\.when\.outcome\[1\]: expected .*completedWithWarnings.*; got "Running"$/,
  ],
  [
    'an empty condition',
    withRule({ when: { outcome: [] } }),
    /^rules\[0\]\.when\.outcome: expected at least one value/,
  ],
  ['a condition that is a number', withRule({ when: { name: 5 } }), /^rules\[0\]\.when\.name: expected .*; got 5$/],
  ['a rule that names no channels', { ...least, rules: [{ when: {} }] }, /^rules\[0\]\.notify: expected /],
  [
    'a rule that names one channel outside of a list',
    withRule({ notify: 'team' }),
    /^rules\[0\]\.notify: expected .*; got "team"$/,
  ],
  [
    'a mention of everyone',
    withRule({ mention: 'everyone' }),
    /^rules\[0\]\.mention: expected here, channel, starter, or the id .*; got "everyone"$/,
  ],
  ['limits outside of a list', { ...least, limits: { queuedFor: 30 } }, /^limits: expected /],
  ['an unknown limit', { ...least, limits: [{ waitingFor: 30 }] }, 'limits[0].waitingFor: unknown key'],
  [
    'a limit of no time',
    { ...least, limits: [{}, { queuedFor: 0.5 }] },
    /^limits\[1\]\.queuedFor: expected 1 or more; got 0\.5$/,
  ],
  [
    'a limit of too long a time',
    { ...least, limits: [{ runningFor: 43_201 }] },
    /^limits\[0\]\.runningFor: expected 43200 or less; got 43201$/,
  ],
  [
    'a limit in words',
    { ...least, limits: [{ noProgressFor: '20 min' }] },
    /^limits\[0\]\.noProgressFor: expected number; got "20 min"$/,
  ],
  [
    'a limit for an outcome',
    { ...least, limits: [{ when: { outcome: 'failed' }, queuedFor: 30 }] },
    'limits[0].when.outcome: unknown key',
  ],
  [
    'a starter of another type',
    withRule({ when: { createdByType: 'Person' } }),
    /^rules\[0\]\.when\.createdByType: expected .*User.*Application.*; got "Person"$/,
  ],
  [
    'somebody who is no member of Slack',
    { ...least, people: { 'Jane Editor': '@jane' } },
    /^people\.Jane Editor: expected the id of a Slack member; got "@jane"$/,
  ],
  [
    'somebody who is a group',
    { ...least, people: { Editors: 'S012AB3CD' } },
    /^people\.Editors: expected the id of a Slack member; got "S012AB3CD"$/,
  ],
  ['a mention that would be markup', withRule({ mention: '<!channel>' }), /^rules\[0\]\.mention: expected /],
  ['rules outside of a list', { ...least, rules: {} }, /^rules: expected /],
  [
    'http to elsewhere',
    withEnvironment({ apiUrl: 'http://example.org' }),
    /^environments\.production\.apiUrl: expected an https address/,
  ],
  [
    'http to what only looks like this machine',
    withEnvironment({ tokenUrl: 'http://localhost.example.org' }),
    /^environments\.production\.tokenUrl: expected an https address/,
  ],
  [
    'http to this machine as a user name',
    withEnvironment({ tokenUrl: 'http://127.0.0.1@example.org' }),
    /^environments\.production\.tokenUrl: expected an https address/,
  ],
  [
    'a link that is a script',
    withEnvironment({ jobUrl: 'javascript:alert(1)' }),
    /^environments\.production\.jobUrl: expected an https address/,
  ],
  [
    'a parameter without a slash',
    withEnvironment({ clientId: 'ssm:id' }),
    /^environments\.production\.clientId: expected a value, env:NAME or ssm:\/name/,
  ],
  [
    'a variable without a name',
    withEnvironment({ clientId: 'env:' }),
    /^environments\.production\.clientId: expected a value, env:NAME or ssm:\/name/,
  ],
  [
    'an empty value',
    withEnvironment({ clientId: '' }),
    /^environments\.production\.clientId: expected a value, env:NAME or ssm:\/name/,
  ],
  [
    'a value that is a number',
    withEnvironment({ clientId: 12_345 }),
    /^environments\.production\.clientId: expected string; got a number$/,
  ],
  ['a webhook without secrets', { ...least, webhook: {} }, /^webhook\.secrets: expected /],
  [
    'one secret outside of a list',
    { ...least, webhook: { secrets: 'hush' } },
    /^webhook\.secrets: expected .*; got a string$/,
  ],
  [
    'a window of no days',
    { ...least, settings: { retryForDays: 0 } },
    /^settings\.retryForDays: expected 1 or more; got 0$/,
  ],
  [
    'a window of too many days',
    { ...least, settings: { keepForDays: 36_500 } },
    /^settings\.keepForDays: expected 3650 or less; got 36500$/,
  ],
  [
    'half a worker',
    { ...least, settings: { sweepConcurrency: 1.5 } },
    /^settings\.sweepConcurrency: expected a whole number; got 1\.5$/,
  ],
  [
    'a setting that is a text',
    { ...least, settings: { keepForDays: '30' } },
    /^settings\.keepForDays: expected number; got "30"$/,
  ],
];

describe('a document that is wrong', () => {
  test.each(wrong)('with %s is refused, with the path and what was expected', (_, document, problem) => {
    const found = problems(document);
    expect(found[0]).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
    expect(found).toHaveLength(1);
  });

  test.each<[sentence: string, document: object, expected: string]>([
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
  ])('because a rule names %s that is not there is refused', (_, document, expected) => {
    expect(problems(document)).toEqual([expected]);
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
    channels: { team: { ...team, chanel: '#all', icon: 'x' }, events: { type: 'sns' }, other: { type: 'teams' } },
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
  test.each([
    'environments.Production',
    'environments.staging.clientId',
    'environments.staging.clientSecret',
    'environments.staging.apiUrl',
    'environments.staging.jobUrl',
    'environments.staging.region',
    'environments.staging.zone',
    'channels.team.chanel',
    'channels.team.icon',
    'channels.events.topicArn',
    'channels.other.type',
    'rules[0].when.outcome[0]',
    'rules[0].when.environment[0]',
    'rules[0].notify[0]',
    'rules[0].mention',
    'rules[1].when.outcome',
    'rules[1].notify[1]',
    'webhook.secrets',
    'settings.retryForDays',
    'settings.keepForDays',
    'people.Jane',
    'extra',
    'more',
  ])('in many ways says all of it at once: %s', (path) => {
    expect(problems(mistakes).map((problem) => problem.split(':')[0])).toContain(path);
  });

  test('says in one line how many mistakes there are, and where', () => {
    const [summary, ...lines] = refusal(mistakes, { source: 'NOTIFIER_CONFIG' }).message.split('\n');
    expect(summary).toBe(`NOTIFIER_CONFIG has ${lines.length} problems:`);
    expect(lines.filter((line) => !/^ {2}\S+: (?:expected .+; got .+|unknown key)$/.test(line))).toEqual([]);
    expect(refusal(withRule({ mention: 'all' })).message).toMatch(/^notifier\.yml has 1 problem:\n {2}rules\[0\]/);
  });

  // Beyond what the schema for editors can say.
  test.each([
    ['https://[nowhere', 'a valid address'],
    ['https://gateway.example.org/?target=', 'an address without ? and #'],
    ['https://gateway.example.org/#', 'an address without ? and #'],
  ])('says so of an API at %s', (apiUrl, expected) => {
    const { message } = refusal(withEnvironment({ apiUrl }));
    expect(message).toContain(`environments.production.apiUrl: expected ${expected}; got a string`);
  });

  // An environment or a channel that vanished without a word would be one that nobody hears of.
  test.each(['constructor', 'prototype', 'hasown', 'then'])('never loses a name without a word: %s', (name) => {
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

describe('a secret in a document that is wrong', () => {
  const secret = 'hush-hush-0815';
  const hook = `https://hooks.slack.com/services/T/B/${secret}`;
  const withToken = defineChannel({ references: { token: reference }, create: () => silent });
  const types = { ...channelTypes, chat: withToken };

  test.each<[sentence: string, document: unknown]>([
    ['as a value of its own member', withEnvironment({ clientSecret: [secret] })],
    ['as a malformed reference', withEnvironment({ clientSecret: `env:${secret} ` })],
    ['under a key that is unknown', withEnvironment({ clientSecrte: secret })],
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

  test('that was read as a number is not shown: in a member of another type of channel', () => {
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

  test('is what was bundled', () => {
    scope.BUNDLED_CONFIG = example;
    expect(loadConfig({})).toEqual(parseConfig(example));
    expect(loadConfig({ NOTIFIER_CONFIG: '' })).toEqual(parseConfig(example));
  });

  test('is NOTIFIER_CONFIG, whatever was bundled', () => {
    scope.BUNDLED_CONFIG = example;
    expect(loadConfig({ NOTIFIER_CONFIG: JSON.stringify(least) })).toEqual(parseConfig(least));
    scope.BUNDLED_CONFIG = 'broken';
    expect(loadConfig({ NOTIFIER_CONFIG: JSON.stringify(least) })).toEqual(parseConfig(least));
  });

  test('that is broken in NOTIFIER_CONFIG does not fall back to what was bundled, and says where it is', () => {
    scope.BUNDLED_CONFIG = example;
    expect(message({ NOTIFIER_CONFIG: '{"environments": {"production": "hush-hush' })).toBe(
      'NOTIFIER_CONFIG is not JSON. It holds the document of notifier.yml as JSON text.',
    );
    expect(message({ NOTIFIER_CONFIG: '{}' })).toMatch(/^NOTIFIER_CONFIG has 2 problems:\n {2}environments: /);
    expect(message({ NOTIFIER_CONFIG: 'null' })).toMatch(/^NOTIFIER_CONFIG has 1 problem:/);
  });

  test('that was bundled broken is named after its file', () => {
    scope.BUNDLED_CONFIG = {};
    expect(message({})).toMatch(/^notifier\.yml has 2 problems:/);
  });

  test('that is nowhere says how to give one', () => {
    expect(message({})).toMatch(/^No configuration: .*NOTIFIER_CONFIG.*notifier\.yml/);
  });
});

describe('the references of a configuration', () => {
  test('are all of its values that can be some, so that they are read together', () => {
    const several = parseConfig({
      environments: { production: environment, staging: { clientId: 'env:ID', clientSecret: 'literal' } },
      channels: { team, events: { type: 'sns', topicArn: 'env:TOPIC_ARN' } },
      webhook: { secrets: ['ssm:/one', 'ssm:/two'] },
    });
    expect(references(several).sort()).toEqual(
      ['ssm:/id', 'ssm:/secret', 'env:ID', 'literal', 'ssm:/hook', 'env:TOPIC_ARN', 'ssm:/one', 'ssm:/two'].sort(),
    );
  });

  test('hold no other member of a channel, and every value of a list', () => {
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

  test('accepts the document of this repository, the example of the design, and the least one', () => {
    for (const document of [parse(readFileSync('notifier.yml', 'utf8')), example, least]) {
      expect([validate(document), validate.errors]).toEqual([true, null]);
    }
  });

  test.each(wrong)('refuses what is refused at the start: %s', (_, document) => {
    expect(validate(document)).toBe(false);
  });
});
