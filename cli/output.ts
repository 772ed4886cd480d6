/** How answers look in a terminal. */

import { styleText } from 'node:util';
import { clean } from '../lib/platform/text.ts';

/** `yes`: a tick. `no`: a cross. `unknown`: it could not be told. */
export type Verdict = 'yes' | 'no' | 'unknown';

const marks: Record<Verdict, string> = {
  yes: styleText('green', '✔'),
  no: styleText('red', '✘'),
  unknown: styleText('dim', '-'),
};

/** A tick, a cross or a dash, and what it is about; `said` may have several lines. */
export const verdictLine = (verdict: Verdict, what: string, said = ''): string =>
  `${marks[verdict]} ${what}${said ? `: ${said.replaceAll('\n', '\n  ')}` : ''}`;

/** Text of lesser weight. */
export const dim = (text: string): string => styleText('dim', text);

/** Columns under their headings; foreign text is made fit for a terminal. The last column may be long. */
export function table(headings: string[], rows: string[][]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => clean(cell, 300)))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const [head = '', ...others] = lines;
  return [dim(head), ...others].join('\n');
}

/** Names with their values, one a line; what has no value is left out. */
export function facts(values: Record<string, string | null | undefined>): string {
  const shown = Object.entries(values).filter(([, value]) => value);
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${dim(name.padEnd(width))}  ${clean(value ?? '', 2_000)}`).join('\n');
}

const units = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** A span of milliseconds in its largest unit: `3 min`. */
export function span(ms: number): string {
  const [size, unit] = units.find(([each]) => ms >= each) ?? [1_000, 's'];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** A moment to the second, for a reader whose time zone is not known. */
export const moment = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
