#!/usr/bin/env node
/** The command `publishing-job-notifier`: runs the source in a checkout, and the bundle in a package. */
import { existsSync } from 'node:fs';
import module from 'node:module';

const needed = 24;
if (Number.parseInt(process.versions.node, 10) < needed) {
  process.stderr.write(`publishing-job-notifier needs Node.js ${needed} or later; this is ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  // Compiling the AWS SDK anew takes a third of a second of CPU.
  module.enableCompileCache?.();
  const source = new URL('./notifier.ts', import.meta.url);
  // Node.js strips no types in node_modules, so a package contains no source.
  await import(existsSync(source) ? source.href : new URL('../dist/cli/notifier.js', import.meta.url).href);
}
