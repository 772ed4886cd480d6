/** Formats the results of commands for a terminal. */

import { styleText } from 'node:util';
import { clean } from '../lib/platform/text.ts';

/** The result of a check or a delivery: a tick, a cross, or a dash where it is not known (yet). */
export type Verdict = 'ok' | 'failed' | 'unknown';

const symbols: Record<Verdict, string> = {
  ok: styleText('green', '✔'),
  failed: styleText('red', '✘'),
  unknown: styleText('dim', '-'),
};

/** A tick, a cross or a dash, followed by a name and a detail. The detail may have several lines. */
export const verdictLine = (verdict: Verdict, name: string, detail = ''): string =>
  `${symbols[verdict]} ${name}${detail ? `: ${detail.replaceAll('\n', '\n  ')}` : ''}`;

/** Less prominent text. */
export const dim = (text: string): string => styleText('dim', text);

/** Columns under headings. Cells are cleaned of control characters and cut to 300 characters. */
export function formatTable(headings: string[], rows: string[][]): string {
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

/** One line per name and value. Names without a value are left out. */
export function formatFields(values: Record<string, string | null | undefined>): string {
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

/** A duration in milliseconds, in its largest unit: `3 min`. */
export function formatDuration(ms: number): string {
  const [size, unit] = units.find(([each]) => ms >= each) ?? [1_000, 's'];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** An ISO 8601 time to the second, in UTC because the reader's time zone is not known. */
export const formatTime = (iso: string): string => `${iso.slice(0, 19).replace('T', ' ')} UTC`;
