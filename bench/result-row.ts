/** A row of the results: one of our figures next to the floor, the baseline and, for cold starts, an empty function. */

import { type Figures, median, ratioOf } from './statistics.ts';

export interface Row {
  group: string;
  figure: string;
  unit: string;
  ours: number;
  floor?: number;
  baseline?: number;
  empty?: number;
  toFloor?: number;
  toBaseline?: number;
  toEmpty?: number;
  /** The target, and whether it is met. */
  target?: string;
  met?: boolean;
}

type Name = Pick<Row, 'group' | 'figure' | 'unit'>;

/** Makes a row from the runs of `ours` and, if present, of `floor`, `baseline` and `empty`. */
export function rowOf(name: Name, figures: Figures, target?: { text: string; isMet: (row: Row) => boolean }): Row {
  const row: Row = { ...name, ours: median(figures['ours'] ?? []) };
  if (figures['floor'])
    Object.assign(row, { floor: median(figures['floor']), toFloor: ratioOf(figures, 'ours', 'floor') });
  if (figures['baseline']) {
    Object.assign(row, { baseline: median(figures['baseline']), toBaseline: ratioOf(figures, 'ours', 'baseline') });
  }
  if (figures['empty'])
    Object.assign(row, { empty: median(figures['empty']), toEmpty: ratioOf(figures, 'ours', 'empty') });
  return target ? { ...row, target: target.text, met: target.isMet(row) } : row;
}

const columns: [string, (row: Row) => string][] = [
  ['figure', ({ figure }) => figure],
  ['ours', ({ ours }) => written(ours)],
  ['floor', ({ floor }) => written(floor)],
  ['baseline', ({ baseline }) => written(baseline)],
  ['empty', ({ empty }) => written(empty)],
  ['unit', ({ unit }) => unit],
  ['/floor', ({ toFloor }) => written(toFloor, 2)],
  ['/baseline', ({ toBaseline }) => written(toBaseline, 2)],
  ['/empty', ({ toEmpty }) => written(toEmpty, 2)],
  ['target', ({ target = '' }) => target],
  ['', ({ met }) => (met === undefined ? '' : met ? 'met' : 'MISSED')],
];

/** The rows as a table, group by group, without columns that are empty in a group. */
export const printed = (rows: Row[]): string =>
  [...Map.groupBy(rows, ({ group }) => group)].map(([group, its]) => `\n${group}\n${printedGroup(its)}`).join('\n');

function printedGroup(rows: Row[]): string {
  const filled = columns.filter(([title, cell]) => title === 'ours' || rows.some((row) => cell(row) !== ''));
  const cells = [filled.map(([title]) => title), ...rows.map((row) => filled.map(([, cell]) => cell(row)))];
  const widths = filled.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three significant digits, or a fixed number of decimals. */
function written(value: number | undefined, decimals?: number): string {
  if (value === undefined || Number.isNaN(value)) return '';
  const digits = decimals ?? (Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2);
  return value.toFixed(digits);
}
