/** What the clients of the AWS SDK have in common. */

/**
 * How long one request to AWS may take, in milliseconds. The SDK only warns of a slow one unless it is told to throw:
 * https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-smithy-node-http-handler/
 */
export const requestHandler = {
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  socketTimeout: 3_000,
  throwOnRequestTimeout: true,
};

/** Ends a request after so many milliseconds, within its answer too. Throws a `TimeoutError` then. */
export async function inTime<Answer>(ms: number, send: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
  const timeout = Promise.withResolvers<never>();
  const controller = new AbortController();
  const timer = setTimeout(
    () => {
      timeout.reject(new DOMException('no answer in time', 'TimeoutError'));
      controller.abort();
    },
    Math.max(ms, 1),
  );
  try {
    return await Promise.race([send(controller.signal), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
