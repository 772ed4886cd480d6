/** The configuration: `notifier.yml`, bundled at build time, or the same document as JSON in `NOTIFIER_CONFIG`. */

import * as v from 'valibot';
import type { ChannelConfig, ChannelType } from '../channels/channel.ts';
import { channelTypes } from '../channels/index.ts';
import type { Rule, TimeLimitRule } from '../domain/decision-context.ts';
import { ConfigError } from '../platform/errors.ts';
import { describeIssues, describeNames } from './problems.ts';
import { configSchema } from './schema.ts';

/** A checked configuration. Secrets in it are references (`env:NAME`, `ssm:/name`) or the values themselves. */
export interface Config {
  environments: Record<string, EnvironmentConfig>;
  channels: Record<string, ChannelConfig>;
  /** Null: there are none, and every channel is told everything. */
  rules: Rule[] | null;
  /** How long jobs may take; none: as long as they like. */
  timeLimits: TimeLimitRule[];
  /** Ids of Slack members, by the names that jobs are started under. */
  people: Record<string, string>;
  webhookSecrets: string[];
  settings: Settings;
}

export interface EnvironmentConfig {
  clientId: string;
  clientSecret: string;
  apiUrl: string;
  tokenUrl: string;
  jobUrl?: string | undefined;
  /** Whether jobs that nobody named are looked for, and watched jobs read from the list. */
  discover: boolean;
}

export interface Settings {
  announceWithinHours: number;
  retryForDays: number;
  keepForDays: number;
  sweepConcurrency: number;
  lookEverySeconds: number;
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
  const problems = [...describeIssues(parsed.issues ?? []), ...describeNames(document)];
  if (parsed.success && parsed.output.settings.announceWithinHours > parsed.output.settings.keepForDays * 24) {
    // What is forgotten before it is old news would be news again.
    problems.push('settings.announceWithinHours: expected no longer than keepForDays; got more');
  }
  if (!parsed.success || problems.length > 0) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new ConfigError([`${source} has ${count}:`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
  const { environments, channels, rules, limits, people, webhook, settings } = parsed.output;
  return {
    environments,
    channels: channels as unknown as Config['channels'],
    rules: rules ?? null,
    timeLimits: limits,
    people,
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError('NOTIFIER_CONFIG is not JSON. It holds the document of notifier.yml as JSON text.');
  }
}
