/** The client of a simulated Publishing API, with its token. */

import { createAccessToken } from '../../lib/access-token.ts';
import type { Clock } from '../../lib/clock.ts';
import { createHttp } from '../../lib/http.ts';
import { createLog } from '../../lib/observability.ts';
import { createPublishingApi, type PublishingApi } from '../../lib/publishing-api.ts';
import { createRedactor } from '../../lib/redaction.ts';
import { createSecrets } from '../../lib/secrets.ts';
import type { PublishingApiServer } from '../../local/publishing-api-server.ts';

/** Every line that is logged goes to `lines`. */
export function apiOf(server: PublishingApiServer, clock: Clock, lines: string[] = []): PublishingApi {
  const redact = createRedactor();
  const secrets = createSecrets({ env: {}, clock, redact, readParameters: async () => new Map(), references: [] });
  const log = createLog({ clock, redact, write: (line) => void lines.push(line) });
  const deps = { http: createHttp(), clock, redact, log };
  const environment = { ...server, name: 'production', apiUrl: `${server.url}/` };
  const accessToken = createAccessToken({ ...deps, secrets }, environment);
  return createPublishingApi({ ...deps, accessToken }, environment);
}
