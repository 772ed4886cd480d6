/** The client of a simulated Publishing API, with its token. */

import type { Clock } from '../../lib/platform/clock.ts';
import { createHttp, type Http } from '../../lib/platform/http.ts';
import { createLog } from '../../lib/platform/log.ts';
import { createRedactor } from '../../lib/platform/redaction.ts';
import { createSecrets } from '../../lib/platform/secrets.ts';
import { createAccessToken } from '../../lib/sitecore/access-token.ts';
import { createPublishingApi, type PublishingApi } from '../../lib/sitecore/publishing-api.ts';
import type { PublishingApiServer } from '../../local/publishing-api-server.ts';

/** The log goes to `lines`. */
export function apiOf(
  server: PublishingApiServer,
  clock: Clock,
  lines: string[] = [],
  http: Http = createHttp(),
): PublishingApi {
  const redact = createRedactor();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters: async () => new Map(), references: [] });
  const log = createLog({ clock, redact, write: (line) => void lines.push(line) });
  const deps = { http, clock, redact, log };
  const environment = { ...server, name: 'production', apiUrl: `${server.url}/` };
  const accessToken = createAccessToken({ ...deps, secrets }, environment);
  return createPublishingApi({ ...deps, accessToken }, environment);
}
