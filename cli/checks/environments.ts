/** Checks for each environment that a token is issued, the API responds, and jobs may be read and listed. */

import type { EnvironmentConfig } from '../../lib/config/config.ts';
import type { Clock } from '../../lib/platform/clock.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createAccessToken } from '../../lib/sitecore/access-token.ts';
import { createJobList } from '../../lib/sitecore/job-list.ts';
import { createPublishingApi, type PublishingApi } from '../../lib/sitecore/publishing-api.ts';
import type { Permissions } from '../../lib/sitecore/responses.ts';
import { type CheckContext, type Finding, failed, messageOf, ok, unknown, unreadable } from './finding.ts';

const timeoutMs = 15_000;
const dayMs = 24 * 60 * 60_000;
/** The latest jobs of a day are enough to show whether the list works. */
const mostCalls = 5;

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
  const withoutToken = (environment.discover ? [api, scopes, list] : [api, scopes]).map((check) =>
    unknown(check, 'there is no token'),
  );
  const missing = await unreadable(deps, [environment.clientId, environment.clientSecret]);
  if (missing.length > 0) return [unknown(token, `${missing.join(' and ')} cannot be read`), ...withoutToken];
  const accessToken = createAccessToken({ ...deps, http }, { name, ...environment });
  try {
    await accessToken.get(timeoutMs);
  } catch (error) {
    return [failed(token, messageOf(error, /^(token for|credential of) [^:]+: /)), ...withoutToken];
  }
  const [issued, responds] = [ok(token, 'issued'), ok(api, `responds at ${new URL(environment.apiUrl).host}`)];
  const publishingApi = createPublishingApi({ ...deps, http, accessToken }, { name, ...environment });
  try {
    const permissions = await publishingApi.permissions(deps.clock.now() + timeoutMs);
    const listed = environment.discover ? [await checkList(publishingApi, list, deps.clock)] : [];
    return [issued, responds, checkScopes(scopes, permissions), ...listed];
  } catch (error) {
    const message = messageOf(error, apiPrefix);
    const isRefused = error instanceof UpstreamError && ['forbidden', 'credentialRefused'].includes(error.kind);
    const unlisted = environment.discover ? [unknown(list, 'the previous check failed')] : [];
    return isRefused
      ? [issued, responds, failed(scopes, message), ...unlisted]
      : [issued, failed(api, message), unknown(scopes, 'the previous check failed'), ...unlisted];
  }
}

const apiPrefix = /^Publishing API of [^:]+: /;

/** Checks that discovery can list jobs. */
async function checkList(api: PublishingApi, name: string, clock: Clock): Promise<Finding> {
  try {
    const queuedFrom = new Date(clock.now() - dayMs).toISOString();
    const { skipped } = await createJobList({ api, clock })({ queuedFrom }, clock.now() + timeoutMs, mostCalls);
    if (skipped === 0) return ok(name, 'discovery can list jobs');
    return failed(
      name,
      `${skipped === 1 ? '1 listed job is' : `${skipped} listed jobs are`} not watched: the id is missing or cannot be ` +
        'part of a URL. Nobody is notified when such a job ends.',
    );
  } catch (error) {
    return failed(
      name,
      `${messageOf(error, apiPrefix)} Discovery finds no jobs. Pass the job ids to the notifier, and set discover: false.`,
    );
  }
}

/** https://api-docs.sitecore.com (Publishing API, permissions) */
function checkScopes(name: string, permissions: Permissions): Finding {
  const granted = Object.entries(permissions).flatMap(([permission, isGranted]) => (isGranted ? [permission] : []));
  if (permissions.canReadAll) return ok(name, granted.join(', '));
  if (permissions.canReadOwn) return ok(name, `${granted.join(', ')}. Only jobs created by this client can be read`);
  if (permissions.canReadAll === null && permissions.canReadOwn === null) {
    return unknown(name, 'the API does not report the permissions of the credential');
  }
  return failed(
    name,
    'the credential may not read jobs. Create an automation client of the environment, not of the organization ' +
      '(Sitecore Deploy app, Credentials, Environment), and put its id and secret into the configuration.',
  );
}
