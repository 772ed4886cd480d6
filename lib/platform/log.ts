/** The log: one JSON line per event. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from './clock.ts';
import type { Redactor } from './redaction.ts';

type Fields = Record<string, unknown>;

/** Writes one line per call. Secrets are redacted, whichever field they are in. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

type Write = (line: string) => void;

const correlation = new AsyncLocalStorage<Fields>();

/** Does some work under ids that stand in every line which is logged meanwhile. */
export const correlated = <Result>(ids: Fields, work: () => Result): Result => correlation.run(ids, work);

/** The log of a function. */
export function createLog({ clock, redact, write }: { clock: Clock; redact: Redactor; write: Write }): Log {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}) => {
      const time = new Date(clock.now()).toISOString();
      write(redact(JSON.stringify({ time, level, message, ...plain(fields), ...correlation.getStore() })));
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

// Errors have no members of their own that JSON would show.
const plain = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  );

const describe = (error: Error): Fields => ({ name: error.name, message: error.message, stack: error.stack });
