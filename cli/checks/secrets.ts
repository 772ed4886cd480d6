/** Checks that each value that the configuration references can be read. The value is never shown. */

import { UpstreamError } from '../../lib/platform/errors.ts';
import { errorMessage } from '../error-message.ts';
import { type Reference, referencesOf } from '../references.ts';
import { type CheckContext, type Finding, failed, ok, unknown } from './finding.ts';

export const checkSecrets = (context: CheckContext): Promise<Finding[]> =>
  Promise.all(referencesOf(context.config).map((reference) => checkOne(context, reference)));

async function checkOne({ deps, target }: CheckContext, { reference, path }: Reference): Promise<Finding> {
  const name = `secret ${reference}`;
  try {
    await deps.secrets.read(reference);
    return ok(name, `readable, for ${path}`);
  } catch (error) {
    // Without a stack, its outputs are not known, such as TOPIC_ARN.
    if (target === null && reference.startsWith('env:')) return unknown(name, 'no notifier found');
    return failed(name, isMissing(error) ? missingText(reference, path, process.env['STAGE']) : causeOf(error));
  }
}

/** The error of the AWS SDK is the cause of the error of `secrets`. */
const causeOf = (error: unknown): string =>
  error instanceof UpstreamError && error.cause ? `cannot be read: ${errorMessage(error.cause)}` : errorMessage(error);

const isMissing = (error: unknown): boolean => error instanceof UpstreamError && error.kind === 'needsOperator';

const missingText = (reference: string, path: string, stage = ''): string =>
  reference.startsWith('ssm:')
    ? `missing in Systems Manager, or you may not read it. ${path} needs it. Write it with \`npx publishing-job-notifier secrets set ${reference}${stage && ` --stage ${stage}`}\`.`
    : `not set. ${path} needs it. Set it for this command as it is set for the functions.`;
