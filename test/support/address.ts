/** What a made-up other side does with a request. */

import type { HttpRequest } from '../../lib/platform/http.ts';

/** The whole address that a request goes to. */
export const addressOf = ({ url, path }: Pick<HttpRequest, 'url' | 'path'>): URL => new URL(path ?? url, url);
