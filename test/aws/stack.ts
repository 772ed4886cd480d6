/** Deploys a packaged stack as the framework does: first the bucket, then the code into it, then everything else. */

import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
  waitUntilStackCreateComplete,
  waitUntilStackDeleteComplete,
  waitUntilStackUpdateComplete,
} from '@aws-sdk/client-cloudformation';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ConfigError } from '../../lib/platform/errors.ts';
import type { AwsSettings } from './endpoint.ts';
import type { Packaged, Template, TemplateResource } from './packaged.ts';
import { emptyBucket, removeRetained } from './remove.ts';

/** A stack that was deployed. */
export interface Stack {
  outputs: Record<string, string>;
  /** What the endpoint made, of one type. */
  made(type: string): Resource[];
  /** What stands in the template, and was not made: the endpoint cannot, or the condition does not hold. */
  missing: { logicalId: string; type: string; isConditional: boolean }[];
  /** The name, address or ARN under which a resource was made; empty if it was not. */
  physicalId(logicalId: string): string;
}

/** A resource of the stack: as the template asks for it, and under which name it was made. */
export interface Resource {
  logicalId: string;
  physicalId: string;
  // biome-ignore lint/suspicious/noExplicitAny: what stands in a template depends on the type.
  properties: Record<string, any>;
}

/** What is to be removed at the end, last things first, and how. */
export type Undo = [what: string, remove: () => Promise<unknown>][];

const bucketId = 'ServerlessDeploymentBucket';
const waiting = { maxWaitTime: 900, minDelay: 1, maxDelay: 5 };

/** Makes the stack. What removes it goes into `undo` at once, so that a deployment that fails leaves nothing behind. */
export async function deploy(aws: AwsSettings, packaged: Packaged, undo: Undo): Promise<Stack> {
  const cloudFormation = new CloudFormationClient(aws);
  const StackName = packaged.stackName;
  const wanted = { StackName, Tags: packaged.tags, Capabilities: ['CAPABILITY_NAMED_IAM' as const] };

  const first = JSON.stringify(packaged.firstTemplate);
  await cloudFormation.send(new CreateStackCommand({ ...wanted, TemplateBody: first })).catch((error: Error) => {
    if (error.name !== 'AlreadyExistsException') throw error;
    throw new ConfigError(`The stack ${StackName} is there already. Remove it, or take another --stage.`);
  });
  let Bucket = '';
  undo.push(['the stack is removed', () => remove(aws, packaged, Bucket)]);
  await waitUntilStackCreateComplete({ client: cloudFormation, ...waiting }, { StackName });

  Bucket = (await physicalIds(cloudFormation, StackName)).get(bucketId) ?? '';
  const s3 = new S3Client({ ...aws, forcePathStyle: aws.endpoint !== undefined });
  const put = (name: string, Body: Buffer | string) =>
    s3.send(new PutObjectCommand({ Bucket, Key: `${packaged.folder}/${name}`, Body }));
  await Promise.all([...packaged.zips].map(([name, content]) => put(name, content)));
  // A template in the request may have 51,200 bytes, one in a bucket 1 MB.
  await put('template.json', JSON.stringify(packaged.template));

  const TemplateURL = `https://s3.amazonaws.com/${Bucket}/${packaged.folder}/template.json`;
  await cloudFormation.send(new UpdateStackCommand({ ...wanted, TemplateURL }));
  await waitUntilStackUpdateComplete({ client: cloudFormation, ...waiting }, { StackName }).catch(async () => {
    throw new Error(`The stack was not made: ${await firstFailure(cloudFormation, StackName)}`);
  });
  return await describe(cloudFormation, StackName, packaged.template);
}

async function describe(client: CloudFormationClient, StackName: string, template: Template): Promise<Stack> {
  const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName }));
  const ids = await physicalIds(client, StackName);
  const resources = Object.entries(template.Resources);
  const isMade = ([logicalId]: [string, TemplateResource]) => ids.has(logicalId);
  return {
    outputs: Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue])),
    made: (type) =>
      resources
        .filter((resource) => resource[1].Type === type && isMade(resource))
        .map(([logicalId, { Properties = {} }]) => ({
          logicalId,
          physicalId: ids.get(logicalId) ?? '',
          properties: Properties,
        })),
    missing: resources
      .filter((resource) => !isMade(resource))
      .map(([logicalId, { Type, Condition }]) => ({ logicalId, type: Type, isConditional: Condition !== undefined })),
    physicalId: (logicalId) => ids.get(logicalId) ?? '',
  };
}

/** By logical id. An emulator lists what it does not know without one. */
async function physicalIds(client: CloudFormationClient, StackName: string): Promise<Map<string, string>> {
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName }));
  return new Map(
    StackResources.filter(({ LogicalResourceId }) => LogicalResourceId).map((resource) => [
      resource.LogicalResourceId ?? '',
      resource.PhysicalResourceId ?? '',
    ]),
  );
}

async function firstFailure(client: CloudFormationClient, StackName: string): Promise<string> {
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
  const failures = StackEvents.filter(({ ResourceStatus }) => ResourceStatus?.endsWith('_FAILED'));
  const { LogicalResourceId, ResourceStatusReason } = failures.at(-1) ?? {};
  return `${LogicalResourceId}: ${ResourceStatusReason}`;
}

/** Removes the stack, and what it leaves behind on purpose: it was made for this run. */
async function remove(aws: AwsSettings, { stackName: StackName, template }: Packaged, bucket: string): Promise<void> {
  const client = new CloudFormationClient(aws);
  const ids = await physicalIds(client, StackName);
  if (bucket) await emptyBucket(aws, bucket);
  await client.send(new DeleteStackCommand({ StackName }));
  await waitUntilStackDeleteComplete({ client, ...waiting }, { StackName });
  for (const [logicalId, { Type, DeletionPolicy }] of Object.entries(template.Resources)) {
    const isLeft = DeletionPolicy?.startsWith('Retain') && ids.has(logicalId);
    if (isLeft) await removeRetained(aws, Type, ids.get(logicalId) ?? '');
  }
}
