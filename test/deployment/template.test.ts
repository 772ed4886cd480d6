/** What would be deployed, as data: the template that `serverless package` makes for each stage. */

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
const [dev, prod, brought] = await Promise.all([
  packageStack('dev', { kmsKeyArn }),
  packageStack('prod'),
  packageStack('prod', { topicArn, kmsKeyArn, alarmEmail: 'somebody@example.com' }),
]);

const stacks = [
  { stage: 'dev, with a key of its own', stack: dev },
  { stage: 'prod', stack: prod },
  { stage: 'prod, with all that an account may bring along', stack: brought },
];
const functions = ['Webhook', 'Event', 'Sweep'];

const propertiesOf = (stack: Stack, name: string) => stack.resources[name]?.Properties;
const functionOf = (stack: Stack, name: string) => propertiesOf(stack, `${name}LambdaFunction`);

describe.each(stacks)('functions of $stage', ({ stack }) => {
  test.each(functions)('%s runs alone: its own bundle, role and log', (name) => {
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

  test('there are no others, and no role beside theirs', () => {
    expect(stack.ofType('AWS::Lambda::Function')).toHaveLength(functions.length);
    expect(stack.ofType('AWS::IAM::Role').flatMap(({ Properties }) => Properties.ManagedPolicyArns ?? [])).toEqual([]);
    expect(stack.ofType('AWS::IAM::Role')).toHaveLength(functions.length);
  });

  test('the API answers three routes, and no more requests than it is told to let through', () => {
    const routes = stack.ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => Properties.RouteKey);
    expect(routes.sort()).toEqual(['GET /jobs/{jobId}', 'POST /jobs', 'POST /wake']);
    expect(propertiesOf(stack, 'HttpApiStage').DefaultRouteSettings).toEqual({
      ThrottlingRateLimit: expect.any(Number),
      ThrottlingBurstLimit: expect.any(Number),
    });
    // An HTTP API waits 30 s.
    expect(functionOf(stack, 'Webhook').Timeout).toBeLessThan(30);
  });

  test('a sweep begins every minute, ends before the next one, and is not repeated', () => {
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
  ])('what %s cannot do, and what EventBridge cannot hand over to it, ends in %s', (name, queue) => {
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
    // EventBridge sends as itself, and only from this rule.
    expect(allowing(stack.resources[`${queue}Policy`])).toEqual([
      expect.objectContaining({
        Principal: { Service: 'events.amazonaws.com' },
        Action: 'sqs:SendMessage',
        Resource: arn,
        Condition: { ArnEquals: { 'aws:SourceArn': `arn:aws:events:eu-west-1:123456789012:rule/${rule.Name}` } },
      }),
    ]);
  });

  test('events wait for two weeks, sweeps for an hour', () => {
    expect(propertiesOf(stack, 'FailedEvents').MessageRetentionPeriod).toBe(14 * 24 * 3600);
    expect(propertiesOf(stack, 'FailedSweeps').MessageRetentionPeriod).toBe(3600);
  });

  test('wake-ups start sweeps, and are worth nothing after their minute', () => {
    expect(stack.ofType('AWS::Lambda::EventSourceMapping').map(({ Properties }) => Properties)).toEqual([
      expect.objectContaining({
        EventSourceArn: '<SweepQueue.Arn>',
        FunctionName: '<SweepLambdaFunction.Arn>',
      }),
    ]);
    const { VisibilityTimeout, MessageRetentionPeriod } = propertiesOf(stack, 'SweepQueue');
    expect(VisibilityTimeout).toBeGreaterThan(functionOf(stack, 'Sweep').Timeout);
    expect(MessageRetentionPeriod).toBeLessThanOrEqual(120);
  });

  test('the webhook has no queue: its caller is told', () => {
    expect(stack.resources['WebhookLambdaEvConf']).toBeUndefined();
  });
});

describe.each(stacks)('permissions of $stage', ({ stack }) => {
  const withPolicies = Object.entries(stack.resources).filter(([, { Type }]) => /Policy$|^AWS::IAM::Role$/.test(Type));

  /** Where a `*` stands in what is granted, and why. */
  const wildcards = {
    'ssm:GetParameters on arn:aws:ssm:eu-west-1:123456789012:parameter/publishing-job-notifier/*':
      'notifier.yml names the parameters, below this path',
  };

  test('nothing is granted on everything, or to everybody', () => {
    const granted = withPolicies.flatMap(([, resource]) => grantsOf(resource));
    const wide = granted.map(({ action, resource }) => `${action} on ${resource}`).filter((text) => text.includes('*'));
    expect(new Set(wide)).toEqual(new Set(Object.keys(wildcards)));
    const principals = withPolicies.flatMap(([, resource]) => allowing(resource).map(({ Principal }) => Principal));
    expect(JSON.stringify(principals)).not.toContain('*');
  });

  test.each(functions)('only Lambda takes the role of %s', (name) => {
    const { Statement } = propertiesOf(stack, `${name}Role`).AssumeRolePolicyDocument;
    expect(Statement).toEqual([
      { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ]);
  });

  test('a service that calls a function or uses a queue or a topic says for which of our resources it does', () => {
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
  test('the table has the keys and the index of the embedded one, and forgets what expired', () => {
    const { TableName: _, ...definition } = tableDefinition;
    expect(propertiesOf(stack, 'Table')).toMatchObject({
      ...definition,
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
    });
  });

  test('the table can be put back to any moment', () => {
    expect(propertiesOf(stack, 'Table').PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled).toBe(true);
  });

  test('everything is encrypted where it lies, but for the topic of the alarms', () => {
    expect(propertiesOf(stack, 'Table').SSESpecification).toEqual({ SSEEnabled: true });
    for (const { Properties } of stack.ofType('AWS::SQS::Queue')) expect(Properties.SqsManagedSseEnabled).toBe(true);
    for (const { Properties } of stack.ofType('AWS::S3::Bucket')) expect(Properties.BucketEncryption).toBeTruthy();
    const open = Object.keys(stack.resources).filter(
      (name) => stack.resources[name]?.Type === 'AWS::SNS::Topic' && !propertiesOf(stack, name)?.KmsMasterKeyId,
    );
    expect(open).toEqual(stack === dev ? [] : ['AlarmTopic']);
  });

  test('everything that can be asked over plain HTTP refuses it', () => {
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

  test('each resource bears the service and the stage', () => {
    expect(stack.tags).toEqual({ Service: 'publishing-job-notifier', Stage: stack === dev ? 'dev' : 'prod' });
  });
});

describe('stages', () => {
  test.each([
    ['dev', dev, { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' }, false],
    ['prod', prod, { DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' }, true],
  ] as const)('whether the table of %s outlives its stack', (_stage, stack, policies, isProtected) => {
    expect(stack.resources['Table']).toMatchObject(policies);
    expect(propertiesOf(stack, 'Table').DeletionProtectionEnabled).toBe(isProtected);
  });

  test('prod keeps its logs longer, and lets more requests through', () => {
    const [days, others] = [prod, dev].map((stack) => propertiesOf(stack, 'SweepLogGroup').RetentionInDays);
    expect(days).toBeGreaterThan(others);
    const [rate, slower] = [prod, dev].map((stack) => propertiesOf(stack, 'HttpApiStage').DefaultRouteSettings);
    expect(rate.ThrottlingRateLimit).toBeGreaterThan(slower.ThrottlingRateLimit);
  });

  test('only prod is watched by alarms and shown on a dashboard', () => {
    for (const type of ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::Dashboard']) {
      expect(dev.ofType(type)).toEqual([]);
      expect(prod.ofType(type)).not.toEqual([]);
    }
  });

  test.each([
    ['dev', dev, []],
    ['prod', prod, ['AlarmTopicArn']],
  ] as const)('what %s tells people and the command line', (_stage, stack, more) => {
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

describe('what an account brings along', () => {
  const publishes = (stack: Stack, name: string) =>
    allowing(stack.resources[`${name}Role`]).find(({ Action }) => Action === 'sns:Publish')?.Resource;

  test.each(functions)('%s tells on the topic that was made', (name) => {
    expect(functionOf(prod, name).Environment.Variables.TOPIC_ARN).toBe('<Topic>');
    expect(publishes(prod, name)).toBe('<Topic>');
  });

  test.each(functions)('%s tells on a topic that was brought along, and none is made', (name) => {
    expect(functionOf(brought, name).Environment.Variables.TOPIC_ARN).toBe(topicArn);
    expect(publishes(brought, name)).toBe(topicArn);
    expect(Object.keys(brought.resources)).not.toContain('Topic');
    expect(Object.keys(brought.resources)).not.toContain('TopicPolicy');
    expect(brought.outputs['TopicArn']?.Value).toBe(topicArn);
  });

  test.each(functions)('%s uses a key that was brought along, and otherwise none', (name) => {
    const ofKeys = (stack: Stack) =>
      allowing(stack.resources[`${name}Role`]).filter(({ Action }) => String(Action).includes('kms:'));
    expect(ofKeys(prod)).toEqual([]);
    for (const stack of [dev, brought]) {
      expect(ofKeys(stack)).toEqual([
        { Effect: 'Allow', Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: kmsKeyArn },
      ]);
    }
  });

  test('a topic that is made is encrypted with that key, or else with the one that AWS manages', () => {
    expect(propertiesOf(dev, 'Topic').KmsMasterKeyId).toBe(kmsKeyArn);
    expect(propertiesOf(prod, 'Topic').KmsMasterKeyId).toBe('alias/aws/sns');
  });

  test('alarms reach an address that was given', () => {
    expect(prod.ofType('AWS::SNS::Subscription')).toEqual([]);
    expect(brought.ofType('AWS::SNS::Subscription').map(({ Properties }) => Properties)).toEqual([
      { TopicArn: '<AlarmTopic>', Protocol: 'email', Endpoint: 'somebody@example.com' },
    ]);
  });
});

describe('environment variables', async () => {
  const config = await readDocument();

  /** The names that the code asks for, with the configuration that is bundled. */
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
    // The document is in the bundle; the variable is for tests and for runs on one box.
    names.delete('NOTIFIER_CONFIG');
    return names;
  }

  test.each(functions)('%s has those that the code reads, and no others', (name) => {
    for (const { stack } of stacks) {
      expect(new Set(Object.keys(functionOf(stack, name).Environment.Variables))).toEqual(namesRead());
    }
  });

  test('the code reads no others: what it works with is made from what is handed to it', () => {
    const sources = globSync('lib/**/*.ts').map((path) => readFileSync(path, 'utf8'));
    expect(sources.filter((source) => source.includes('process.env'))).toEqual([]);
  });

  test('what they say', () => {
    expect(functionOf(prod, 'Sweep').Environment.Variables).toEqual({
      TABLE_NAME: '<Table>',
      TOPIC_ARN: '<Topic>',
      SWEEP_QUEUE_URL: '<SweepQueue>',
      METRICS_NAMESPACE: 'publishing-job-notifier-prod',
    });
  });
});
