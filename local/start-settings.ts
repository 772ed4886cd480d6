/** The settings of `npm start`, from `notifier.yml` and the environment, validated before anything starts. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../lib/config/config.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { parseDocument, readDocument } from './notifier-document.ts';

/** The validated document of `notifier.yml`. */
export interface ConfigDocument {
  environments: Record<string, { clientId: string; clientSecret: string; apiUrl?: string }>;
  channels: Record<string, { type: string; [member: string]: string }>;
  rules?: unknown[];
  limits?: unknown[];
  webhook?: { secrets: string[] };
  settings?: Record<string, number>;
}

/** The settings of one start. `sweepMs` is the time between two sweeps. */
export interface StartSettings {
  /** `real` if the credentials of every environment can be resolved, `demo` if none can. */
  mode: 'demo' | 'real';
  document: ConfigDocument;
  port: number;
  /** The address to listen on. A container needs 0.0.0.0. */
  host: string;
  dataFolder: string;
  sweepMs: number;
  /** The demo runs this many times faster. */
  speed: number;
}

type Env = Record<string, string | undefined>;

/** Reads the settings. `NOTIFIER_CONFIG` takes precedence over the file. Throws a `ConfigError` that names the problem. */
export async function readStartSettings(env: Env, configPath: string): Promise<StartSettings> {
  const fromEnv = env['NOTIFIER_CONFIG'];
  const source = fromEnv ? 'NOTIFIER_CONFIG' : 'notifier.yml';
  const document = fromEnv ? parseDocument(fromEnv, source) : await readDocument(configPath);
  parseConfig(document, { source });
  const mode = modeOf(document as ConfigDocument, env, source);
  return {
    mode,
    document: document as ConfigDocument,
    port: numberFrom(env, 'PORT', 3000, { min: 0, max: 65_535 }),
    host: env['HOST'] || '127.0.0.1',
    dataFolder: env['DATA_DIR'] || defaultFolder(mode),
    sweepMs: numberFrom(env, 'SWEEP_SECONDS', mode === 'demo' ? 3 : 60, { min: 0.1, max: 3600 }) * 1000,
    speed: numberFrom(env, 'SIMULATION_SPEED', 1, { min: 0.01, max: 100 }),
  };
}

/** A folder per mode, because what a demo made must never be taken for real. */
function defaultFolder(mode: StartSettings['mode']): string {
  // Real data of an earlier version stays where it is.
  const isEarlier = mode === 'real' && existsSync('.data/table') && !existsSync('.data/simulation.json');
  return isEarlier ? '.data' : join('.data', mode);
}

/** Whether the value of a reference is available without a call to AWS. */
export const isResolvable = (reference: string, env: Env): boolean =>
  reference.startsWith('env:') ? Boolean(env[reference.slice('env:'.length)]) : !reference.startsWith('ssm:');

function modeOf({ environments }: ConfigDocument, env: Env, source: string): 'demo' | 'real' {
  const credentials = Object.entries(environments).flatMap(([name, { clientId, clientSecret }]) => [
    { path: `environments.${name}.clientId`, reference: clientId },
    { path: `environments.${name}.clientSecret`, reference: clientSecret },
  ]);
  const missing = credentials.filter(({ reference }) => !isResolvable(reference, env));
  if (missing.length === 0) return 'real';
  if (missing.length === credentials.length) return 'demo';
  const named = missing.map(({ path, reference }) => `${path} (${reference})`).join(', ');
  throw new ConfigError(
    `${source} has some of the credentials that a real start needs, and lacks ${named}: ` +
      'set the environment variables that it names, or write env:NAME where it says ssm:.',
  );
}

function numberFrom(env: Env, name: string, fallback: number, { min, max }: { min: number; max: number }): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (value >= min && value <= max) return value;
  throw new ConfigError(`${name} must be a number from ${min} to ${max}, and is "${text}".`);
}
