/** `npm start` as a process of its own, with only the environment variables of a test. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../local/start.ts', import.meta.url));

/** A started notifier: its output and its end. */
export interface NotifierProcess {
  stdout: () => string;
  stderr: () => string;
  /** Resolves with the first match in the standard output. Rejects if the process ends without one. */
  sees: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** Sends the signal and resolves with the exit code. */
  stop: (signal?: NodeJS.Signals) => Promise<number | null>;
  /** Resolves with the exit code. */
  exit: Promise<number | null>;
}

/** Starts the notifier on a free port, in the folder `cwd`. With `maxFileKb` the disk takes no longer files. */
export function startNotifier(env: Record<string, string>, cwd = process.cwd(), maxFileKb?: number): NotifierProcess {
  const limit = maxFileKb === undefined ? '' : `ulimit -f ${maxFileKb};`;
  const child = spawn('bash', ['--norc', '-c', `${limit} exec "$0" "$1"`, process.execPath, script], {
    cwd,
    env: { PORT: '0', NO_COLOR: '1', ...env },
  });
  const written = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (data: Buffer) => {
      written[stream] += data;
      for (const watcher of watchers) watcher();
    });
  }
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    sees: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const match = pattern.exec(written.stdout);
          if (match === null) return;
          watchers.delete(check);
          resolve(match);
        };
        watchers.add(check);
        check();
        void exit.then(() => reject(new Error(`ended without ${pattern}:\n${written.stdout}\n${written.stderr}`)));
      }),
    stop: (signal = 'SIGINT') => {
      child.kill(signal);
      return exit;
    },
    exit,
  };
}

/** The printed address of the page. */
export const addressOf = async (notifier: NotifierProcess): Promise<string> =>
  (await notifier.sees(/page +(http:\/\/localhost:\d+)/))[1] ?? '';
