/** A bundled function in a process of its own, that is killed. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundlePath } from '../support/bundle.ts';

/** What a process is to do. */
interface Task {
  /** The file of the bundle. */
  bundle: string;
  event: unknown;
  remainingMs: number;
  /** How far the clock of this process is ahead of ours. */
  aheadMs: number;
}

/** When it is killed: so many milliseconds after its start, or after its bundle was loaded. */
export interface Moment {
  after: 'start' | 'ready';
  ms: number;
}

/** How a process fared. Times in milliseconds since its start; undefined: it did not come to that. */
export interface Fate {
  readyMs: number | undefined;
  answeredMs: number | undefined;
}

/**
 * Does with a bundled function what Lambda does: loads it, calls it once, and stays. The process gets this function as
 * text, as it starts 100 ms sooner without TypeScript: nothing around it can be used in it.
 */
async function runInProcess({ bundle, event, remainingMs, aheadMs }: Task): Promise<void> {
  // Keeps the process there after its answer, and ends it with its parent.
  process.on('disconnect', () => process.exit());
  const now = Date.now;
  Date.now = () => now() + aheadMs;
  const { handler } = require(bundle);
  process.send?.('ready');
  const deadline = Date.now() + remainingMs;
  const getRemainingTimeInMillis = () => deadline - Date.now();
  process.send?.({ answer: await handler(event, { awsRequestId: 'request-1', getRemainingTimeInMillis }) });
}

/** Calls a bundled function in a new process, and kills it (SIGKILL) at a moment; without one, when it has answered. */
export async function callAndKill(
  { name, ...task }: Omit<Task, 'bundle'> & { name: 'webhook' | 'sweep' },
  env: Record<string, string>,
  moment?: Moment,
): Promise<Fate> {
  const startedAt = performance.now();
  const fate: Fate = { readyMs: undefined, answeredMs: undefined };
  const script = `(${runInProcess})(${JSON.stringify({ ...task, bundle: bundlePath(name) })})`;
  const child = spawn(process.execPath, ['--eval', script], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.on('data', (data) => {
    complaint += data;
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
      fate.answeredMs = elapsedMs;
      if (!moment) kill();
    }
  });
  const [, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`the process ended by itself: ${complaint}`);
  return fate;
}
