/** What a stage is deployed with, as outputs of its stack: `doctor` compares them with the checkout and between stacks. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../lib/config/config.ts';

/** The outputs. CloudFormation accepts 1,024 bytes each. */
export interface Fingerprint {
  ConfigHash: string;
  /** The version of the package, and a hash of what is deployed beside the configuration. */
  Version: string;
  /** A hash of each watched environment: its API and the reference to its client. */
  WatchedHashes: string;
  /** A hash of each channel whose reference means the same in every stack of an account and region. */
  NotifiedHashes: string;
}

const deployedSources = ['functions/**/*.ts', 'lib/**/*.ts', 'resources/*.yml', 'serverless.yml', 'package-lock.json'];

/** Takes the fingerprint of a document, which `config` is the checked form of, and of the sources in `folder`. */
export async function takeFingerprint(document: unknown, config: Config, folder: string): Promise<Fingerprint> {
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const sources = createHash('sha256');
  for (const path of globSync(deployedSources, { cwd: folder }).sort()) {
    sources.update(path).update(await readFile(join(folder, path)));
  }
  return {
    ConfigHash: hash(JSON.stringify(document)),
    Version: `${version}+${sources.digest('hex').slice(0, 8)}`,
    WatchedHashes: listed(Object.values(watchedBy(config))),
    NotifiedHashes: listed(Object.values(notifiedBy(config))),
  };
}

/** A hash of each environment, by its name. */
export const watchedBy = ({ environments }: Config): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environments).map(([name, { apiUrl, clientId }]) => [name, hash(`${apiUrl} ${clientId}`)]),
  );

/** A hash of each channel, by its name. What `env:` names differs between stacks, so such channels are left out. */
export const notifiedBy = ({ channels }: Config): Record<string, string> =>
  Object.fromEntries(
    Object.entries(channels)
      .filter(([, channel]) => !JSON.stringify(channel).includes('"env:'))
      .map(([name, channel]) => [name, hash(JSON.stringify(Object.entries(channel).sort()))]),
  );

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

const listed = (hashes: string[]): string => hashes.slice(0, 100).join(' ') || 'none';
