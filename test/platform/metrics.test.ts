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
          Dimensions: list({ type: 'array', maxItems: 30, items: { type: 'string', minLength: 1, maxLength: 250 } }),
          Metrics: list(object({ Name: { type: 'string', minLength: 1 }, Unit: { enum: ['Count', 'Seconds'] } })),
        }),
      ),
    }),
  },
});

interface EmbeddedMetric extends Record<string, unknown> {
  _aws: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
}

function readMetrics(lines: string[]): EmbeddedMetric[] {
  return lines.map((line) => {
    const document = JSON.parse(line) as EmbeddedMetric;
    expect(isEmbeddedMetric(document), JSON.stringify(isEmbeddedMetric.errors)).toBe(true);
    for (const { Dimensions, Metrics } of document._aws.CloudWatchMetrics) {
      // The members that the directive names are at the root.
      for (const name of Dimensions.flat()) expect(document[name]).toMatch(/^[\x20-\x7e]{1,1024}$/);
      for (const { Name } of Metrics)
        for (const value of [document[Name]].flat()) expect(value).toEqual(expect.any(Number));
    }
    return document;
  });
}

test('flush writes what was counted, in valid embedded metric format', () => {
  const { metrics, lines } = start();
  metrics.count('changed', { environment: 'production' });
  metrics.count('changed', { environment: 'production' });
  metrics.count('changed', { environment: 'staging' }, 5);
  metrics.count('sent', { channel: 'team', outcome: 'failed' });
  metrics.count('checked', {}, 40);
  expect(lines).toEqual([]);
  metrics.flush();
  expect(readMetrics(lines)).toMatchObject([
    { environment: 'production', changed: 2 },
    { environment: 'staging', changed: 5 },
    { channel: 'team', outcome: 'failed', sent: 1 },
    { checked: 40 },
  ]);
  for (const line of lines) expect(line).not.toContain('\n');
});

test('writes measured values one by one, so that CloudWatch can compute percentiles', () => {
  const { metrics, lines } = start();
  metrics.measure('timeToNotify', 3.2, { channel: 'team' });
  metrics.measure('timeToNotify', 0, { channel: 'team' });
  metrics.measure('timeToNotify', 61, { channel: 'events' });
  metrics.flush();
  expect(readMetrics(lines)).toMatchObject([
    { channel: 'team', timeToNotify: [3.2, 0] },
    { channel: 'events', timeToNotify: 61 },
  ]);
});

test('splits more values than CloudWatch accepts in one line', () => {
  const { metrics, lines } = start();
  for (let value = 0; value < 201; value++) metrics.measure('timeToNotify', value, { channel: 'team' });
  metrics.flush();
  const written = readMetrics(lines).map(({ timeToNotify }) => timeToNotify);
  expect(written.map((values) => [values].flat().length)).toEqual([100, 100, 1]);
  expect(written.flat()).toEqual(Array.from({ length: 201 }, (_, value) => value));
});

test.each(Object.entries(metricCatalogue))('writes %s with its unit and its dimensions', (name, declared) => {
  const { metrics, lines } = start();
  const labels = Object.fromEntries(declared.dimensions.flat().map((dimension) => [dimension, 'some']));
  metrics.count(name as MetricName, labels);
  metrics.flush();
  expect(readMetrics(lines)).toMatchObject([
    {
      [name]: 1,
      _aws: {
        CloudWatchMetrics: [
          {
            Namespace: 'publishing-job-notifier-test',
            Dimensions: declared.dimensions,
            Metrics: [{ Name: name, Unit: declared.unit }],
          },
        ],
      },
    },
  ]);
});

test('the time of a metric is the time of the flush', () => {
  const { metrics, lines, clock } = start();
  metrics.count('checked');
  clock.advance(5_000);
  metrics.flush();
  expect(JSON.parse(lines[0] ?? '')._aws.Timestamp).toBe(clock.now());
});

test('flush does not write a value again', () => {
  const { metrics, lines } = start();
  metrics.flush();
  expect(lines).toEqual([]);
  metrics.count('checked');
  metrics.flush();
  metrics.flush();
  metrics.count('checked');
  metrics.flush();
  expect(readMetrics(lines)).toMatchObject([{ checked: 1 }, { checked: 1 }]);
});
