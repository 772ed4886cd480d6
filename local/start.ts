/**
 * `npm start`: everything in one process, without an AWS account. With credentials in `notifier.yml` it is the real
 * thing on one box; without, a demo with simulated jobs.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../lib/platform/errors.ts';
import { diskProblem } from './data-folder.ts';
import { startStack } from './stack.ts';
import { readStartSettings } from './start-settings.ts';

const configPath = fileURLToPath(new URL('../notifier.yml', import.meta.url));

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  let isStopping = false;
  let stop: (() => Promise<void>) | undefined;
  // The terminal sends the signal to npm and to this process, and npm forwards it, so it arrives twice.
  const onSignal = async () => {
    if (isStopping) return;
    isStopping = true;
    await stop?.();
    process.exit(0);
  };
  // Before the start, because the first process of a container ignores signals that it does not handle.
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  // The embedded store throws what its database cannot write.
  process.on('uncaughtException', fail);
  stop = await startStack(await readStartSettings(process.env, configPath));
} catch (error) {
  fail(error);
}

/** A bug keeps its stack trace; anything else is one sentence. */
function fail(error: unknown): never {
  const problem = error instanceof ConfigError ? error.message : diskProblem(error);
  process.stderr.write(`${problem ?? (error instanceof Error ? error.stack : error)}\n`);
  process.exit(1);
}
