/** Turns an error into one sentence that says what went wrong and what to do. */

import { ConfigError, RequestError, UpstreamError } from '../lib/platform/errors.ts';
import { clean } from '../lib/platform/text.ts';

type Thrown = Partial<Error> & { code?: string };

/** Messages by the name or the code of an error of the AWS SDK. */
const advice: [RegExp, (message: string) => string][] = [
  [/^CredentialsProviderError$/, () => 'No AWS credentials found. Sign in, or set AWS_PROFILE'],
  [
    /^(ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|InvalidSignature|InvalidAccessKeyId|IncompleteSignature)/,
    (message) => `AWS refuses the credentials (${message}). Sign in again, or set AWS_PROFILE`,
  ],
  [/^(AccessDenied|AuthorizationError|NotAuthorized)/, (message) => `AWS denies access: ${message}`],
  [
    /^ResourceNotFoundException$/,
    () => 'The table does not exist in this region. Deploy the notifier, or check --stage, TABLE_NAME and AWS_REGION',
  ],
  [
    /QueueDoesNotExist|NonExistentQueue/,
    () => 'The queue does not exist in this region. Check --queue, --stage and AWS_REGION',
  ],
  [
    /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|TimeoutError)$/,
    (message) =>
      `Cannot connect to AWS (${message}). Check the network, AWS_REGION and AWS_ENDPOINT_URL, or run \`npm start\` ` +
      'again if it was killed',
  ],
];

/** The message for any thrown value. */
export function errorMessage(error: unknown): string {
  if (error instanceof ConfigError || error instanceof RequestError) return error.message;
  if (error instanceof UpstreamError) return sentence(error.message);
  const { name = 'Error', message = '', code = '' } = error as Thrown;
  if (/^Region (is missing|not accepted)/.test(message)) return 'No AWS region set. Add --region, or set AWS_REGION.';
  const text = clean(message || code || name, 300);
  const [, advise] = advice.find(([names]) => names.test(name) || names.test(code)) ?? [];
  return sentence(advise ? advise(text) : `${name}: ${text}`);
}

/** The message for a mistake that Commander found in the command line. */
export function usageMessage({ code, message }: { code: string; message: string }): string {
  if (code === 'commander.help') return 'A command is missing; --help lists the commands.';
  const [, problem = '', hint = ''] = /^error: (.+?)\.?(?:\n\((.+)\))?$/s.exec(message) ?? [];
  const [first = ''] = problem;
  const sentence = `${first.toUpperCase()}${problem.slice(1)}`.replace(
    /\. (\w)/,
    (_, next) => `, ${next.toLowerCase()}`,
  );
  return clean(`${sentence}${hint && ` (${hint})`}; --help shows the usage.`, 500);
}

/** 2 for a mistake in the command line, 1 for any other error. */
export const exitCodeOf = (error: unknown): number => (error instanceof RequestError ? 2 : 1);

const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);
