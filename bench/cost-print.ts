/** Prints the costs. */

import type { CallCounts } from './call-counts.ts';
import { assumptions, type Costs, durationMs, sum } from './cost.ts';
import { prices } from './prices.ts';
import type { WarmCpu } from './warm.ts';

/** The cost of a month, the limits, and the effect of other memory sizes. */
export function printedCosts(costs: Costs, calls: CallCounts, cpu: WarmCpu): string {
  const { polling, standing, bills, limits } = costs;
  const items = Object.keys(bills[0]?.perJobs ?? {});
  const rowOf = (title: string, value: (bill: Costs['bills'][number]) => number) => [
    title,
    ...bills.map(value).map(usd),
  ];
  return [
    `\nUSD a month, ${prices.region}, prices of ${prices.readOn}, no free tier`,
    ...aligned([
      ['Whatever is published', ''],
      ...Object.entries({ ...polling, ...standing }).map(([name, cost]) => [`  ${name}`, usd(cost)]),
      ['  in all', usd(sum(polling) + sum(standing))],
      ['  of it polling around the clock', usd(sum(polling))],
      ['  a dashboard, if a parameter makes one', usd(prices.dashboardMonth)],
    ]),
    '',
    ...aligned([
      ['Jobs of 4 minutes a month', ...bills.map(({ jobs }) => jobs.toLocaleString('en'))],
      ...items.map((item) => rowOf(`  ${item}`, ({ perJobs }) => perJobs[item] ?? 0)),
      rowOf('  in all', ({ perJobs }) => sum(perJobs)),
      rowOf('All in, stage prod', ({ allIn }) => allIn),
      rowOf('Without messages, logs, metrics, alarms, HTTP API', (bill) => computeOf(costs, bill)),
      rowOf('  Step Functions wait loop', ({ others }) => others.stepFunctions),
      rowOf('  Lambda durable functions', ({ others }) => others.durableFunctions),
      rowOf('  always-on container (Fargate, 0.25 vCPU)', ({ others }) => others.container),
    ]),
    '',
    ...aligned([
      ['Jobs at once that each limit allows', ''],
      ...limits
        .toSorted((one, other) => one.watched - other.watched)
        .map(({ name, watched, why }) => [`  ${name}`, Math.round(watched).toLocaleString('en'), `  ${why}`]),
    ]),
    '',
    ...aligned(memorySizes(calls, cpu)),
  ].join('\n');
}

/** The part of the cost to compare with other designs: without messages, logs, metrics, alarms and the HTTP API. */
const computeOf = ({ polling }: Costs, { perJobs }: Costs['bills'][number]): number => {
  const items = Object.entries({ ...polling, ...perJobs }).filter(([name]) => !/logs|metrics|HTTP API|SNS/.test(name));
  return sum(Object.fromEntries(items));
};

function memorySizes(calls: CallCounts, cpu: WarmCpu): string[][] {
  const steps = ['idleSweep', 'unchangedSweep', 'lastSweep', 'firstSeen'] as const;
  return [
    ['Lambda memory', ...steps.map((step) => `${step} ms`), 'idle sweeps USD'],
    ...[128, 256, 512, 1_024].map((memoryMb) => {
      const durations = steps.map((step) => durationMs(cpu[step], calls[step], memoryMb));
      const gbSeconds = (assumptions.hours * 60 * (durations[0] ?? 0) * memoryMb) / 1_024 / 1_000;
      return [`  ${memoryMb} MB`, ...durations.map((ms) => ms.toFixed(0)), usd(gbSeconds * prices.lambdaGbSecond)];
    }),
  ];
}

const usd = (value: number): string => value.toFixed(value < 0.095 ? 4 : 2);

/** Aligns columns: text to the left, figures to the right. */
function aligned(lines: string[][]): string[] {
  const widthOf = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
  const isText = (cell: string, column: number) => column === 0 || cell.startsWith('  ');
  return lines.map((line) =>
    line
      .map((cell, column) => (isText(cell, column) ? cell.padEnd(widthOf(column)) : cell.padStart(widthOf(column))))
      .join('  ')
      .trimEnd(),
  );
}
