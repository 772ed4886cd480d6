/** The options for bundling functions: ours, and those that the benchmark compares them with. */

import type { BuildOptions } from 'esbuild';
import { withoutUnusedSchemas } from './unused-schemas.ts';

export const bundling = {
  // CommonJS: an ES module that imports node:http costs 19 ms and 10 MB at every cold start.
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minify: true,
  legalComments: 'none',
  platform: 'node',
  target: 'node24',
  // The SDK's import() of node:http would load undici, also in CommonJS. A require does not.
  supported: { 'dynamic-import': false },
  mainFields: ['module', 'main'],
  alias: { '@aws-sdk/credential-provider-node': './scripts/lambda-credentials.ts' },
  // Only operations that stream events import it. Bundling it would split off every module that it shares.
  external: ['@smithy/core/event-streams'],
  plugins: [withoutUnusedSchemas],
} satisfies BuildOptions;
