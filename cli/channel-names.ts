/** The names of channels, as they are typed. */

import type { Config } from '../lib/config/config.ts';
import { RequestError } from '../lib/platform/errors.ts';

/** Checks names against the configured channels. Throws a `RequestError` for one that is not configured. */
export function readChannels(names: string[], { channels }: Pick<Config, 'channels'>): string[] {
  const unknown = names.find((name) => !Object.hasOwn(channels, name));
  if (unknown === undefined) return names;
  throw new RequestError(422, `No such channel. Configured are: ${Object.keys(channels).join(', ')}.`);
}
