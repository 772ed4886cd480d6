/** A log that records what it receives. */

import type { Log } from '../../lib/platform/log.ts';

export interface Note extends Record<string, unknown> {
  level: 'info' | 'warn' | 'error';
  message: string;
}

export interface Notes {
  log: Log;
  lines: Note[];
}

export function takeNotes(): Notes {
  const lines: Note[] = [];
  const note =
    (level: Note['level']) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ ...fields, level, message });
  return {
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    lines,
  };
}

/** Waits until everything is done that waits only for turns of the event loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
