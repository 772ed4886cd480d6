/** For simulated servers: the URL of a request. */

import type { HttpRequest } from '../../lib/platform/http.ts';

/** The complete URL of a request. */
export const addressOf = ({ url, path }: Pick<HttpRequest, 'url' | 'path'>): URL => new URL(path ?? url.href, url.href);
