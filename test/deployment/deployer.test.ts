/** docs/aws: the policy of the deployer covers everything that a deployment does, and the role trusts one environment. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Statement } from './policies.ts';
import { packageStack } from './stack.ts';

const stack = await packageStack('prod', { alarmEmail: 'operators@example.com', dashboard: 'true' });
const text = readFileSync('docs/aws/deployer-policy.json', 'utf8');
const statements: Statement[] = JSON.parse(text).Statement;

const region = 'eu-west-1:123456789012';
const service = 'publishing-job-notifier-prod';

/** CloudFormation makes up the names of most resources: the name of the stack, then that of the resource. */
const arns: Record<string, string> = {
  cloudformation: `arn:aws:cloudformation:${region}:stack/${service}/0a1b`,
  s3: `arn:aws:s3:::${service}-serverlessdeploymentbuck-0a1b/serverless/code.zip`,
  lambda: `arn:aws:lambda:${region}:function:${service}-sweep`,
  iam: `arn:aws:iam::123456789012:role/${service}-SweepRole-0a1b`,
  apigateway: 'arn:aws:apigateway:eu-west-1::/apis/a1b2/routes',
  dynamodb: `arn:aws:dynamodb:${region}:table/${service}-Table-0a1b`,
  sns: `arn:aws:sns:${region}:${service}-Topic-0a1b`,
  sqs: `arn:aws:sqs:${region}:${service}-SweepQueue-0a1b`,
  events: `arn:aws:events:${region}:rule/${service}-sweep`,
  logs: `arn:aws:logs:${region}:log-group:/aws/lambda/${service}-sweep:*`,
  cloudwatch: `arn:aws:cloudwatch:${region}:alarm:${service}-DiscoveryAlarm-0a1b`,
};
const eventSourceMapping = `arn:aws:lambda:${region}:event-source-mapping:0a1b`;
const dashboard = `arn:aws:cloudwatch::123456789012:dashboard/${service}`;

/** What CloudFormation calls to create, read, update and delete a resource with tags: `handlers` of each type's schema. */
const needed: Record<string, { actions: string; resource?: string }> = {
  'AWS::S3::Bucket': {
    actions: `s3:CreateBucket DeleteBucket ListBucket GetBucketTagging PutBucketTagging GetEncryptionConfiguration
      PutEncryptionConfiguration`,
  },
  'AWS::S3::BucketPolicy': { actions: 's3:GetBucketPolicy PutBucketPolicy DeleteBucketPolicy' },
  'AWS::Logs::LogGroup': {
    actions: `logs:CreateLogGroup DeleteLogGroup DescribeLogGroups PutRetentionPolicy DeleteRetentionPolicy
      TagResource UntagResource ListTagsForResource GetDataProtectionPolicy DescribeIndexPolicies`,
  },
  'AWS::Lambda::Function': {
    actions: `lambda:CreateFunction GetFunction GetFunctionConfiguration GetFunctionCodeSigningConfig
      GetFunctionRecursionConfig GetRuntimeManagementConfig UpdateFunctionCode UpdateFunctionConfiguration
      DeleteFunction ListTags TagResource UntagResource iam:PassRole s3:GetObject GetObjectVersion`,
  },
  'AWS::Lambda::EventInvokeConfig': {
    actions: `lambda:PutFunctionEventInvokeConfig GetFunctionEventInvokeConfig UpdateFunctionEventInvokeConfig
      DeleteFunctionEventInvokeConfig ListFunctionEventInvokeConfigs`,
  },
  'AWS::Lambda::Permission': { actions: 'lambda:AddPermission RemovePermission GetPolicy' },
  'AWS::Lambda::EventSourceMapping': {
    actions: `lambda:CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping
      ListEventSourceMappings ListTags TagResource UntagResource`,
    resource: eventSourceMapping,
  },
  'AWS::Events::Rule': {
    actions: `events:PutRule DescribeRule DeleteRule PutTargets RemoveTargets ListTargetsByRule TagResource
      UntagResource ListTagsForResource`,
  },
  'AWS::ApiGatewayV2::Api': { actions: 'apigateway:POST GET PATCH PUT DELETE' },
  'AWS::ApiGatewayV2::Stage': { actions: 'apigateway:POST GET PATCH PUT DELETE' },
  'AWS::ApiGatewayV2::Integration': { actions: 'apigateway:POST GET PATCH DELETE' },
  'AWS::ApiGatewayV2::Route': { actions: 'apigateway:POST GET PATCH DELETE' },
  'AWS::DynamoDB::Table': {
    actions: `dynamodb:CreateTable DescribeTable UpdateTable DeleteTable DescribeTimeToLive UpdateTimeToLive
      DescribeContinuousBackups UpdateContinuousBackups DescribeContributorInsights
      DescribeKinesisStreamingDestination GetResourcePolicy ListTagsOfResource TagResource UntagResource`,
  },
  'AWS::SNS::Topic': {
    actions: `sns:CreateTopic GetTopicAttributes SetTopicAttributes DeleteTopic ListSubscriptionsByTopic
      GetDataProtectionPolicy ListTagsForResource TagResource UntagResource`,
  },
  'AWS::SNS::TopicPolicy': { actions: 'sns:GetTopicAttributes SetTopicAttributes' },
  'AWS::SNS::Subscription': {
    actions: 'sns:Subscribe Unsubscribe GetSubscriptionAttributes SetSubscriptionAttributes ListSubscriptionsByTopic',
  },
  'AWS::SQS::Queue': {
    actions: `sqs:CreateQueue GetQueueUrl GetQueueAttributes SetQueueAttributes DeleteQueue ListQueueTags TagQueue
      UntagQueue`,
  },
  'AWS::SQS::QueuePolicy': { actions: 'sqs:GetQueueAttributes SetQueueAttributes' },
  'AWS::IAM::Role': {
    actions: `iam:CreateRole GetRole UpdateRole UpdateAssumeRolePolicy DeleteRole PutRolePolicy GetRolePolicy
      DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies ListRoleTags TagRole UntagRole`,
  },
  'AWS::CloudWatch::Alarm': {
    actions: 'cloudwatch:PutMetricAlarm DescribeAlarms DeleteAlarms ListTagsForResource TagResource UntagResource',
  },
  'AWS::CloudWatch::Dashboard': {
    actions: 'cloudwatch:PutDashboard GetDashboard DeleteDashboards',
    resource: dashboard,
  },
};

/** What `serverless deploy` and `serverless remove` call themselves. */
const ofFramework = `cloudformation:CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet CreateStack
  UpdateStack DeleteStack DescribeStacks DescribeStackEvents DescribeStackResource DescribeStackResources
  ListStackResources GetTemplate SetStackPolicy TagResource ListExports ValidateTemplate s3:ListBucket
  ListBucketVersions GetObject PutObject DeleteObject DeleteObjectVersion lambda:GetFunction
  logs:DescribeSubscriptionFilters apigateway:GET`;

/** Each action with its service, and the resource that it is called on. */
function calls(actions: string, resource?: string): { action: string; resource: string }[] {
  let prefix = '';
  return actions.split(/\s+/).map((word) => {
    const [name = '', given] = word.split(':').reverse();
    prefix = given ?? prefix;
    return { action: `${prefix}:${name}`, resource: resource ?? arns[prefix] ?? '' };
  });
}

const done = [
  ...Object.values(needed).flatMap(({ actions, resource }) => calls(actions, resource)),
  ...calls(ofFramework),
];

const matches = (pattern: string, value: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(value);
const allows = ({ Action, Resource }: Statement, call: { action: string; resource: string }): boolean =>
  [Action].flat().some((action) => matches(action, call.action)) &&
  [Resource].flat().some((resource) => matches(resource, call.resource));

test('every type of resource in the packaged stack is known here', () => {
  const types = new Set(Object.values(stack.resources).map(({ Type }) => Type));
  expect([...types].sort()).toEqual(Object.keys(needed).sort());
});

test('the policy allows every call of a deployment, on the resources of the notifier', () => {
  expect(done.filter((call) => !statements.some((statement) => allows(statement, call)))).toEqual([]);
});

test('the policy allows nothing else, and no changes outside of the notifier', () => {
  const used = (action: string) => done.some((call) => matches(action, call.action));
  const unused = statements.flatMap(({ Action }) => [Action].flat()).filter((action) => !used(action));
  expect(unused).toEqual(['iam:CreateServiceLinkedRole']);
  const unbound = statements.filter(({ Resource, Condition }) => Resource === '*' && !Condition);
  expect(unbound.flatMap(({ Action }) => Action).filter((action) => !/:(Describe|List|Validate)/.test(action))).toEqual(
    [],
  );
  // IAM accepts no longer managed policy. White space does not count.
  expect(text.replaceAll(/\s/g, '').length).toBeLessThanOrEqual(6_144);
});

test('the names of the stack begin as the policy says', () => {
  const named = Object.values(stack.resources).flatMap(({ Properties }) => {
    const { FunctionName, LogGroupName, DashboardName, QueueName, TableName, TopicName } = Properties ?? {};
    return [FunctionName, LogGroupName, DashboardName, QueueName, TableName, TopicName];
  });
  const own = named.filter((name) => typeof name === 'string' && !name.startsWith('<'));
  expect(own.length).toBeGreaterThan(0);
  for (const name of own) expect(name).toMatch(/^(\/aws\/lambda\/)?publishing-job-notifier-/);
});

test('the role trusts one environment of one repository, and its policy is the one above', () => {
  const sub = { tag: '!Sub', resolve: (value: string) => `Sub ${value}` };
  const { Role, Provider } = parse(readFileSync('docs/aws/oidc-role.yml', 'utf8'), {
    customTags: [sub],
    logLevel: 'error',
  }).Resources;
  const [trust] = Role.Properties.AssumeRolePolicyDocument.Statement;
  expect(trust.Action).toBe('sts:AssumeRoleWithWebIdentity');
  expect(trust.Condition).toEqual({
    StringEquals: {
      'token.actions.githubusercontent.com:aud': 'sts.amazonaws.com',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation fills it in.
      'token.actions.githubusercontent.com:sub': 'Sub repo:${Repository}:environment:${GitHubEnvironment}',
    },
  });
  expect(Role.Properties.ManagedPolicyArns).toEqual(['DeployerPolicyArn']);
  expect(Provider.Properties.Url).toBe('https://token.actions.githubusercontent.com');
});
