/** The metrics of the alarms, in CloudWatch's embedded metric format. Everything else is in the log lines. */

import type { Clock } from './clock.ts';

/**
 * Every metric with its unit. Each one has an alarm, and none has dimensions. A metric without a value is not written:
 * CloudWatch charges for each hour in which a metric has a value, so a month without trouble costs nothing.
 */
export const metricCatalogue = {
  /** Deliveries that are no longer retried. */
  dead: 'Count',
  /** Error lines of the log with an exception: the table failed, or there is a bug. */
  internalErrors: 'Count',
  /** Entries that were due but that a sweep did not reach in time. */
  left: 'Count',
  /** How long the oldest entry of the work list has been due. */
  oldestEntry: 'Seconds',
  /** Environments, discoveries and channels that do not work; environments that were paused in this invocation. */
  trouble: 'Count',
} as const satisfies Record<string, 'Count' | 'Seconds'>;

export type MetricName = keyof typeof metricCatalogue;

/** Collects values; `flush` writes them at the end of an invocation. */
export interface Metrics {
  /** Adds to a metric. */
  count(name: MetricName, by?: number): void;
  /** Sets a metric. */
  measure(name: MetricName, value: number): void;
  flush(): void;
}

/**
 * Metrics as one log line, which CloudWatch turns into metrics without a call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMetrics(deps: { clock: Clock; write: (line: string) => void; namespace: string }): Metrics {
  const { clock, write, namespace } = deps;
  const collected = new Map<MetricName, number>();
  return {
    count(name, by = 1) {
      collected.set(name, (collected.get(name) ?? 0) + by);
    },
    measure(name, value) {
      collected.set(name, value);
    },
    flush() {
      if (collected.size === 0) return;
      const Metrics = [...collected.keys()].map((name) => ({ Name: name, Unit: metricCatalogue[name] }));
      const CloudWatchMetrics = [{ Namespace: namespace, Dimensions: [[]], Metrics }];
      write(JSON.stringify({ _aws: { Timestamp: clock.now(), CloudWatchMetrics }, ...Object.fromEntries(collected) }));
      collected.clear();
    },
  };
}
