/** The middleware of the webhook: authorization, and errors as problem documents. */

import { STATUS_CODES } from 'node:http';
import type middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import type { Deps } from '../deps.ts';
import { RequestError } from '../platform/errors.ts';
import { hasCredential, isAuthorized } from './credential.ts';

type Webhook = middy.MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>;

const maxBodyBytes = 64 * 1024;

/**
 * Refuses a body that is too large, and a request without a valid credential, before anything else happens. The body of
 * `POST /wake` is not read, so it may be of any length. `GET /health` needs no credential, but a wrong one is refused.
 */
export function authorize({ secrets, config }: Pick<Deps, 'secrets' | 'config'>): Webhook {
  return {
    async before({ event }) {
      const bytes = Buffer.byteLength(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
      const isRead = event.routeKey !== 'POST /wake';
      if (isRead && bytes > maxBodyBytes) throw new RequestError(413, `The body is longer than ${maxBodyBytes} bytes.`);
      if (event.routeKey === 'GET /health' && !hasCredential(event.headers)) return;
      const read = await Promise.allSettled(config.webhookSecrets.map((reference) => secrets.read(reference)));
      const known = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      if (known.length === 0) throw new RequestError(503, 'No webhook secret can be read now. Try again later.');
      if (!isAuthorized(event.headers, known)) {
        throw new RequestError(
          401,
          'Send the webhook secret as "Authorization: Bearer <secret>" or "x-api-key: <secret>".',
        );
      }
    },
  };
}

/** Turns every error into a problem document (RFC 9457), without internals. */
export function problemResponses({ log }: Pick<Deps, 'log'>): Webhook {
  return {
    onError(request) {
      const { status, detail, headers = {} } = problemOf(request.error);
      if (status >= 500) log.error('request failed', { error: request.error });
      request.response = {
        statusCode: status,
        headers: {
          'content-type': 'application/problem+json',
          ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
          ...headers,
        },
        body: JSON.stringify({
          type: 'about:blank',
          title: STATUS_CODES[status],
          status,
          detail,
          instance: `urn:request:${request.event.requestContext?.requestId ?? 'unknown'}`,
        }),
      };
    },
  };
}

/** A 503 says when to ask again, in seconds. */
const retryLater = { 'retry-after': '10' };

function problemOf(error: unknown): { status: number; detail: string; headers?: Record<string, string> } {
  if (error instanceof RequestError) {
    const { status, message: detail, headers } = error;
    return { status, detail, headers: status === 503 ? retryLater : headers };
  }
  switch ((error as { statusCode?: number } | undefined)?.statusCode) {
    case 415:
      return { status: 415, detail: 'Send JSON, with the header "content-type: application/json".' };
    case 400:
    case 422:
      return { status: 400, detail: 'The body is not JSON.' };
    default:
      return { status: 500, detail: 'Internal error. The log has the details.' };
  }
}
