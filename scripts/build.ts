/** `npm run build`: checks the configuration of a stage, and bundles each function with it into one self-contained file. */

import { globSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { type Config, parseConfig, references } from '../lib/config/config.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { notifiedBy, takeFingerprint, watchedBy } from '../local/fingerprint.ts';
import { readDocument, readStageDocument } from '../local/notifier-document.ts';
import { bundling } from './bundling.ts';

const functions = ['webhook', 'event', 'sweep'];

async function run(stage: string): Promise<void> {
  const { document, source } = await readStageDocument(stage);
  const config = parseConfig(document, { source });
  await assertNotShared(config, source);
  await rm('dist', { recursive: true, force: true });
  await build({
    entryPoints: Object.fromEntries(functions.map((name) => [`${name}/index`, `functions/${name}.ts`])),
    outdir: 'dist',
    ...bundling,
    define: { BUNDLED_CONFIG: JSON.stringify(document) },
    logLevel: 'warning',
  });
  // For scripts/build-plugin.cjs.
  const parameters = references(config).flatMap((reference) => reference.match(/^ssm:(.+)/)?.[1] ?? []);
  const outputs = await takeFingerprint(document, config, '.');
  await writeFile('dist/deployment.json', JSON.stringify({ outputs, parameters }));
}

/** Two stages that watch the same environment and notify the same channel would notify everybody twice. */
async function assertNotShared(config: Config, source: string): Promise<void> {
  for (const other of globSync('notifier{,.*}.yml').filter((name) => name !== source)) {
    const theirs = parseConfig(await readDocument(other), { source: other });
    const [environment] = shared(watchedBy(config), watchedBy(theirs));
    const [channel] = shared(notifiedBy(config), notifiedBy(theirs));
    if (environment === undefined || channel === undefined) continue;
    throw new ConfigError(
      `${source} and ${other} both watch ${environment} and notify ${channel}, so every message would come twice: ` +
        'give each stage its own credential or channel, for instance by {stage} in the names of parameters.',
    );
  }
}

const shared = (ours: Record<string, string>, theirs: Record<string, string>): string[] =>
  Object.keys(ours).filter((name) => Object.values(theirs).includes(ours[name] as string));

const { stage = process.env['STAGE'] || 'dev' } = parseArgs({ options: { stage: { type: 'string' } } }).values;
await run(stage).catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
});
