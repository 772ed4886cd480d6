/** The template that `serverless package` makes for each stage. */

import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig, references } from '../../lib/config/config.ts';
import { wire } from '../../lib/wire.ts';
import { tableDefinition } from '../../local/embedded-store.ts';
import { readDocument } from '../../local/notifier-document.ts';
import { allowing, grantsOf, statementsOf } from './policies.ts';
import { packageStack, type Stack } from './stack.ts';

const topicArn = 'arn:aws:sns:eu-west-1:123456789012:events.fifo';
const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/0123';
const [dev, prod, existing] = await Promise.all([
  packageStack('dev', { kmsKeyArn }),
  packageStack('prod'),
  packageStack('prod', { topicArn, kmsKeyArn, alarmEmail: 'somebody@example.com', dashboard: 'true' }),
]);

const stacks = [
  { stage: 'dev, with a key of its own', stack: dev },
  { stage: 'prod', stack: prod },
  { stage: 'prod, with existing resources of the account', stack: existing },
];
const functions = ['Webhook', 'Event', 'Sweep'];

const propertiesOf = (stack: Stack, name: string) => stack.resources[name]?.Properties;
const functionOf = (stack: Stack, name: string) => propertiesOf(stack, `${name}LambdaFunction`);

describe.each(stacks)('functions of $stage', ({ stack }) => {
  test.each(functions)('%s has its own bundle, role and log', (name) => {
    const bundle = name.toLowerCase();
    expect(functionOf(stack, name)).toMatchObject({
      Handler: `dist/${bundle}/index.handler`,
      Role: `<${name}Role.Arn>`,
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
    });
    expect(functionOf(stack, name).Code.S3Key).toMatch(new RegExp(`/${bundle}\\.zip$`));
    expect(stack.archives[`${bundle}.zip`]).toEqual([`dist/${bundle}/index.cjs`]);
    const log = propertiesOf(stack, `${name}LogGroup`);
    expect(log.LogGroupName).toBe(`/aws/lambda/${functionOf(stack, name).FunctionName}`);
    expect(log.RetentionInDays).toBeGreaterThan(0);
  });

  test('there are no other functions and no other roles', () => {
    expect(stack.ofType('AWS::Lambda::Function')).toHaveLength(functions.length);
    expect(stack.ofType('AWS::IAM::Role').flatMap(({ Properties }) => Properties.ManagedPolicyArns ?? [])).toEqual([]);
    expect(stack.ofType('AWS::IAM::Role')).toHaveLength(functions.length);
  });

  test('the API has four routes and their wrong methods, and a rate limit', () => {
    const routes = stack.ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey);
    const open = ['ANY /health', 'ANY /jobs', 'ANY /jobs/{jobId}', 'ANY /wake', 'GET /health'];
    expect(routes.sort()).toEqual([...open, 'GET /jobs/{jobId}', 'POST /jobs', 'POST /wake']);
    // Requests that need no credential do not use up the limit of those that do.
    expect(Object.keys(propertiesOf(stack, 'HttpApiStage').RouteSettings).sort()).toEqual(open);
    expect(propertiesOf(stack, 'HttpApiStage').DefaultRouteSettings).toEqual({
      ThrottlingRateLimit: expect.any(Number),
      ThrottlingBurstLimit: expect.any(Number),
    });
    // An HTTP API waits for 30 s.
    expect(functionOf(stack, 'Webhook').Timeout).toBeLessThan(30);
  });

  test('a sweep starts every minute, ends before the next one, and is not retried', () => {
    const rule = propertiesOf(stack, ruleFor(stack, 'Sweep'));
    expect(rule).toMatchObject({ ScheduleExpression: 'rate(1 minute)', State: 'ENABLED' });
    expect(rule.Targets[0].RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 });
    expect(functionOf(stack, 'Sweep').Timeout).toBe(55);
    expect(propertiesOf(stack, 'SweepLambdaEvConf')).toMatchObject({
      MaximumEventAgeInSeconds: 60,
      MaximumRetryAttempts: 0,
    });
  });

  test('an event that asks for a check reaches the event function', () => {
    const rule = propertiesOf(stack, ruleFor(stack, 'Event'));
    expect(rule).toMatchObject({ EventPattern: { 'detail-type': ['Publishing Job Check'] }, State: 'ENABLED' });
  });
});

const ruleFor = (stack: Stack, name: string): string =>
  stack.nameOf('AWS::Events::Rule', ({ Targets }) => Targets[0].Arn === `<${name}LambdaFunction.Arn>`);

describe.each(stacks)('failures of $stage', ({ stack }) => {
  test.each([
    ['Event', 'FailedEvents'],
    ['Sweep', 'FailedSweeps'],
  ])('failed invocations of %s, and events that EventBridge cannot deliver to it, go to %s', (name, queue) => {
    const arn = `<${queue}.Arn>`;
    expect(propertiesOf(stack, `${name}LambdaEvConf`)).toMatchObject({
      FunctionName: `<${name}LambdaFunction>`,
      DestinationConfig: { OnFailure: { Destination: arn } },
    });
    // Lambda sends with the function's role.
    const sends = allowing(stack.resources[`${name}Role`]).filter(({ Action }) => Action === 'sqs:SendMessage');
    expect(sends.filter(({ Resource }) => Resource !== '<SweepQueue.Arn>')).toEqual([
      expect.objectContaining({ Resource: arn }),
    ]);

    const rule = propertiesOf(stack, ruleFor(stack, name));
    expect(rule.Targets).toEqual([expect.objectContaining({ DeadLetterConfig: { Arn: arn } })]);
    // EventBridge sends with its own identity, and only for this rule.
    expect(allowing(stack.resources[`${queue}Policy`])).toEqual([
      expect.objectContaining({
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arn,
        Condition: { ArnEquals: { 'aws:SourceArn': `arn:aws:events:eu-west-1:123456789012:rule/${rule.Name}` } },
      }),
    ]);
  });

  test('an event that a throttled function cannot take reaches the queue within an hour', () => {
    expect(propertiesOf(stack, 'EventLambdaEvConf').MaximumEventAgeInSeconds).toBe(3_600);
  });

  test('failed events are kept for two weeks, failed sweeps for an hour', () => {
    expect(propertiesOf(stack, 'FailedEvents').MessageRetentionPeriod).toBe(14 * 24 * 3600);
    expect(propertiesOf(stack, 'FailedSweeps').MessageRetentionPeriod).toBe(3600);
  });

  test('messages of the sweep queue start sweeps, and expire soon after their minute', () => {
    expect(stack.ofType('AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties)).toEqual([
      expect.objectContaining({
        EventSourceArn: '<SweepQueue.Arn>',
        FunctionName: '<SweepLambdaFunction.Arn>',
      }),
    ]);
    const { VisibilityTimeout, MessageRetentionPeriod, RedrivePolicy } = propertiesOf(stack, 'SweepQueue');
    // A failed request is not repeated.
    expect(RedrivePolicy).toEqual({ deadLetterTargetArn: '<FailedSweeps.Arn>', maxReceiveCount: 1 });
    expect(VisibilityTimeout).toBeGreaterThan(functionOf(stack, 'Sweep').Timeout);
    expect(MessageRetentionPeriod).toBeLessThanOrEqual(120);
  });

  test('the webhook has no dead-letter queue: its caller receives the error', () => {
    expect(stack.resources['WebhookLambdaEvConf']).toBeUndefined();
  });
});

describe.each(stacks)('permissions of $stage', ({ stack }) => {
  const withPolicies = Object.entries(stack.resources).filter(([, { Type }]) => /Policy$|^AWS::IAM::Role$/.test(Type));

  test('no grant is for every resource or every principal', () => {
    const granted = withPolicies.flatMap(([, resource]) => grantsOf(resource));
    const wide = granted.map(({ action, resource }) => `${action} on ${resource}`).filter((text) => text.includes('*'));
    expect(wide).toEqual([]);
    const principals = withPolicies.flatMap(([, resource]) => allowing(resource).map(({ Principal }) => Principal));
    expect(JSON.stringify(principals)).not.toContain('*');
  });

  test('each role may read the parameters that notifier.yml names, and no others', () => {
    for (const name of functions) {
      const read = grantsOf(stack.resources[`${name}Role`]).filter(({ action }) => action === 'ssm:GetParameters');
      expect(read.map(({ resource }) => resource.split(':parameter')[1])).toEqual([
        '/publishing-job-notifier/production/client-id',
        '/publishing-job-notifier/production/client-secret',
        '/publishing-job-notifier/slack-webhook-url',
        '/publishing-job-notifier/webhook-secret',
      ]);
    }
  });

  test.each(functions)('only Lambda can assume the role of %s', (name) => {
    const { Statement } = propertiesOf(stack, `${name}Role`).AssumeRolePolicyDocument;
    expect(Statement).toEqual([
      { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ]);
  });

  test('a service may use a function, a queue or a topic only for resources of the stack', () => {
    for (const { Properties } of stack.ofType('AWS::Lambda::Permission')) expect(Properties.SourceArn).toBeTruthy();
    for (const [name, resource] of withPolicies) {
      if (resource.Type === 'AWS::IAM::Role') continue;
      for (const { Condition = {} } of allowing(resource)) {
        expect(Object.values(Condition).flatMap(Object.keys), name).toContain('aws:SourceArn');
      }
    }
  });
});

describe.each(stacks)('data of $stage', ({ stack }) => {
  test('the table has the keys and the index of the embedded table, and a TTL', () => {
    const { TableName: _, ...definition } = tableDefinition;
    expect(propertiesOf(stack, 'Table')).toMatchObject({
      ...definition,
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  test('the table has point-in-time recovery', () => {
    expect(propertiesOf(stack, 'Table').PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
  });

  test('everything except the alarm topic is encrypted at rest', () => {
    expect(propertiesOf(stack, 'Table').SSESpecification).toEqual({ SSEEnabled: true });
    for (const { Properties } of stack.ofType('AWS::SQS::Queue')) expect(Properties.SqsManagedSseEnabled).toBe(true);
    for (const { Properties } of stack.ofType('AWS::S3::Bucket')) expect(Properties.BucketEncryption).toBeTruthy();
    const open = Object.keys(stack.resources).filter(
      (name) => stack.resources[name]?.Type === 'AWS::SNS::Topic' && !propertiesOf(stack, name)?.KmsMasterKeyId,
    );
    expect(open).toEqual(stack === dev ? [] : ['AlarmTopic']);
  });

  test('every queue, topic and bucket refuses plain HTTP', () => {
    const asked = Object.keys(stack.resources).filter((name) =>
      /^AWS::(SQS::Queue|SNS::Topic|S3::Bucket)$/.test(stack.resources[name]?.Type ?? ''),
    );
    const refusing = Object.values(stack.resources)
      .filter(({ Type }) => /(Queue|Topic|Bucket)Policy$/.test(Type))
      .filter((policy) =>
        statementsOf(policy).some(
          ({ Effect, Principal, Condition }) =>
            Effect === 'Deny' && Principal === '*' && Condition?.['Bool']?.['aws:SecureTransport'] === false,
        ),
      )
      .flatMap(({ Properties: { Queues, Topics, Bucket } }) => Queues ?? Topics ?? [Bucket]);
    expect(refusing.sort()).toEqual(asked.map((name) => `<${name}>`).sort());
  });

  test('each resource is tagged with the service and the stage', () => {
    expect(stack.tags).toEqual({ Service: 'publishing-job-notifier', Stage: stack === dev ? 'dev' : 'prod' });
  });
});

describe('stages', () => {
  test.each([
    ['dev', dev, { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' }, false],
    ['prod', prod, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' }, true],
  ] as const)('the table of %s has the deletion policy of its stage', (_stage, stack, policies, isProtected) => {
    expect(stack.resources['Table']).toMatchObject(policies);
    expect(propertiesOf(stack, 'Table').DeletionProtectionEnabled).toBe(isProtected);
  });

  test('prod keeps its logs longer, and has a higher rate limit', () => {
    const [days, others] = [prod, dev].map((stack) => propertiesOf(stack, 'SweepLogGroup').RetentionInDays);
    expect(days).toBeGreaterThan(others);
    const [rate, slower] = [prod, dev].map((stack) => propertiesOf(stack, 'HttpApiStage').DefaultRouteSettings);
    expect(rate.ThrottlingRateLimit).toBeGreaterThan(slower.ThrottlingRateLimit);
  });

  test('only prod has alarms, and a dashboard is made only if a parameter says so', () => {
    const counts = (type: string) => [dev, prod, existing].map((stack) => stack.ofType(type).length);
    expect(counts('AWS::CloudWatch::Alarm')).toEqual([0, 10, 10]);
    expect(counts('AWS::CloudWatch::Dashboard')).toEqual([0, 0, 1]);
  });

  test.each([
    ['dev', dev, []],
    ['prod', prod, ['AlarmTopicArn']],
  ] as const)('%s has the outputs that people and the command line use', (_stage, stack, more) => {
    expect(stack.outputs).toMatchObject({
      WebhookUrl: { Value: 'https://<HttpApi>.execute-api.eu-west-1.amazonaws.com' },
      TopicArn: { Value: '<Topic>' },
      TableName: { Value: '<Table>' },
      FailedEventsUrl: { Value: '<FailedEvents>' },
      FailedSweepsUrl: { Value: '<FailedSweeps>' },
      WebhookFunctionName: { Value: '<WebhookLambdaFunction>' },
      EventFunctionName: { Value: '<EventLambdaFunction>' },
      SweepFunctionName: { Value: '<SweepLambdaFunction>' },
    });
    expect(Object.keys(stack.outputs).filter((name) => name === 'AlarmTopicArn')).toEqual(more);
  });
});

describe('existing resources of the account', () => {
  const publishes = (stack: Stack, name: string) =>
    allowing(stack.resources[`${name}Role`]).find(({ Action }) => Action === 'sns:Publish')?.Resource;

  test.each(functions)('%s publishes to the topic of the stack', (name) => {
    expect(functionOf(prod, name).Environment.Variables.TOPIC_ARN).toBe('<Topic>');
    expect(publishes(prod, name)).toBe('<Topic>');
  });

  test.each(functions)('%s publishes to an existing topic, and the stack creates none', (name) => {
    expect(functionOf(existing, name).Environment.Variables.TOPIC_ARN).toBe(topicArn);
    expect(publishes(existing, name)).toBe(topicArn);
    expect(Object.keys(existing.resources)).not.toContain('Topic');
    expect(Object.keys(existing.resources)).not.toContain('TopicPolicy');
    expect(existing.outputs['TopicArn']?.Value).toBe(topicArn);
  });

  test.each(functions)('%s uses an existing key, and otherwise none', (name) => {
    const ofKeys = (stack: Stack) =>
      allowing(stack.resources[`${name}Role`]).filter(({ Action }) => String(Action).includes('kms:'));
    expect(ofKeys(prod)).toEqual([]);
    for (const stack of [dev, existing]) {
      expect(ofKeys(stack)).toEqual([
        { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: kmsKeyArn },
      ]);
    }
  });

  test('the topic of the stack is encrypted with that key, or else with the key that AWS manages', () => {
    expect(propertiesOf(dev, 'Topic').KmsMasterKeyId).toBe(kmsKeyArn);
    expect(propertiesOf(prod, 'Topic').KmsMasterKeyId).toBe('alias/aws/sns');
  });

  test('alarms go to a configured email address', () => {
    expect(prod.ofType('AWS::SNS::Subscription')).toEqual([]);
    expect(existing.ofType('AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([
      { TopicArn: '<AlarmTopic>', Protocol: 'email', Endpoint: 'somebody@example.com' },
    ]);
  });
});

describe('environment variables', async () => {
  const config = await readDocument();

  /** The names that the code reads, with the bundled configuration. */
  function namesRead(): Set<string> {
    const names = new Set<string>();
    const values: Record<string, string> = { NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'table' };
    const env = new Proxy(values, {
      get(target, name) {
        if (typeof name === 'string') names.add(name);
        return target[name as string];
      },
    });
    wire(env);
    for (const reference of references(parseConfig(config) as Config)) {
      if (reference.startsWith('env:')) names.add(reference.slice('env:'.length));
    }
    // The document is in the bundle; the variable is for tests and local runs.
    names.delete('NOTIFIER_CONFIG');
    // Lambda sets it.
    names.delete('AWS_SESSION_TOKEN');
    return names;
  }

  test.each(functions)('%s has exactly those that the code reads', (name) => {
    for (const { stack } of stacks) {
      expect(new Set(Object.keys(functionOf(stack, name).Environment.Variables))).toEqual(namesRead());
    }
  });

  test('no file in lib/ reads process.env', () => {
    const sources = globSync('lib/**/*.ts').map((path) => readFileSync(path, 'utf8'));
    expect(sources.filter((source) => source.includes('process.env'))).toEqual([]);
  });

  test('their values', () => {
    expect(functionOf(prod, 'Sweep').Environment.Variables).toEqual({
      TABLE_NAME: '<Table>',
      TOPIC_ARN: '<Topic>',
      SWEEP_QUEUE_URL: '<SweepQueue>',
      METRICS_NAMESPACE: 'publishing-job-notifier-prod',
    });
  });
});
