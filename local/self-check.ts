/** Whether each environment and channel works, found out once at the start. Sends no message. */
import { checkChannels } from '../cli/checks/channels.ts';
import { checkEnvironments } from '../cli/checks/environments.ts';
import type { Finding } from '../cli/checks/finding.ts';
import type { Deps } from '../lib/deps.ts';
import { createHttp } from '../lib/platform/http.ts';
import type { SelfCheckLine } from './terminal.ts';

/** The checks of `publishing-job-notifier doctor` that say something about the outside. */
export async function selfCheck(deps: Deps): Promise<SelfCheckLine[]> {
  const context = { target: null, deps, config: deps.config, http: createHttp() };
  const findings = await Promise.all([checkEnvironments(context), checkChannels(context)]);
  return findings.flat().map(lineOf);
}

const lineOf = ({ name, verdict, detail }: Finding): SelfCheckLine => ({
  what: name,
  isWell: verdict === 'unknown' ? null : verdict === 'ok',
  said: detail,
});
