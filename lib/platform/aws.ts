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
