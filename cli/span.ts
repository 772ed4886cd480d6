/** Spans of time, as they are typed: `90s`, `30m`, `2h`, `3d`. */

import { RequestError } from '../lib/platform/errors.ts';

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Makes the reader of an option: a span in milliseconds. */
export const spanOf =
  (option: string) =>
  (text: string): number => {
    const [, count = '0', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const span = Number(count) * (units[unit] ?? 0);
    if (span === 0) throw new RequestError(400, `${option} takes a time span such as 30m, 2h or 3d.`);
    return span;
  };
