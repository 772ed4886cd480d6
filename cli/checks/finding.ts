/** What a check of the doctor found, and what the checks work with. */

import type { Config } from '../../lib/config/config.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Http } from '../../lib/platform/http.ts';
import type { Verdict } from '../output.ts';
import { explain } from '../problem.ts';
import type { Target } from '../target.ts';

/** One line of the doctor's. */
export interface Finding {
  what: string;
  verdict: Verdict;
  /** What was found; of a cross, what to do. */
  said: string;
}

export interface CheckContext {
  target: Target | null;
  deps: Deps;
  config: Config;
  http: Http;
}

/** All is well. */
export const yes = (what: string, said: string): Finding => ({ what, verdict: 'yes', said });
/** Somebody has to do something. */
export const no = (what: string, said: string): Finding => ({ what, verdict: 'no', said });
/** It could not be checked. */
export const unknown = (what: string, said: string): Finding => ({ what, verdict: 'unknown', said });

/** What an error says, without the name of whom it is about where that stands before it already. */
export const sayWhy = (error: unknown, peer = /^$/): string => explain(error).replace(peer, '');

/** The references among these that cannot be read: who needs one of them cannot be checked. */
export async function unreadable({ secrets }: Pick<Deps, 'secrets'>, references: string[]): Promise<string[]> {
  const read = await Promise.allSettled(references.map((reference) => secrets.read(reference)));
  return references.filter((_, index) => read[index]?.status === 'rejected');
}

/** Whether AWS is not AWS here: what an emulator lacks is no trouble of the notifier's. */
export const isEmulated = (): boolean =>
  Boolean(process.env['AWS_ENDPOINT_URL'] || process.env['AWS_ENDPOINT_URL_DYNAMODB']);
