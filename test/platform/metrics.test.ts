import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { createMetrics, type MetricName, metricCatalogue } from '../../lib/platform/metrics.ts';
import { createFakeClock } from '../support/clock.ts';

function start() {
  const clock = createFakeClock();
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  return { clock, lines, metrics: createMetrics({ clock, write, namespace: 'publishing-job-notifier-test' }) };
}

/** A list that is not empty. */
const list = (items: object, maxItems = 100) => ({ type: 'array', minItems: 1, maxItems, items });
const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  required,
  additionalProperties: false,
  properties,
});
/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const isEmbeddedMetric = new Ajv().compile({
  type: 'object',
  required: ['_aws'],
  properties: {
    _aws: object({
      Timestamp: { type: 'integer', minimum: 1_600_000_000_000 },
      CloudWatchMetrics: list(
        object({
          Namespace: { type: 'string', pattern: '^[A-Za-z0-9._/#:-]{1,255}$' },
          // Each set of dimensions is a metric to pay for.
          Dimensions: { const: [[]] },
          Metrics: list(object({ Name: { type: 'string', minLength: 1 }, Unit: { enum: ['Count', 'Seconds'] } })),
        }),
      ),
    }),
  },
});

interface EmbeddedMetric extends Record<string, unknown> {
  _aws: { CloudWatchMetrics: { Metrics: { Name: string; Unit: string }[] }[] };
}

function readMetrics(lines: string[]): EmbeddedMetric[] {
  return lines.map((line) => {
    const document = JSON.parse(line) as EmbeddedMetric;
    expect(isEmbeddedMetric(document), JSON.stringify(isEmbeddedMetric.errors)).toBe(true);
    // The members that the directive names are at the root.
    for (const { Metrics } of document._aws.CloudWatchMetrics)
      for (const { Name } of Metrics) expect(document[Name]).toEqual(expect.any(Number));
    return document;
  });
}

test('flush writes one line with the sum of what was counted and the last of what was measured', () => {
  const { metrics, lines, clock } = start();
  metrics.count('dead');
  metrics.count('dead');
  metrics.count('left', 40);
  metrics.measure('oldestEntry', 7_200);
  metrics.measure('oldestEntry', 7_260);
  clock.advance(5_000);
  expect(lines).toEqual([]);
  metrics.flush();
  const [line, ...more] = readMetrics(lines);
  expect(line).toMatchObject({ dead: 2, left: 40, oldestEntry: 7_260, _aws: { Timestamp: clock.now() } });
  expect(more).toEqual([]);
  expect(lines[0]).not.toContain('\n');
});

test.each(Object.entries(metricCatalogue))('writes %s with its unit, without dimensions', (name, Unit) => {
  const { metrics, lines } = start();
  metrics.count(name as MetricName);
  metrics.flush();
  const [{ _aws, ...values } = { _aws: { CloudWatchMetrics: [] } }] = readMetrics(lines);
  expect(values).toEqual({ [name]: 1 });
  expect(_aws.CloudWatchMetrics).toEqual([
    { Namespace: 'publishing-job-notifier-test', Dimensions: [[]], Metrics: [{ Name: name, Unit }] },
  ]);
});

test('flush does not write a value again, and nothing if there is none', () => {
  const { metrics, lines } = start();
  metrics.flush();
  expect(lines).toEqual([]);
  metrics.count('dead');
  metrics.flush();
  metrics.flush();
  metrics.count('dead');
  metrics.flush();
  expect(readMetrics(lines)).toMatchObject([{ dead: 1 }, { dead: 1 }]);
});
