/** How functions are bundled: ours, and those that the benchmark measures them against. */

import type { BuildOptions } from 'esbuild';
import { withoutUnnamedErrors } from './unnamed-errors.ts';

export const bundling = {
  // CommonJS: an ES module that imports node:http pays 19 ms and 10 MB at every cold start.
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  minify: true,
  legalComments: 'none',
  platform: 'node',
  target: 'node24',
  // An import() of node:http, as the SDK has one, would load undici in CommonJS too; a require does not.
  supported: { 'dynamic-import': false },
  mainFields: ['module', 'main'],
  alias: { '@aws-sdk/credential-provider-node': './scripts/lambda-credentials.ts' },
  // What only operations that stream events would import. Inside, it would make a module of its own of all it shares.
  external: ['@smithy/core/event-streams'],
  plugins: [withoutUnnamedErrors],
} satisfies BuildOptions;
