/** The configuration: `notifier.yml`, bundled at build time, or the same document as JSON in `NOTIFIER_CONFIG`. */

import * as v from 'valibot';
import { type ChannelType, referencesIn } from '../channels/channel.ts';
import { channelTypes } from '../channels/index.ts';
import { ConfigError } from '../platform/errors.ts';
import { describeIssues, describeNames, describePersonal } from './problems.ts';
import { type CheckedDocument, documentSchema } from './schema.ts';

/** A checked configuration. Secrets in it are references (`env:NAME`, `ssm:/name`) or the values themselves. */
export interface Config extends Omit<CheckedDocument, 'rules' | 'limits' | 'webhook'> {
  /** Null: there are no rules, and every channel is notified of every outcome but `started`. */
  rules: NonNullable<CheckedDocument['rules']> | null;
  /** How long jobs may take; none: as long as they like. */
  timeLimits: CheckedDocument['limits'];
  webhookSecrets: string[];
}

export type EnvironmentConfig = Config['environments'][string];

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
  const parsed = v.safeParse(documentSchema(types), document, { abortPipeEarly: true });
  const problems = [
    ...describeIssues(parsed.issues ?? []),
    ...describeNames(document),
    ...describePersonal(document, types),
  ];
  if (parsed.success && parsed.output.settings.announceWithinHours > parsed.output.settings.keepForDays * 24) {
    // A job that is forgotten before it is old would be announced again.
    problems.push('settings.announceWithinHours: expected no longer than keepForDays; got more');
  }
  if (!parsed.success || problems.length > 0) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    throw new ConfigError([`${source} has ${count}:`, ...problems.map((problem) => `  ${problem}`)].join('\n'));
  }
  const { rules = null, limits, webhook, ...members } = parsed.output;
  return { ...members, rules, timeLimits: limits, webhookSecrets: webhook?.secrets ?? [] };
}

/** Every reference that the configuration makes, so that they can be read together. */
export function references(config: Config, types: Record<string, ChannelType> = channelTypes): string[] {
  const credentials = Object.values(config.environments).flatMap(({ clientId, clientSecret }) => [
    clientId,
    clientSecret,
  ]);
  const ofChannels = Object.values(config.channels).flatMap((channel) => referencesIn(types, channel));
  return [...credentials, ...ofChannels.map(({ reference }) => reference), ...config.webhookSecrets];
}

/** Parses the text of `NOTIFIER_CONFIG`. Throws a `ConfigError` if it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ConfigError('NOTIFIER_CONFIG is not JSON. It holds the document of notifier.yml as JSON text.');
  }
}
