/** The configuration: `notifier.yml`, bundled at build time, or the same document as JSON in `NOTIFIER_CONFIG`. */

import * as v from 'valibot';
import type { ChannelConfig, ChannelType } from './channels/channel.ts';
import { channelTypes } from './channels/index.ts';
import { ConfigError } from './errors.ts';
import { outcomes } from './job.ts';
import type { Rule } from './rules.ts';

/** A checked configuration. Secrets in it are references (`env:NAME`, `ssm:/name`) or the values themselves. */
export interface Config {
  environments: Record<string, EnvironmentConfig>;
  channels: Record<string, ChannelConfig>;
  /** Null: there are none, and every channel is told everything. */
  rules: Rule[] | null;
  webhookSecrets: string[];
  settings: Settings;
}

export interface EnvironmentConfig {
  clientId: string;
  clientSecret: string;
  apiUrl: string;
  tokenUrl: string;
  jobUrl?: string | undefined;
}

export interface Settings {
  announceWithinHours: number;
  retryForDays: number;
  keepForDays: number;
  sweepConcurrency: number;
}

/** What esbuild puts in place of `notifier.yml`; absent when the sources run unbundled. */
declare const BUNDLED_CONFIG: unknown;

/** The configuration of this process. Throws a `ConfigError` that lists every problem. */
export function loadConfig(
  env: Record<string, string | undefined>,
  types: Record<string, ChannelType> = channelTypes,
): Config {
  const text = env['NOTIFIER_CONFIG'];
  if (text) return parseConfig(parseJson(text), { source: 'NOTIFIER_CONFIG', types });
  if (typeof BUNDLED_CONFIG !== 'undefined') return parseConfig(BUNDLED_CONFIG, { types });
  throw new ConfigError('No configuration: set NOTIFIER_CONFIG, or build with `npm run build` to bundle notifier.yml.');
}

/** Checks a document. Throws a `ConfigError` that lists every bad key with its path and what was expected. */
export function parseConfig(
  document: unknown,
  { source = 'notifier.yml', types = channelTypes }: { source?: string; types?: Record<string, ChannelType> } = {},
): Config {
  const parsed = v.safeParse(configSchema(types), document, { abortPipeEarly: true });
  const problems = parsed.success ? unknownNames(parsed.output) : parsed.issues.map(describeIssue);
  if (!parsed.success || problems.length > 0) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new ConfigError([`${source} has ${count}:`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
  const { environments, channels, rules, webhook, settings } = parsed.output;
  return {
    environments,
    channels: channels as unknown as Config['channels'],
    rules: rules ?? null,
    webhookSecrets: webhook?.secrets ?? [],
    settings,
  };
}

/** Every reference that the configuration makes, so that they can be read together. */
export function references(config: Config, types: Record<string, ChannelType> = channelTypes): string[] {
  const credentials = Object.values(config.environments).flatMap(({ clientId, clientSecret }) => [
    clientId,
    clientSecret,
  ]);
  const ofChannels = Object.values(config.channels).flatMap((channel) =>
    (types[channel.type]?.references ?? []).map((member) => channel[member] ?? ''),
  );
  return [...credentials, ...ofChannels, ...config.webhookSecrets];
}

const name = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9-]{1,40}$/, 'a name of 1 to 40 characters out of a-z, 0-9 and -'),
  v.description('A name of 1 to 40 characters out of a-z, 0-9 and -'),
);
const reference = v.pipe(
  v.string(),
  v.regex(
    /^(?:env:[A-Za-z_][A-Za-z0-9_]*|ssm:\/[A-Za-z0-9_./-]+|(?!env:|ssm:)[\s\S]+)$/,
    'a value, env:NAME or ssm:/name',
  ),
  v.description('A value, env:NAME for an environment variable, or ssm:/name for an SSM parameter'),
);
const url = v.pipe(
  v.string(),
  v.regex(
    /^(?:https:\/\/[^\s/?#@]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?)(?:[/?#]\S*)?$/,
    'an https address (http only on this machine)',
  ),
  v.maxLength(2_000, 'an address of 2,000 characters or less'),
);
const oneOrMore = <Item extends v.GenericSchema<string, string>>(item: Item) =>
  v.union([
    v.pipe(
      item,
      v.transform((value) => [value]),
    ),
    v.pipe(v.array(item), v.minLength(1, 'at least one value')),
  ]);
const positive = (max: number) => v.pipe(v.number(), v.minValue(1, '1 or more'), v.maxValue(max, `${max} or less`));
const filled = <Value extends v.GenericSchema>(value: Value) =>
  v.pipe(v.record(name, value), v.minEntries(1, 'at least one entry'));

/** The schema of the document; `notifier.schema.json` is made from it. */
export const configSchema = (types: Record<string, ChannelType>) =>
  v.strictObject({
    environments: v.pipe(
      filled(
        v.strictObject({
          clientId: reference,
          clientSecret: reference,
          apiUrl: v.optional(url, 'https://edge-platform.sitecorecloud.io'),
          tokenUrl: v.optional(url, 'https://auth.sitecorecloud.io/oauth/token'),
          jobUrl: v.optional(v.pipe(url, v.description('The link in the messages, with {jobId} in it'))),
        }),
      ),
      v.description('The Sitecore environments, each with its automation client'),
    ),
    channels: v.pipe(
      filled(
        v.variant(
          'type',
          Object.entries(types).map(([type, { config, references: members }]) =>
            v.strictObject({
              type: v.literal(type),
              ...config,
              ...Object.fromEntries(members.map((member) => [member, reference])),
            }),
          ),
        ),
      ),
      v.description('Where messages go'),
    ),
    rules: v.optional(
      v.pipe(
        v.array(
          v.strictObject({
            when: v.optional(
              v.strictObject({
                outcome: v.optional(oneOrMore(v.picklist(outcomes))),
                environment: v.optional(oneOrMore(name)),
                source: v.optional(oneOrMore(v.string())),
                name: v.optional(oneOrMore(v.pipe(v.string(), v.description('A name; * stands for any characters')))),
              }),
            ),
            notify: v.pipe(v.array(name), v.description('Names of channels; none: nobody, on purpose')),
            mention: v.optional(
              v.pipe(
                v.string(),
                v.regex(
                  /^(?:here|channel|[UWS][A-Z0-9]{2,30})$/,
                  'here, channel, or the id of a Slack member or group',
                ),
              ),
            ),
          }),
        ),
        v.description('The first rule that matches decides. Left out: every outcome goes to every channel'),
      ),
    ),
    webhook: v.optional(v.strictObject({ secrets: v.array(reference) })),
    settings: v.optional(
      v.strictObject({
        announceWithinHours: v.optional(positive(8_760), 24),
        retryForDays: v.optional(positive(30), 3),
        keepForDays: v.optional(positive(3_650), 30),
        sweepConcurrency: v.optional(v.pipe(positive(200), v.integer('a whole number')), 20),
      }),
      {},
    ),
  });

type Document = v.InferOutput<ReturnType<typeof configSchema>>;

function unknownNames({ environments, channels, rules = [] }: Document): string[] {
  const check = (known: object, path: string, names: string[] = []) =>
    names.flatMap((used, index) =>
      Object.hasOwn(known, used)
        ? []
        : [`${path}[${index}]: expected one of ${Object.keys(known).join(', ')}; got ${show(used)}`],
    );
  return rules.flatMap(({ when, notify }, index) => [
    ...check(environments, `rules[${index}].when.environment`, when?.environment),
    ...check(channels, `rules[${index}].notify`, notify),
  ]);
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? [])
    .map(({ key }) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.kind === 'schema' && issue.type === 'strict_object' && issue.expected === 'never') {
    return `${path}: unknown key`;
  }
  // The message of a check says what was expected; a schema that simply does not fit names its type.
  const expected = issue.kind === 'validation' ? issue.message : expectedOf(issue);
  return `${path || 'the document'}: expected ${expected}; got ${shownAt(issue, path)}`;
}

const expectedOf = (issue: v.BaseIssue<unknown>): string =>
  issue.type === 'union' ? 'a value or a list of values' : (issue.expected ?? 'another value').replaceAll('"', '');

// A value that may be a secret is never shown, however wrong it is.
const shownAt = (issue: v.BaseIssue<unknown>, path: string): string =>
  /secret|clientId|webhookUrl|topicArn/i.test(path) ? typeName(issue.input) : show(issue.input);

const typeName = (value: unknown): string =>
  value === undefined ? 'nothing' : value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;

const show = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value).slice(0, 60)
    : typeName(value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError('NOTIFIER_CONFIG is not JSON. It holds the document of notifier.yml as JSON text.');
  }
}
