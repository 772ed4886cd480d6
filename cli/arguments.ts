/** Reads the arguments and option values that several commands share. */

import type { Config } from '../lib/config/config.ts';
import { RequestError } from '../lib/platform/errors.ts';

/** Checks channel names. Throws a `RequestError` for a name that is not configured. */
export function readChannels(names: string[], { channels }: Pick<Config, 'channels'>): string[] {
  const unknown = names.find((name) => !Object.hasOwn(channels, name));
  if (unknown === undefined) return names;
  throw new RequestError(422, `Unknown channel. Configured channels: ${Object.keys(channels).join(', ')}.`);
}

/** The id of the job, from the argument or from `--job`. Throws a `RequestError` unless exactly one of them is there. */
export function readJobId(argument: string | undefined, { job }: { job?: string | undefined }): string {
  const jobId = argument ?? job;
  if (jobId === undefined) throw new RequestError(400, 'Add the id of a job.');
  if (argument !== undefined && job !== undefined) throw new RequestError(400, 'Give the id of the job once.');
  return jobId;
}

/** Makes the parser of an option that takes a name as AWS allows it. An empty variable of a script is a mistake. */
export const nameOf =
  (option: string, example: string) =>
  (text: string): string => {
    if (/^[A-Za-z\d-]+$/.test(text)) return text;
    throw new RequestError(400, `${option} takes a name such as ${example}.`);
  };

/** Makes the parser of an option that takes an address. */
export const addressOf =
  (option: string) =>
  (text: string): string => {
    if (URL.canParse(text)) return text;
    throw new RequestError(400, `${option} takes a URL.`);
  };

/** Makes the parser of an option that takes a number from 1 to 1000. */
export const countOf =
  (option: string) =>
  (text: string): number => {
    const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    if (count < 1 || count > 1_000) throw new RequestError(400, `${option} takes a number from 1 to 1000.`);
    return count;
  };

const units: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Makes the parser of an option that takes a duration such as `90s`, `30m`, `2h` or `3d`. Returns milliseconds. */
export const durationOf =
  (option: string) =>
  (text: string): number => {
    const [, count = '0', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const duration = Number(count) * (units[unit] ?? 0);
    if (duration === 0) throw new RequestError(400, `${option} takes a duration such as 30m, 2h or 3d.`);
    return duration;
  };
