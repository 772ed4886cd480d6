/** Loaded before the TypeScript files: an older Node cannot load them, and would only name a file extension. */
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write(
    `Node 24 is needed, and this is ${process.version}. On Linux, \`npm ci\` installs it. Otherwise get it from https://nodejs.org.\n`,
  );
  process.exit(1);
}
