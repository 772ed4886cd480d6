/**
 * Removes what the code never uses of the AWS SDK's schemas, and esbuild cannot: classes for errors, and lists.
 *
 * Errors: each client registers a class for every error of its service, about two hundred for Systems Manager alone. An
 * error without a class is still thrown, as the base class of its client, with its name, message and status. This is
 * worth 5 to 9 % of the CPU time of a cold start, 4 MB of memory and 94 of 412 KB of each bundle (event function, medians
 * of 60 and 80 alternating starts with and without it, November 2026). Below 5 % it is not worth its regular expression:
 * measure again with a new version of the SDK.
 *
 * Lists: esbuild keeps an unused list if a name in it is computed, since that may have effects. The name is a constant,
 * so it is written out.
 */

import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

/** Errors whose class the code uses (`instanceof`). */
const named = ['ConditionalCheckFailedException'];

/** The declaration of an error, and its registration. */
const unnamed = new RegExp(
  `^export var (?!${named.join('|')})\\w+\\$ = \\[-3, n0,[^;]+;\\nn0_registry\\.registerError\\([^;]+;$`,
  'gm',
);

/** The name of the elements of a list: `const _xN = "xmlName"`. */
const computed = /\{ \[_xN\]: /g;

export const withoutUnusedSchemas: Plugin = {
  name: 'without-unused-schemas',
  setup({ onLoad }) {
    onLoad({ filter: /@aws-sdk\/client-[a-z]+\/dist-es\/schemas\/schemas_0\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(unnamed, '').replace(computed, '{ xmlName: '),
    }));
  },
};
