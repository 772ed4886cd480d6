/** The result of a check of `doctor`, and the input of the checks. */

import type { Config } from '../../lib/config/config.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Http } from '../../lib/platform/http.ts';
import { errorMessage } from '../error-message.ts';
import type { Verdict } from '../output.ts';
import type { Target } from '../target.ts';

/** The result of one check. */
export interface Finding {
  name: string;
  verdict: Verdict;
  /** What was found. For a problem, also the remedy. */
  detail: string;
}

export interface CheckContext {
  target: Target | null;
  deps: Deps;
  config: Config;
  http: Http;
}

/** The check found no problem. */
export const ok = (name: string, detail: string): Finding => ({ name, verdict: 'ok', detail });
/** The check found a problem. */
export const failed = (name: string, detail: string): Finding => ({ name, verdict: 'failed', detail });
/** The check could not run. */
export const unknown = (name: string, detail: string): Finding => ({ name, verdict: 'unknown', detail });

/** The message of an error, without a prefix that repeats the name of the check. */
export const messageOf = (error: unknown, prefix = /^$/): string => errorMessage(error).replace(prefix, '');

/** Those of the references that cannot be read. A check that needs one of them cannot run. */
export async function unreadable({ secrets }: Pick<Deps, 'secrets'>, references: string[]): Promise<string[]> {
  const read = await Promise.allSettled(references.map((reference) => secrets.read(reference)));
  return references.filter((_, index) => read[index]?.status === 'rejected');
}

/** Whether the AWS SDK talks to an emulator. What an emulator lacks is not a problem of the notifier. */
export const isEmulated = (): boolean =>
  Boolean(process.env['AWS_ENDPOINT_URL'] || process.env['AWS_ENDPOINT_URL_DYNAMODB']);
