/** Writes the structured logs of the handlers to a file instead of the terminal. */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { formatWithOptions } from 'node:util';

const maxBytes = 10 * 1024 * 1024;

/** A structured line of a log. */
export type LogEntry = Record<string, unknown>;

/**
 * From now on whatever is logged through `console` goes to the file at `path` (of 10 MB at most, the one before it is
 * kept as `.1`). `onEntry` gets each structured line, and says whether it deals with it; `onError` gets one line for
 * each other error.
 */
export function logToFile(
  path: string,
  onError: (line: string) => void,
  onEntry: (entry: LogEntry) => boolean = () => false,
): void {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;

  const write = (line: string) => {
    try {
      if (bytes > maxBytes) {
        renameSync(path, `${path}.1`);
        bytes = 0;
      }
      // Synchronous, because the last lines before a crash are the ones that matter.
      appendFileSync(path, `${line}\n`);
      bytes += Buffer.byteLength(line) + 1;
    } catch (error) {
      // A full disk must not fail the caller.
      onError(`Cannot write to ${path} (${(error as NodeJS.ErrnoException).code})`);
    }
  };

  const log =
    (isError: boolean) =>
    (...values: unknown[]) => {
      const line = formatWithOptions({ colors: false }, ...values);
      write(line);
      const entry = parseEntry(line);
      if (entry !== null && onEntry(entry)) return;
      const error = errorIn(line, entry, isError);
      if (error !== null) onError(error);
    };
  for (const method of ['debug', 'log', 'info', 'warn'] as const) console[method] = log(false);
  console.error = log(true);
}

/** The error in a log line, short enough for a terminal; null if there is none. */
function errorIn(line: string, entry: LogEntry | null, isError: boolean): string | null {
  if (entry === null) return isError ? line : null;
  if (String(entry['level']).toLowerCase() !== 'error') return null;
  const { message, environment, jobId, channel, error = entry['reason'] } = entry;
  const about = [environment, jobId, channel].filter((value) => typeof value === 'string').join(' ');
  const reason = typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error;
  return [message, about && `(${about})`, reason].filter(Boolean).join(' ');
}

function parseEntry(line: string): LogEntry | null {
  try {
    const entry = JSON.parse(line);
    return typeof entry === 'object' ? entry : null;
  } catch {
    return null;
  }
}
