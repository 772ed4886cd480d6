/** What went wrong, in one sentence that says what to do. */

import { ConfigError, RequestError, UpstreamError } from '../lib/platform/errors.ts';
import { clean } from '../lib/platform/text.ts';

type Thrown = Partial<Error> & { code?: string };

/** By the name or the code of an error of the AWS SDK. */
const advice: [RegExp, (said: string) => string][] = [
  [/^CredentialsProviderError$/, () => 'No AWS credentials: sign in, or set AWS_PROFILE'],
  [
    /^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|InvalidAccessKeyId|IncompleteSignature)/,
    (said) => `AWS refuses the credentials: sign in again, or set AWS_PROFILE (${said})`,
  ],
  [/^(AccessDenied|AuthorizationError|NotAuthorized)/, (said) => `AWS does not allow this: ${said}`],
  [
    /^ResourceNotFoundException$/,
    () => 'There is no such table in this region: deploy the notifier, or check --stage, TABLE_NAME and AWS_REGION',
  ],
  [
    /QueueDoesNotExist|NonExistentQueue/,
    () => 'There is no such queue in this region: check --queue, --stage and AWS_REGION',
  ],
  [
    /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|TimeoutError)$/,
    (said) =>
      `AWS cannot be reached (${said}): check the network, AWS_REGION and AWS_ENDPOINT_URL, or begin with \`npm start\` ` +
      'again if it was killed',
  ],
];

/** The sentence for an error, whatever was thrown. */
export function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RequestError) return error.message;
  if (error instanceof UpstreamError) return sentence(error.message);
  const { name = 'Error', message = '', code = '' } = error as Thrown;
  if (/^Region (is missing|not accepted)/.test(message))
    return 'No AWS region is known: add --region, or set AWS_REGION.';
  const said = clean(message || code || name, 300);
  const [, advise] = advice.find(([names]) => names.test(name) || names.test(code)) ?? [];
  return sentence(advise ? advise(said) : `${name}: ${said}`);
}

/** 2: the command line asks for what there is not. 1: something is wrong. */
export const exitCodeOf = (error: unknown): number => (error instanceof RequestError ? 2 : 1);

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);
