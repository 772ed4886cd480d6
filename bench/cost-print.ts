/** Prints the costs. */

import type { CallCounts } from './call-counts.ts';
import { assumptions, type Costs, durationMs } from './cost.ts';
import { prices } from './prices.ts';
import type { WarmCpu } from './warm.ts';

/** The cost of a month, the limits, and the effect of other memory sizes. */
export function printedCosts({ fixed, bills, limits }: Costs, calls: CallCounts, cpu: WarmCpu): string {
  const items = Object.keys(bills[0]?.perJobs ?? {});
  const rowOf = (title: string, value: (bill: Costs['bills'][number]) => number) => [
    title,
    ...bills.map(value).map(usd),
  ];
  return [
    `\nUSD a month, ${prices.region}, prices of ${prices.readOn}, no free tier`,
    ...aligned([
      ['Whatever is published', ''],
      ...Object.entries(fixed).map(([name, cost]) => [`  ${name}`, usd(cost)]),
      ['  in all', usd(sum(fixed))],
    ]),
    '',
    ...aligned([
      ['Jobs of 4 minutes a month', ...bills.map(({ jobs }) => jobs.toLocaleString('en'))],
      ...items.map((item) => rowOf(`  ${item}`, ({ perJobs }) => perJobs[item] ?? 0)),
      rowOf('  in all', ({ perJobs }) => sum(perJobs)),
      rowOf('Compute and polling alone', computeAlone),
      rowOf('  and with the idle sweep and its queue', (bill) => computeAlone(bill) + idleOf(fixed)),
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

/** The part of the cost to compare with other designs: without messages, logs, metrics and the HTTP API. */
const computeAlone = ({ perJobs }: Costs['bills'][number]): number =>
  ['Lambda: webhook', 'Lambda: sweeps of the minute', 'Lambda: sweeps in between', 'table', 'queue'].reduce(
    (total, item) => total + (perJobs[item] ?? 0),
    0,
  );

const idleOf = (fixed: Costs['fixed']): number =>
  sum(Object.fromEntries(Object.entries(fixed).filter(([name]) => /^(idle|queue)/.test(name))));

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

const sum = (values: Record<string, number>): number => Object.values(values).reduce((total, one) => total + one, 0);

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
