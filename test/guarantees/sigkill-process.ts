/** A bundled function in a process of its own, which is killed. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundlePath } from '../support/bundle.ts';

/** What a process does. */
interface Task {
  /** The file of the bundle. */
  bundle: string;
  event: unknown;
  remainingMs: number;
  /** How far the clock of the process is ahead. */
  aheadMs: number;
}

/** When a process is killed, in milliseconds after its start or after its bundle was loaded. */
export interface Moment {
  after: 'start' | 'ready';
  ms: number;
}

/** What a process reached before its end. Milliseconds since its start; undefined: never. */
export interface Fate {
  readyMs: number | undefined;
  respondedMs: number | undefined;
}

/**
 * Loads a bundled function, calls it once and stays, as Lambda does. The process gets this function as text, because it
 * starts 100 ms sooner without TypeScript: the function cannot use anything around it.
 */
async function runInProcess({ bundle, event, remainingMs, aheadMs }: Task): Promise<void> {
  // Keeps the process alive after its response, and ends it with its parent.
  process.on('disconnect', () => process.exit());
  const now = Date.now;
  Date.now = () => now() + aheadMs;
  const { handler } = require(bundle);
  process.send?.('ready');
  const deadline = Date.now() + remainingMs;
  const getRemainingTimeInMillis = () => deadline - Date.now();
  process.send?.({ result: await handler(event, { awsRequestId: 'request-1', getRemainingTimeInMillis }) });
}

/** Calls a bundled function in a new process and kills it (SIGKILL) at a moment, or after it has responded. */
export async function callAndKill(
  { name, ...task }: Omit<Task, 'bundle'> & { name: 'webhook' | 'sweep' },
  env: Record<string, string>,
  moment?: Moment,
): Promise<Fate> {
  const startedAt = performance.now();
  const fate: Fate = { readyMs: undefined, respondedMs: undefined };
  const script = `(${runInProcess})(${JSON.stringify({ ...task, bundle: bundlePath(name) })})`;
  const child = spawn(process.execPath, ['--eval', script], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.on('data', (data) => {
    errors += data;
  });
  const kill = () => child.kill('SIGKILL');
  let timer: NodeJS.Timeout | undefined;
  if (moment?.after === 'start') timer = setTimeout(kill, moment.ms);
  child.on('message', (message) => {
    const elapsedMs = performance.now() - startedAt;
    if (message === 'ready') {
      fate.readyMs = elapsedMs;
      if (moment?.after === 'ready') timer = setTimeout(kill, moment.ms);
    } else {
      fate.respondedMs = elapsedMs;
      if (!moment) kill();
    }
  });
  const [, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`the process ended before it was killed: ${errors}`);
  return fate;
}
