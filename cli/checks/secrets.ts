/** Whether each value that the configuration names can be read. Its value is never shown. */

import { UpstreamError } from '../../lib/platform/errors.ts';
import { explain } from '../problem.ts';
import { type Reference, referencesOf } from '../references.ts';
import { type CheckContext, type Finding, no, unknown, yes } from './finding.ts';

export const checkSecrets = (context: CheckContext): Promise<Finding[]> =>
  Promise.all(referencesOf(context.config).map((one) => checkOne(context, one)));

async function checkOne({ deps, target }: CheckContext, one: Reference): Promise<Finding> {
  const what = `secret ${one.reference}`;
  try {
    await deps.secrets.read(one.reference);
    return yes(what, `readable, for ${one.path}`);
  } catch (error) {
    // The stack tells its topic, for example.
    const isUntold = target === null && one.reference.startsWith('env:');
    return isUntold ? unknown(what, 'no notifier is known') : no(what, isMissing(error) ? missing(one) : whyNot(error));
  }
}

// What the AWS SDK says of its own troubles is the cause.
const whyNot = (error: unknown): string =>
  error instanceof UpstreamError && error.cause ? `not read: ${explain(error.cause)}` : explain(error);

const isMissing = (error: unknown): boolean => error instanceof UpstreamError && error.kind === 'needsOperator';

const missing = ({ reference, path }: Reference): string =>
  reference.startsWith('ssm:')
    ? `missing in Systems Manager, or you may not read it. Write it by \`npm run notifier -- secrets set ${reference}\`; ${path} needs it.`
    : `not set. Set it for this command as it is set for the functions; ${path} needs it.`;
