/** `npm pack`: bundles the commands into one file, because Node.js strips no types in node_modules. */

import { build } from 'esbuild';

await build({
  entryPoints: ['cli/notifier.ts'],
  outfile: 'dist/cli/notifier.js',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Some dependencies are CommonJS and call require.
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});
