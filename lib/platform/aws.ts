/** Settings that all AWS SDK clients share. */

/**
 * Time limits of one request to AWS, in milliseconds. By default the SDK only logs a warning when a request is slow;
 * `throwOnRequestTimeout` makes it an error.
 * https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/Package/-smithy-node-http-handler/
 */
export const requestHandler = {
  connectionTimeout: 1_000,
  requestTimeout: 3_000,
  socketTimeout: 3_000,
  throwOnRequestTimeout: true,
};
