/** What operators see: one JSON line per event, and metrics in CloudWatch's embedded metric format. */

import type { Clock } from './clock.ts';
import type { Redactor } from './redaction.ts';

type Fields = Record<string, unknown>;

/** Writes one line per call. Secrets are redacted, whichever field they are in. */
export interface Log {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** Counts, and writes what was counted at the end of an invocation. */
export interface Metrics {
  count(name: string, dimensions?: Record<string, string>, by?: number): void;
  flush(): void;
}

type Write = (line: string) => void;

/** The log of a function. */
export function createLog({ clock, redact, write }: { clock: Clock; redact: Redactor; write: Write }): Log {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}) =>
      write(redact(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, message, ...plain(fields) })));
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

/**
 * Metrics as log lines, which CloudWatch turns into metrics without a call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMetrics({ clock, write }: { clock: Clock; write: Write }): Metrics {
  const sets = new Map<string, { dimensions: Record<string, string>; counts: Record<string, number> }>();
  return {
    count(name, dimensions = {}, by = 1) {
      const key = JSON.stringify(dimensions);
      const set = sets.get(key) ?? { dimensions, counts: {} };
      set.counts[name] = (set.counts[name] ?? 0) + by;
      sets.set(key, set);
    },
    flush() {
      for (const { dimensions, counts } of sets.values()) {
        const metrics = Object.keys(counts).map((name) => ({ Name: name, Unit: 'Count' }));
        const directive = {
          Namespace: 'PublishingJobNotifier',
          Dimensions: [Object.keys(dimensions)],
          Metrics: metrics,
        };
        const _aws = { Timestamp: clock.now(), CloudWatchMetrics: [directive] };
        write(JSON.stringify({ _aws, ...dimensions, ...counts }));
      }
      sets.clear();
    },
  };
}

// Errors have no members of their own that JSON would show.
const plain = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? describe(value) : value]),
  );

const describe = (error: Error): Fields => ({ name: error.name, message: error.message, stack: error.stack });
