/** The built functions in `dist/`, loaded as Lambda does: once per deployment, with its environment variables. */

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Context } from 'aws-lambda';

export type BundledHandler = (event: unknown, context: Context) => Promise<never>;

/** The file of a bundled function. */
export const bundlePath = (name: 'webhook' | 'event' | 'sweep'): string =>
  fileURLToPath(new URL(`../../dist/${name}/index.cjs`, import.meta.url));

/** Loads a bundle again, as a new process does. */
export function loadBundle(name: 'webhook' | 'event' | 'sweep', env: Record<string, string>): BundledHandler {
  Object.assign(process.env, env);
  const require = createRequire(import.meta.url);
  delete require.cache[bundlePath(name)];
  return require(bundlePath(name)).handler;
}
