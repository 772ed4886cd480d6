/** What stands around the verbs: what is refused, how refusals look, and what an invocation leaves for operators. */

import { STATUS_CODES } from 'node:http';
import type middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Deps } from '../deps.ts';
import { RequestError } from '../platform/errors.ts';
import { correlated } from '../platform/log.ts';
import { isAuthorized } from './credential.ts';

type Webhook = middy.MiddlewareObj<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>;

const maxBodyBytes = 64 * 1024;

/** Refuses what is too large, and whoever brings no valid credential, before anything else is done. */
export function guard({ secrets, config }: Pick<Deps, 'secrets' | 'config'>): Webhook {
  return {
    async before({ event }) {
      const bytes = Buffer.byteLength(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8');
      if (bytes > maxBodyBytes) throw new RequestError(413, `The body is longer than ${maxBodyBytes} bytes.`);
      const read = await Promise.allSettled(config.webhookSecrets.map((reference) => secrets.read(reference)));
      const known = read.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      if (known.length === 0) throw new RequestError(503, 'No webhook secret can be read now. Ask again later.');
      if (!isAuthorized(event.headers, known)) {
        throw new RequestError(
          401,
          'Send the webhook secret as "Authorization: Bearer <secret>" or "x-api-key: <secret>".',
        );
      }
    },
  };
}

/** A Lambda function. */
export type Handler<Event, Answer> = (event: Event, context: Context) => Promise<Answer>;

/**
 * Puts the ids of the invocation, and of the request or event behind it, into every line that is logged meanwhile, and
 * writes what was counted, however it ends.
 */
export const observed =
  <Event, Answer>({ metrics }: Pick<Deps, 'metrics'>, handle: Handler<Event, Answer>): Handler<Event, Answer> =>
  (event, context) => {
    const { id, requestContext } = (event ?? {}) as { id?: unknown; requestContext?: { requestId?: unknown } };
    const ids = { requestId: context.awsRequestId, triggerId: requestContext?.requestId ?? id };
    return correlated(ids, () => handle(event, context).finally(() => metrics.flush()));
  };

/** Answers every error as a problem document (RFC 9457), without internals. */
export function problems({ log }: Pick<Deps, 'log'>): Webhook {
  return {
    onError(request) {
      const { status, detail, retryAfter } = problemOf(request.error);
      if (status >= 500) log.error('webhook failed', { error: request.error });
      request.response = {
        statusCode: status,
        headers: {
          'content-type': 'application/problem+json',
          ...(retryAfter ? { 'retry-after': String(retryAfter) } : {}),
          ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
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

/** Seconds after which a caller may ask again when nothing could be recorded. */
const retryAfterSeconds = 10;

function problemOf(error: unknown): { status: number; detail: string; retryAfter?: number } {
  if (error instanceof RequestError) {
    const retryAfter = error.status === 503 ? { retryAfter: retryAfterSeconds } : {};
    return { status: error.status, detail: error.message, ...retryAfter };
  }
  switch ((error as { statusCode?: number } | undefined)?.statusCode) {
    case 415:
      return { status: 415, detail: 'Send JSON, with the header "content-type: application/json".' };
    case 400:
    case 422:
      return { status: 400, detail: 'The body is not JSON.' };
    default:
      return { status: 500, detail: 'Something is wrong on our side. It is in the log.' };
  }
}
