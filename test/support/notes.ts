/** A log and metrics that record what they receive. */

import type { Log } from '../../lib/platform/log.ts';
import type { Metrics } from '../../lib/platform/metrics.ts';

export interface Note extends Record<string, unknown> {
  level: 'info' | 'warn' | 'error';
  message: string;
}

export interface Notes {
  log: Log;
  metrics: Metrics;
  lines: Note[];
  counts: { name: string; dimensions: Record<string, string> }[];
}

export function takeNotes(): Notes {
  const lines: Note[] = [];
  const counts: Notes['counts'] = [];
  const note =
    (level: Note['level']) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ ...fields, level, message });
  return {
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    metrics: {
      count: (name, dimensions = {}) => void counts.push({ name, dimensions }),
      measure: (name, _, dimensions = {}) => void counts.push({ name, dimensions }),
      flush: () => undefined,
    },
    lines,
    counts,
  };
}

/** Waits until everything is done that waits only for turns of the event loop. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
