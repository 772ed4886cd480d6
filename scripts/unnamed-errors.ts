/**
 * Leaves out of the bundles what the AWS SDK keeps for errors that nobody here names. Each client registers a class for
 * every error of its service, some two hundred for Systems Manager alone. An error that is not registered is thrown all
 * the same, as the base class of its client, with its name, message and status.
 */

import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** Errors whose class the code asks for (`instanceof`). */
const named = ['ConditionalCheckFailedException'];

/** The shape of an error, and its registration. */
const unnamed = new RegExp(
  `^export var (?!${named.join('|')})\\w+\\$ = \\[-3, n0,[^;]+;\\nn0_registry\\.registerError\\([^;]+;$`,
  'gm',
);

export const withoutUnnamedErrors: Plugin = {
  name: 'without-unnamed-errors',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk\/client-[a-z]+\/dist-es\/schemas\/schemas_0\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(unnamed, ''),
    }));
  },
};
