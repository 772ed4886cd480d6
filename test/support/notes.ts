/** A log and metrics that record what they receive. */

import type { Log } from '../../lib/platform/log.ts';
import type { MetricName, Metrics } from '../../lib/platform/metrics.ts';

export interface Note extends Record<string, unknown> {
  level: 'info' | 'warn' | 'error';
  message: string;
}

export interface Notes {
  log: Log;
  metrics: Metrics;
  lines: Note[];
  /** The metrics that were counted. */
  counts: MetricName[];
}

export function takeNotes(): Notes {
  const lines: Note[] = [];
  const counts: MetricName[] = [];
  const note =
    (level: Note['level']) =>
    (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ ...fields, level, message });
  return {
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    metrics: {
      count: (name) => void counts.push(name),
      measure: (name) => void counts.push(name),
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
