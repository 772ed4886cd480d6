/** The alarms of `prod`, and the dashboard that a parameter adds. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { metricCatalogue } from '../../lib/platform/metrics.ts';
import { queriesIn } from '../support/log-queries.ts';
import { allowing } from './policies.ts';
import { packageStack, type Resource } from './stack.ts';

const [stack, observed] = await Promise.all([packageStack('prod'), packageStack('prod', { dashboard: 'true' })]);
const operations = readFileSync('docs/operations.md', 'utf8');
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
    const headings = [...operations.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
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
  /** The values of its dimensions. */
  values: string[];
}

describe('metrics', () => {
  const namespace = 'publishing-job-notifier-prod';

  const alarmed = alarms.map(([, { Properties }]): Metric => {
    const { Namespace, MetricName, Dimensions = [] } = Properties;
    return { namespace: Namespace, name: MetricName, values: Dimensions.map(({ Value }: { Value: string }) => Value) };
  });

  const [dashboard] = observed.ofType('AWS::CloudWatch::Dashboard') as [Resource];
  const widgets: Widget[] = JSON.parse(dashboard.Properties.DashboardBody).widgets;
  const shown = widgets.flatMap(({ properties: { metrics = [] } }) => metrics.map(shownBy));

  test.each([
    ['alarms', alarmed],
    ['the dashboard', shown],
  ])('%s: each metric is written by the code, or by AWS for a resource of the stack', (_, metrics) => {
    for (const { namespace: its, name, values } of metrics) {
      if (its.startsWith('AWS/')) {
        expect(its).toMatch(/^AWS\/(Lambda|SQS|DynamoDB|ApiGateway)$/);
        const resources = values.filter((value) => value !== 'due');
        expect(resources.length).toBeGreaterThan(0);
        for (const value of resources) expect(stack.resources).toHaveProperty(/\w+/.exec(value)?.[0] ?? '');
      } else {
        expect(its).toBe(namespace);
        expect(Object.keys(metricCatalogue)).toContain(name);
        expect(values).toEqual([]);
      }
    }
  });

  test('the code writes only metrics that have an alarm, and each alarm has one metric: 1.00 USD a month', () => {
    const own = alarmed.filter((metric) => metric.namespace === namespace).map(({ name }) => name);
    expect(own.sort()).toEqual(Object.keys(metricCatalogue).sort());
    expect(alarms.filter(([, { Properties }]) => Properties.Metrics)).toEqual([]);
    expect(alarms).toHaveLength(10);
  });

  test('docs/operations.md lists each alarm with what it costs', () => {
    const rows = [...operations.matchAll(/^\| `(\w+Alarm)` \| .+ \| ([\d.]+) \|/gm)].map(([, name, usd]) => [
      name,
      usd,
    ]);
    expect(rows.sort()).toEqual(alarms.map(([name]) => [name, '0.10']).sort());
  });

  test('the dashboard shows every metric of the code, and queries of docs/operations.md', () => {
    const own = shown.filter((metric) => metric.namespace === namespace).map(({ name }) => name);
    expect(own.sort()).toEqual(Object.keys(metricCatalogue).sort());
    const documented = queriesIn(operations).map((query) => query.replaceAll(/\s+/g, ' '));
    const queries = widgets.flatMap(({ properties: { query = [] } }) => query);
    expect(queries).toHaveLength(3);
    for (const query of queries) {
      const [, sources = '', rest = ''] = /^((?:SOURCE '[^']+' \| )+)(.+)$/.exec(query) ?? [];
      expect(documented).toContain(rest);
      for (const [, group = ''] of sources.matchAll(/<(\w+)>/g)) expect(stack.resources).toHaveProperty(group);
    }
  });
});

interface Widget {
  properties: { metrics?: (string | object)[][]; query?: string };
}

/** The metric that a widget shows: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html */
function shownBy(metric: (string | object)[]): Metric {
  const [namespace = '', name = '', ...pairs] = metric.filter((part) => typeof part === 'string');
  return { namespace, name, values: pairs.filter((_, index) => index % 2 === 1) };
}
