/** The functions, with their code, roles and logs. */

import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { GetRoleCommand, GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from '@aws-sdk/client-iam';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { Report } from './report.ts';
import type { Deployment } from './resources.ts';
import type { Resource } from './stack.ts';

export async function checkFunctions(report: Report, deployment: Deployment): Promise<void> {
  const { aws, packaged, stack } = deployment;
  const functions = stack.made('AWS::Lambda::Function');
  const client = new LambdaClient(aws);
  const configurations = await Promise.all(
    functions.map(({ physicalId }) => client.send(new GetFunctionConfigurationCommand({ FunctionName: physicalId }))),
  );
  const see = () => configurations;
  const all = (expected: (properties: Resource['properties']) => unknown) =>
    functions.map(({ properties }) => expected(properties));

  const settings = all(({ Runtime, Handler, MemorySize, Timeout }) => ({ Runtime, Handler, MemorySize, Timeout }));
  await report.check('the functions have their runtime, memory and time-out', settings, see);
  const architectures = all(({ Architectures }) => ({ Architectures }));
  await report.check('the functions run on arm64', architectures, see, 'this emulator knows one architecture');
  const code = all(({ Code }) => ({ CodeSha256: sha256(packaged.zips.get(basename(Code.S3Key))) }));
  await report.check('the functions have the code that was packaged', code, see);
  const variables = all(({ Environment }) => mapValues(Environment.Variables, () => true));
  await report.check('the functions get their environment variables', variables, () =>
    configurations.map(({ Environment }) => mapValues(Environment?.Variables ?? {}, Boolean)),
  );
  const roles = () => new Set(configurations.map(({ Role }) => Role)).size;
  await report.check('every function has a role of its own', functions.length, roles);
  for (const role of stack.made('AWS::IAM::Role')) await checkRole(report, deployment, role);
  for (const group of stack.made('AWS::Logs::LogGroup')) await checkLogGroup(report, deployment, group);
}

const mapValues = <In, Out>(values: Record<string, In>, make: (value: In) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value)]));

const sha256 = (zip: Buffer = Buffer.alloc(0)): string => createHash('sha256').update(zip).digest('base64');

async function checkRole(report: Report, { aws, stack }: Deployment, { logicalId, physicalId: RoleName }: Resource) {
  const client = new IAMClient(aws);
  await report.check(`${logicalId} is for Lambda, and names the table and the topic`, [true, true, true], async () => {
    const { Role } = await client.send(new GetRoleCommand({ RoleName }));
    const { PolicyNames = [] } = await client.send(new ListRolePoliciesCommand({ RoleName }));
    const policies = PolicyNames.map((PolicyName) => client.send(new GetRolePolicyCommand({ RoleName, PolicyName })));
    // Looked through as text: moto gives it back in the notation of Python.
    const text = (await Promise.all(policies))
      .map(({ PolicyDocument = '' }) => decodeURIComponent(PolicyDocument))
      .join();
    return [
      decodeURIComponent(Role?.AssumeRolePolicyDocument ?? '').includes('lambda.amazonaws.com'),
      text.includes(`:table/${stack.outputs['TableName']}`),
      text.includes(`${stack.outputs['TopicArn']}`),
    ];
  });
}

async function checkLogGroup(report: Report, { aws }: Deployment, { physicalId, properties }: Resource) {
  const ask = new DescribeLogGroupsCommand({ logGroupNamePrefix: physicalId });
  const { RetentionInDays } = properties;
  await report.check(`${physicalId} keeps lines for ${RetentionInDays} days`, RetentionInDays, async () => {
    const { logGroups = [] } = await new CloudWatchLogsClient(aws).send(ask);
    return logGroups.find(({ logGroupName }) => logGroupName === physicalId)?.retentionInDays;
  });
}
