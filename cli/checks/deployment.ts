/** Checks that a stack has the configuration and the version of this checkout, and that no other stack does the same work. */

import { CloudFormationClient, paginateDescribeStacks, type Stack } from '@aws-sdk/client-cloudformation';
import { requestHandler } from '../../lib/platform/aws.ts';
import { notifiedBy, takeFingerprint, watchedBy } from '../../local/fingerprint.ts';
import { checkout, configurationDocument } from '../target.ts';
import { type CheckContext, type Finding, failed, messageOf, ok, unknown } from './finding.ts';

/** No findings for a notifier that is not a stack. */
export async function checkDeployment(context: CheckContext): Promise<Finding[]> {
  const { target, config } = context;
  if (target?.outputs === undefined) return [];
  const { document, source } = await configurationDocument(process.env);
  const here = await takeFingerprint(document, config, checkout);
  const { ConfigHash, Version } = target.outputs;
  return [
    compare('deployed configuration', ConfigHash, here.ConfigHash, `that of ${source}`),
    compare('deployed version', Version, here.Version, `that of this checkout, ${here.Version}`),
    await checkOtherStacks(context, target.outputs),
  ];
}

function compare(name: string, deployed: string | undefined, here: string, what: string): Finding {
  if (deployed === undefined) return unknown(name, 'the stack does not say. Deploy it again with this version');
  if (deployed === here) return ok(name, what);
  return failed(
    name,
    `${deployed}, not ${what}${what.includes(here) ? '' : `, ${here}`}. Deploy again, or check out what is deployed.`,
  );
}

/** Compares what can be compared without a common table: references to clients and channels, of this account and region. */
async function checkOtherStacks({ config }: CheckContext, ours: Record<string, string>): Promise<Finding> {
  const name = 'other deployments';
  try {
    for (const stack of await readableStacks()) {
      const theirs = outputsOf(stack);
      if (theirs['TableName'] === ours['TableName']) continue;
      const [environment] = shared(watchedBy(config), theirs['WatchedHashes']);
      const [channel] = [...shared(notifiedBy(config), theirs['NotifiedHashes']), ...sharedTopic(ours, theirs)];
      if (environment === undefined || channel === undefined) continue;
      return failed(
        name,
        `the stack ${stack.StackName} also watches ${environment} and notifies ${channel}: messages may come twice. ` +
          'Remove one of the stacks, or give each stage its own credential or channel (notifier.<stage>.yml).',
      );
    }
    return ok(name, 'no other stack of this account and region watches an environment for the same channel');
  } catch (error) {
    return unknown(name, `the stacks of this account and region cannot be read: ${messageOf(error)}`);
  }
}

async function readableStacks(): Promise<Stack[]> {
  const client = new CloudFormationClient({ maxAttempts: 2, requestHandler });
  const stacks: Stack[] = [];
  for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) stacks.push(...Stacks);
  return stacks;
}

const outputsOf = ({ Outputs = [] }: Stack): Record<string, string> =>
  Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));

const shared = (ours: Record<string, string>, theirs = ''): string[] =>
  Object.keys(ours).filter((name) => theirs.split(' ').includes(ours[name] as string));

const sharedTopic = (ours: Record<string, string>, theirs: Record<string, string>): string[] =>
  ours['TopicArn'] !== undefined && ours['TopicArn'] === theirs['TopicArn'] ? ['the topic'] : [];
