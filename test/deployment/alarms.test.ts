/** The alarms and the dashboard, in the stage that has them. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { metricCatalogue } from '../../lib/platform/metrics.ts';
import { allowing } from './policies.ts';
import { packageStack, type Resource } from './stack.ts';

const stack = await packageStack('prod');
const alarms = Object.entries(stack.resources).filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm');

describe('alarms', () => {
  test.each(alarms)('%s tells operators what it means and where to look', (name, alarm) => {
    const { AlarmActions, AlarmDescription } = alarm.Properties;
    expect(AlarmActions).toEqual(['<AlarmTopic>']);
    const anchor = name
      .replace(/Alarm$/, '')
      .replaceAll(/(?<=[a-z])(?=[A-Z])/g, '-')
      .toLowerCase();
    expect(AlarmDescription).toMatch(new RegExp(`^[A-Z][^.]+\\. docs/operations\\.md#${anchor}$`));
  });

  test.each(alarms)('%s has a section in docs/operations.md', (_name, { Properties }) => {
    const headings = [...readFileSync('docs/operations.md', 'utf8').matchAll(/^#+ (.+)$/gm)].map(
      ([, text = '']) => text,
    );
    const anchors = headings.map((heading) => `#${heading.toLowerCase().replaceAll(' ', '-')}`);
    expect(anchors).toContain(/#.+$/.exec(Properties.AlarmDescription)?.[0]);
  });

  test('CloudWatch may publish to the alarm topic, for alarms of this stack only', () => {
    expect(allowing(stack.resources['AlarmTopicPolicy'])).toEqual([
      expect.objectContaining({
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Resource: '<AlarmTopic>',
        Condition: { ArnLike: { 'aws:SourceArn': 'arn:aws:cloudwatch:eu-west-1:123456789012:alarm:the-stack-*' } },
      }),
    ]);
  });

  test('missing data is an alarm for sweeps only', () => {
    const breaching = alarms.filter(([, { Properties }]) => Properties.TreatMissingData !== 'notBreaching');
    expect(breaching.map(([name, { Properties }]) => [name, Properties.TreatMissingData])).toEqual([
      ['SweepsMissingAlarm', 'breaching'],
    ]);
  });
});

interface Metric {
  namespace: string;
  name: string;
  dimensions: string[];
  /** The values of the dimensions; empty for a search. */
  values: string[];
}

interface AlarmMetric {
  Namespace: string;
  MetricName: string;
  Dimensions?: { Name: string; Value: string }[];
}

const search = /^SEARCH\('\{"([^"]+)",([\w,]+)\} MetricName="(\w+)"', '\w+', \d+\)$/;

describe('metrics', () => {
  const namespace = 'publishing-job-notifier-prod';

  const alarmed = alarms
    .flatMap(([, { Properties }]): AlarmMetric[] =>
      Properties.Metrics
        ? Properties.Metrics.flatMap(({ MetricStat }: { MetricStat?: { Metric: object } }) => MetricStat?.Metric ?? [])
        : [Properties],
    )
    .map(({ Namespace, MetricName, Dimensions = [] }): Metric => {
      const [dimensions, values] = [Dimensions.map(({ Name }) => Name), Dimensions.map(({ Value }) => Value)];
      return { namespace: Namespace, name: MetricName, dimensions, values };
    });

  const [dashboard] = stack.ofType('AWS::CloudWatch::Dashboard') as [Resource];
  const shown: Metric[] = JSON.parse(dashboard.Properties.DashboardBody).widgets.flatMap(
    ({ properties }: { properties: { metrics: [] } }) => properties.metrics.map(shownBy),
  );

  test.each([
    ['alarms', alarmed],
    ['the dashboard', shown],
  ])(
    '%s: each metric is written by the code with exactly these dimensions, or by AWS for a resource of the stack',
    (_, metrics) => {
      for (const metric of metrics) {
        if (metric.namespace === namespace) {
          const { dimensions = [] } = metricCatalogue[metric.name as keyof typeof metricCatalogue] ?? {};
          const sets = dimensions.map((set) => set.toSorted());
          expect(sets, metric.name).toContainEqual(metric.dimensions.toSorted());
        } else {
          expect(metric.namespace).toMatch(/^AWS\/(Lambda|SQS|DynamoDB|ApiGateway)$/);
          const resources = metric.values.filter((value) => value !== 'due');
          expect(resources.length).toBeGreaterThan(0);
          for (const value of resources) expect(stack.resources).toHaveProperty(/\w+/.exec(value)?.[0] ?? '');
        }
      }
    },
  );

  test('the dashboard shows every metric of the code', () => {
    const own = shown.filter((metric) => metric.namespace === namespace).map(({ name }) => name);
    expect(new Set(own)).toEqual(new Set(Object.keys(metricCatalogue)));
  });
});

/** The metric that a widget shows: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
function shownBy(metric: (string | { expression?: string })[]): Metric {
  const [first] = metric;
  if (typeof first === 'object') {
    const [, found = '', dimensions = '', name = ''] = search.exec(first.expression ?? '') ?? [];
    return { namespace: found, name, dimensions: dimensions.split(','), values: [] };
  }
  const [found = '', name = '', ...pairs] = metric.filter((part) => typeof part === 'string');
  const every = (parity: number) => pairs.filter((_, index) => index % 2 === parity);
  return { namespace: found, name, dimensions: every(0), values: every(1) };
}
