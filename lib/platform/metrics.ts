/** Metrics in CloudWatch's embedded metric format. */

import type { Clock } from './clock.ts';

/**
 * Every metric with its unit and its sets of dimensions. The empty set is the total, which alarms need. A metric
 * without a value is not written: CloudWatch charges for each hour in which a metric has a value.
 */
export const metricCatalogue = {
  /** Jobs that a sweep checked. */
  checked: { unit: 'Count', dimensions: [[]] },
  changed: { unit: 'Count', dimensions: [['environment']] },
  checkFailed: { unit: 'Count', dimensions: [['environment', 'reason']] },
  sent: { unit: 'Count', dimensions: [['channel', 'outcome']] },
  deliveryFailed: { unit: 'Count', dimensions: [['channel', 'reason']] },
  /** Messages that the channel may have received twice. */
  ambiguous: { unit: 'Count', dimensions: [['channel']] },
  /** Deliveries that are no longer retried. */
  dead: { unit: 'Count', dimensions: [[], ['channel']] },
  /** Invocations in which an environment was paused. */
  environmentCooldown: { unit: 'Count', dimensions: [[], ['environment']] },
  /** Invocations in which a channel failed. */
  channelFailing: { unit: 'Count', dimensions: [['channel']] },
  /** Jobs found by discovery. */
  discovered: { unit: 'Count', dimensions: [['environment']] },
  /** Listed jobs that are not watched because their ids have an unknown form. */
  skipped: { unit: 'Count', dimensions: [['environment']] },
  /** Sweeps whose discovery failed. */
  discoveryFailed: { unit: 'Count', dimensions: [[], ['environment']] },
  environmentRemoved: { unit: 'Count', dimensions: [['environment']] },
  /** Entries of the work list. */
  watched: { unit: 'Count', dimensions: [[]] },
  /** How long the oldest entry of the work list has been due. */
  oldestEntry: { unit: 'Seconds', dimensions: [[]] },
  /** Entries that were due but that a sweep did not reach in time. */
  left: { unit: 'Count', dimensions: [[]] },
  /** From the end of a job, as the API reports it, until a channel accepted the message. */
  timeToNotify: { unit: 'Seconds', dimensions: [['channel']] },
} as const satisfies Record<string, { unit: 'Count' | 'Seconds'; dimensions: string[][] }>;

export type MetricName = keyof typeof metricCatalogue;

/** Collects values; `flush` writes them at the end of an invocation. `labels` holds the metric's dimensions. */
export interface Metrics {
  count(name: MetricName, labels?: Record<string, string>, by?: number): void;
  measure(name: MetricName, value: number, labels?: Record<string, string>): void;
  flush(): void;
}

type Write = (line: string) => void;

/** The most values of one metric that CloudWatch accepts in one line. */
const maxValues = 100;

/**
 * Metrics as log lines, which CloudWatch turns into metrics without a call.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function createMetrics(deps: { clock: Clock; write: Write; namespace: string }): Metrics {
  const { clock, write, namespace } = deps;
  const collected = new Map<string, { name: MetricName; labels: Record<string, string>; values: number[] }>();
  const valuesOf = (name: MetricName, labels: Record<string, string>): number[] => {
    const key = JSON.stringify([name, labels]);
    const found = collected.get(key) ?? { name, labels, values: [] };
    collected.set(key, found);
    return found.values;
  };
  return {
    count(name, labels = {}, by = 1) {
      const values = valuesOf(name, labels);
      values[0] = (values[0] ?? 0) + by;
    },
    measure(name, value, labels = {}) {
      valuesOf(name, labels).push(value);
    },
    flush() {
      for (const { name, labels, values } of collected.values()) {
        const { unit, dimensions } = metricCatalogue[name];
        const directive = { Namespace: namespace, Dimensions: dimensions, Metrics: [{ Name: name, Unit: unit }] };
        for (let from = 0; from < values.length; from += maxValues) {
          const _aws = { Timestamp: clock.now(), CloudWatchMetrics: [directive] };
          const some = values.slice(from, from + maxValues);
          write(JSON.stringify({ _aws, ...labels, [name]: some.length === 1 ? some[0] : some }));
        }
      }
      collected.clear();
    },
  };
}
