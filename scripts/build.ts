/** `npm run build`: checks the configuration, and bundles each function with it into one self-contained file. */

import { rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { parseConfig } from '../lib/config/config.ts';
import { ConfigError } from '../lib/platform/errors.ts';
import { readDocument } from '../local/notifier-document.ts';
import { bundling } from './bundling.ts';

const functions = ['webhook', 'event', 'sweep'];

async function readConfig(): Promise<unknown> {
  const document = await readDocument();
  parseConfig(document);
  return document;
}

async function run(): Promise<void> {
  const config = await readConfig();
  await rm('dist', { recursive: true, force: true });
  await build({
    entryPoints: Object.fromEntries(functions.map((name) => [`${name}/index`, `functions/${name}.ts`])),
    outdir: 'dist',
    ...bundling,
    define: { BUNDLED_CONFIG: JSON.stringify(config) },
    logLevel: 'warning',
  });
}

await run().catch((error: unknown) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exitCode = 1;
});
