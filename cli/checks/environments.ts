/** Of each environment: whether there is a token, whether the API answers, and whether jobs may be read and listed. */

import type { EnvironmentConfig } from '../../lib/config/config.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createAccessToken } from '../../lib/sitecore/access-token.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { createPublishingApi, type PublishingApi } from '../../lib/sitecore/publishing-api.ts';
import type { Permissions } from '../../lib/sitecore/responses.ts';
import { type CheckContext, type Finding, no, sayWhy, unknown, unreadable, yes } from './finding.ts';

const timeoutMs = 15_000;

export const checkEnvironments = async (context: CheckContext): Promise<Finding[]> =>
  (
    await Promise.all(Object.entries(context.config.environments).map(([name, one]) => checkOne(context, name, one)))
  ).flat();

async function checkOne(
  { deps, http }: CheckContext,
  name: string,
  environment: EnvironmentConfig,
): Promise<Finding[]> {
  const [token, api, scopes, list] = [`token of ${name}`, `API of ${name}`, `scopes of ${name}`, `list of ${name}`];
  const later = environment.discover ? [api, scopes, list] : [api, scopes];
  const missing = await unreadable(deps, [environment.clientId, environment.clientSecret]);
  if (missing.length > 0) {
    return [unknown(token, `${missing.join(' and ')} cannot be read`), ...later.map(withoutToken)];
  }
  const accessToken = createAccessToken({ ...deps, http }, { name, ...environment });
  try {
    await accessToken.get(timeoutMs);
  } catch (error) {
    return [no(token, sayWhy(error, /^(token for|credential of) [^:]+: /)), ...later.map(withoutToken)];
  }
  const answers = yes(api, `answers at ${new URL(environment.apiUrl).host}`);
  const publishingApi = createPublishingApi({ ...deps, http, accessToken }, { name, ...environment });
  try {
    const permissions = await publishingApi.permissions(deps.clock.now() + timeoutMs);
    const listed = environment.discover ? [await checkList(publishingApi, list, deps.clock)] : [];
    return [yes(token, 'obtained'), answers, judge(scopes, permissions), ...listed];
  } catch (error) {
    const why = sayWhy(error, /^Publishing API of [^:]+: /);
    const isRefused = error instanceof UpstreamError && ['forbidden', 'credentialRefused'].includes(error.kind);
    const rest = isRefused ? [answers, no(scopes, why)] : [no(api, why), unknown(scopes, 'the API could not be asked')];
    const unlisted = environment.discover ? [unknown(list, 'the API could not be asked')] : [];
    return [yes(token, 'obtained'), ...rest, ...unlisted];
  }
}

/** Whether jobs that nobody named can be found. */
async function checkList(api: PublishingApi, what: string, clock: Clock): Promise<Finding> {
  try {
    await createJobList({ api, clock })({ statuses: ['Running'] }, clock.now() + timeoutMs);
    return yes(what, 'jobs that nobody named are found');
  } catch (error) {
    const why = sayWhy(error, /^Publishing API of [^:]+: /);
    return no(what, `${why} Jobs that nobody named are not found. Give their ids, and set discover: false.`);
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
