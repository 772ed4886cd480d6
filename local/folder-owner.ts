/** What a data folder belongs to. The data of a demo, or of another environment or tenant, would become false messages. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../lib/platform/errors.ts';
import { readJson, writeJson } from './data-folder.ts';
import type { StartSettings } from './start-settings.ts';

/** The mode, and for each environment a hash of its client and its API: one credential is one environment of one tenant. */
interface Owner {
  mode: StartSettings['mode'];
  environments: Record<string, string>;
}

type Env = Record<string, string | undefined>;

/**
 * Claims the folder for this start. Throws a `ConfigError` with a remedy if it belongs to another mode, environment or
 * tenant.
 */
export async function claimFolder(settings: StartSettings, env: Env): Promise<void> {
  const { mode, dataFolder } = settings;
  const file = join(dataFolder, 'belongs-to.json');
  const owner = (await readJson<Owner>(file)) ?? unmarkedOwner(dataFolder);
  const environments = mode === 'real' ? hashesOf(settings, env) : {};
  if (owner !== null) assertSame(owner, { mode, environments }, dataFolder);
  writeJson(file, { mode, environments: { ...owner?.environments, ...environments } });
}

function assertSame(owner: Owner, { mode, environments }: Owner, folder: string): void {
  const another = `set DATA_DIR to another folder, or remove ${folder}.`;
  if (owner.mode !== mode) {
    const [theirs, ours] = mode === 'real' ? ['a demo', 'the real Sitecore'] : ['the real Sitecore', 'a demo'];
    throw new ConfigError(`The data in ${folder} is of ${theirs}, and this is a start with ${ours}: ${another}`);
  }
  const known = Object.keys(owner.environments);
  const common = known.filter((name) => Object.hasOwn(environments, name));
  if (known.length > 0 && common.length === 0) {
    throw new ConfigError(
      `The data in ${folder} is of ${known.join(', ')}, which the configuration no longer has: ${another}`,
    );
  }
  const changed = common.find((name) => owner.environments[name] !== environments[name]);
  if (changed === undefined) return;
  throw new ConfigError(
    `The data in ${folder} is of another client id or API of the environment ${changed}: if both are of the same ` +
      `Sitecore environment, remove ${join(folder, 'belongs-to.json')}, else ${another}`,
  );
}

function hashesOf({ document }: StartSettings, env: Env): Record<string, string> {
  const resolved = (reference: string) =>
    reference.startsWith('env:') ? (env[reference.slice('env:'.length)] ?? '') : reference;
  return Object.fromEntries(
    Object.entries(document.environments).map(([name, { clientId, apiUrl = '' }]) => [
      name,
      createHash('sha256')
        .update(`${resolved(clientId)} ${apiUrl}`)
        .digest('hex')
        .slice(0, 16),
    ]),
  );
}

/** A folder of an earlier version has no mark; a demo left its plans there. */
function unmarkedOwner(folder: string): Owner | null {
  if (existsSync(join(folder, 'simulation.json'))) return { mode: 'demo', environments: {} };
  return existsSync(join(folder, 'table')) ? { mode: 'real', environments: {} } : null;
}
