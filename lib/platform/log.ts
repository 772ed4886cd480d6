/** The log: one JSON line per entry. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import type { Redactor } from './redaction.ts';

type Fields = Record<string, unknown>;

/** Writes one line per call. Secrets are redacted in every field. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

type Write = (line: string) => void;

const correlation = new AsyncLocalStorage<Fields>();

/** Runs `work`, and adds `ids` to every line that it logs. */
export const correlated = <Result>(ids: Fields, work: () => Result): Result => correlation.run(ids, work);

/** Makes the log of a function. `onException` is called for each error line whose `error` is an exception. */
export function createLog(deps: { clock: Clock; redact: Redactor; write: Write; onException?: () => void }): Log {
  const { clock, redact, write, onException } = deps;
  const line =
    (level: keyof Log) =>
    (message: string, fields: Fields = {}) => {
      const time = new Date(clock.now()).toISOString();
      if (level === 'error' && fields['error'] instanceof Error) onException?.();
      write(redact(JSON.stringify({ time, level, message, ...plain(fields), ...correlation.getStore() })));
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

// JSON.stringify shows no member of an Error.
const plain = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  );

const describe = (error: Error): Fields => ({ name: error.name, message: error.message, stack: error.stack });
