import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { correlated, createLog } from '../../lib/platform/log.ts';
import { createMetrics, type MetricName, metricCatalogue } from '../../lib/platform/metrics.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createFakeClock } from '../support/clock.ts';
import { expectNoSecrets } from '../support/no-secrets.ts';

const secret = 'p&ss "w/rd"=';

function start(secrets: string[] = [secret]) {
  const clock = createFakeClock();
  const redact = createRedactor();
  for (const one of secrets) redact.learn(one);
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLog({ clock, redact, write });
  return {
    clock,
    redact,
    log,
    metrics: createMetrics({ clock, write, namespace: 'publishing-job-notifier-test' }),
    lines,
  };
}

test('each call is one line of JSON, with its time, level and fields', () => {
  const { log, lines } = start();
  log.info('job changed', { jobId: 'job_1', previousStatus: null, channels: ['team'] });
  log.warn('two\nlines');
  log.error('failed', { reason: undefined });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: '2026-01-01T10:10:00.000Z',
      level: 'info',
      message: 'job changed',
      jobId: 'job_1',
      previousStatus: null,
      channels: ['team'],
    },
    { time: '2026-01-01T10:10:00.000Z', level: 'warn', message: 'two\nlines' },
    { time: '2026-01-01T10:10:00.000Z', level: 'error', message: 'failed' },
  ]);
  for (const line of lines) expect(line).not.toContain('\n');
});

test('an error is logged by name, message and stack', () => {
  const { log, lines } = start();
  log.error('failed', { error: new RangeError('out of range') });
  const { error } = JSON.parse(lines[0] ?? '');
  expect(error).toMatchObject({ name: 'RangeError', message: 'out of range' });
  expect(error.stack).toContain('log.test.ts');
});

test.each<[string, unknown]>([
  ['as it is', secret],
  ['within a text', `Bearer ${secret}, twice: ${secret}`],
  ['within a URL', `https://example.invalid/?token=${encodeURIComponent(secret)}`],
  ['within JSON text', JSON.stringify({ secret }).slice(1, -1)],
  ['in a nested field', { deep: { deeper: [secret] } }],
  ['as the name of a field', { [secret]: 1 }],
  ['in an error', new Error(`refused: ${secret}`)],
  ['in the cause of an error', new Error('refused', { cause: new Error(secret) })],
])('a secret %s never reaches the log', (_, value) => {
  const { log, lines } = start();
  log.info('field', { value });
  log.error(typeof value === 'string' ? value : 'message');
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow();
  expectNoSecrets([...lines, ...lines.map((line) => JSON.parse(line))], [secret]);
});

test('a secret is redacted from the moment when it is learned', () => {
  const { log, lines, redact } = start([]);
  redact.learn('learned-late');
  log.info('learned-late');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: '[redacted]' });
});

test.each([
  ['first', ['secret-one', 'secret-one-more']],
  ['last', ['secret-one-more', 'secret-one']],
])('of two secrets, one of which begins with the other, all is redacted if the shorter came %s', (_, secrets) => {
  const { redact } = start(secrets);
  expect(redact('a secret-one-more b secret-one c')).toBe('a [redacted] b [redacted] c');
});

test('too short a secret is left alone, for it would garble every text', () => {
  const { redact } = start(['abc']);
  expect(redact('abc alphabet')).toBe('abc alphabet');
});

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html */
const isEmbeddedMetric = new Ajv().compile({
  type: 'object',
  required: ['_aws'],
  properties: {
    _aws: {
      type: 'object',
      required: ['Timestamp', 'CloudWatchMetrics'],
      properties: {
        Timestamp: { type: 'integer', minimum: 1_600_000_000_000 },
        CloudWatchMetrics: {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            required: ['Namespace', 'Dimensions', 'Metrics'],
            additionalProperties: false,
            properties: {
              Namespace: { type: 'string', pattern: '^[A-Za-z0-9._/#:-]{1,255}$' },
              Dimensions: {
                type: 'array',
                minItems: 1,
                items: { type: 'array', maxItems: 30, items: { type: 'string', minLength: 1, maxLength: 250 } },
              },
              Metrics: {
                type: 'array',
                minItems: 1,
                maxItems: 100,
                items: {
                  type: 'object',
                  required: ['Name'],
                  additionalProperties: false,
                  properties: { Name: { type: 'string', minLength: 1 }, Unit: { enum: ['Count', 'Seconds'] } },
                },
              },
            },
          },
        },
      },
    },
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
      // What the directive names must stand at the root.
      for (const name of Dimensions.flat()) expect(document[name]).toMatch(/^[\x20-\x7e]{1,1024}$/);
      for (const { Name } of Metrics)
        for (const value of [document[Name]].flat()) expect(value).toEqual(expect.any(Number));
    }
    return document;
  });
}

test('what was counted is written at the end, in valid embedded metric format', () => {
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

test('what was measured is written value by value, so that CloudWatch can tell percentiles', () => {
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

test('more values than CloudWatch takes in one line are several lines', () => {
  const { metrics, lines } = start();
  for (let value = 0; value < 201; value++) metrics.measure('timeToNotify', value, { channel: 'team' });
  metrics.flush();
  const written = readMetrics(lines).map(({ timeToNotify }) => timeToNotify);
  expect(written.map((values) => [values].flat().length)).toEqual([100, 100, 1]);
  expect(written.flat()).toEqual(Array.from({ length: 201 }, (_, value) => value));
});

test.each(Object.entries(metricCatalogue))('%s is written by its unit and its dimensions', (name, declared) => {
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

test('the time of a metric is that of its writing', () => {
  const { metrics, lines, clock } = start();
  metrics.count('checked');
  clock.advance(5_000);
  metrics.flush();
  expect(JSON.parse(lines[0] ?? '')._aws.Timestamp).toBe(clock.now());
});

test('what was written once is not written again', () => {
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

test('ids stand in every line that is logged under them, and in no other', async () => {
  const { log, lines } = start();
  const turn = Promise.withResolvers<void>();
  const one = correlated({ requestId: 'one' }, async () => {
    await turn.promise;
    log.info('first');
  });
  const other = correlated({ requestId: 'other' }, async () => {
    log.info('second');
    turn.resolve();
  });
  await Promise.all([one, other]);
  log.info('third');
  const said = lines.map((line) => JSON.parse(line)).map(({ message, requestId }) => [message, requestId]);
  expect(said).toEqual([
    ['second', 'other'],
    ['first', 'one'],
    ['third', undefined],
  ]);
});
