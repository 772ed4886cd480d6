/** Of each environment: whether there is a token, whether the API answers, and whether jobs may be read. */

import { createAccessToken } from '../../lib/access-token.ts';
import type { EnvironmentConfig } from '../../lib/config.ts';
import { UpstreamError } from '../../lib/errors.ts';
import { createPublishingApi, type Permissions } from '../../lib/publishing-api.ts';
import { type CheckDeps, type Finding, no, sayWhy, unknown, unreadable, yes } from './finding.ts';

const timeoutMs = 15_000;

export const checkEnvironments = async (deps: CheckDeps): Promise<Finding[]> =>
  (await Promise.all(Object.entries(deps.config.environments).map(([name, one]) => checkOne(deps, name, one)))).flat();

async function checkOne({ parts, http }: CheckDeps, name: string, environment: EnvironmentConfig): Promise<Finding[]> {
  const [token, api, scopes] = [`token of ${name}`, `API of ${name}`, `scopes of ${name}`];
  const missing = await unreadable(parts, [environment.clientId, environment.clientSecret]);
  if (missing.length > 0) {
    return [unknown(token, `${missing.join(' and ')} cannot be read`), ...[api, scopes].map(withoutToken)];
  }
  const accessToken = createAccessToken({ ...parts, http }, { name, ...environment });
  try {
    await accessToken.get(timeoutMs);
  } catch (error) {
    return [no(token, sayWhy(error, /^(token for|credential of) [^:]+: /)), ...[api, scopes].map(withoutToken)];
  }
  const answers = yes(api, `answers at ${new URL(environment.apiUrl).host}`);
  try {
    const permissions = await createPublishingApi(
      { ...parts, http, accessToken },
      { name, ...environment },
    ).permissions(parts.clock.now() + timeoutMs);
    return [yes(token, 'obtained'), answers, judge(scopes, permissions)];
  } catch (error) {
    const why = sayWhy(error, /^Publishing API of [^:]+: /);
    const isRefused = error instanceof UpstreamError && ['forbidden', 'credentialRefused'].includes(error.kind);
    const rest = isRefused ? [answers, no(scopes, why)] : [no(api, why), unknown(scopes, 'the API could not be asked')];
    return [yes(token, 'obtained'), ...rest];
  }
}

const withoutToken = (what: string): Finding => unknown(what, 'there is no token to ask with');

/** https://api-docs.sitecore.com (Publishing API, permissions) */
function judge(what: string, permissions: Permissions): Finding {
  const granted = Object.entries(permissions).flatMap(([name, may]) => (may ? [name] : []));
  if (permissions.canReadAll) return yes(what, granted.join(', '));
  if (permissions.canReadOwn)
    return yes(what, `${granted.join(', ')}. Only jobs that this client has created can be read`);
  if (permissions.canReadAll === null && permissions.canReadOwn === null) {
    return unknown(what, 'the API does not say what the credential may do');
  }
  return no(
    what,
    'the credential may read no jobs. Make an automation client of the environment, not of the organization (Sitecore ' +
      'Deploy app, Credentials, Environment), and put its id and secret into the configuration.',
  );
}
