/** A notifier as it is deployed: a stack with its outputs, parameters in Systems Manager, and a webhook behind an address. */

import { createHandler } from '../../functions/webhook.ts';
import { toHttpEvent, writeHttpResult } from '../../local/http-event.ts';
import { readBody, startLoopbackServer } from '../../local/loopback-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { type ConfigDocument, lambdaContext, startWorld, type World, webhookSecret } from '../support/world.ts';
import { type AwsServer, startAwsServer } from './aws-server.ts';

export interface Deployed {
  world: World;
  aws: AwsServer;
  notifier: Notifier;
  /** Every secret of this notifier, by its parameter. */
  secrets: Record<string, string>;
  /** What the stack `publishing-job-notifier-dev` tells. */
  outputs: Record<string, string>;
  config: ConfigDocument;
  /** What somebody has set who uses the commands. */
  env(): Record<string, string>;
  close(): Promise<void>;
}

export const stack = 'publishing-job-notifier-dev';

export async function startDeployed(): Promise<Deployed> {
  const [world, aws] = await Promise.all([startWorld(), startAwsServer()]);
  const secrets = {
    '/production/client-id': world.api.clientId,
    '/production/client-secret': world.api.clientSecret,
    '/slack-webhook-url': world.slack.webhookUrl('secret-hook'),
    '/webhook-secret': webhookSecret,
  };
  for (const [name, value] of Object.entries(secrets)) aws.parameters.set(name, value);
  const notifier = deploy(world);
  const webhook = await startWebhook(notifier);
  const outputs = {
    TableName: world.store.tableName,
    TopicArn: world.topic.topicArn,
    WebhookUrl: webhook.url,
    FailedEventsUrl: 'http://127.0.0.1:1/queue',
  };
  aws.stacks.set(stack, outputs);
  const config = withParameters(world.config());
  const deployed: Deployed = {
    world,
    aws,
    notifier,
    secrets,
    outputs,
    config,
    env: () => {
      const { TABLE_NAME: _, NOTIFIER_CONFIG: __, ...endpoints } = world.env();
      return { ...endpoints, ...aws.env, NOTIFIER_CONFIG: JSON.stringify(config) };
    },
    close: async () => {
      await Promise.all([world.close(), aws.close(), webhook.close()]);
    },
  };
  return deployed;
}

/** The configuration with its secrets where `notifier.yml` has them. */
function withParameters(config: ConfigDocument): ConfigDocument {
  const production = {
    ...config.environments['production'],
    clientId: 'ssm:/production/client-id',
    clientSecret: 'ssm:/production/client-secret',
  };
  return {
    ...config,
    environments: { production },
    channels: {
      team: { type: 'slack', webhookUrl: 'ssm:/slack-webhook-url' },
      events: { type: 'sns', topicArn: 'env:TOPIC_ARN' },
    },
    webhook: { secrets: ['ssm:/webhook-secret'] },
  };
}

function startWebhook({ deps }: Notifier) {
  const handle = createHandler(deps);
  return startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)) ?? Buffer.alloc(0);
    const jobId = decodeURIComponent(/^\/jobs\/([^?]+)/.exec(request.url ?? '')?.[1] ?? '');
    const route = { routeKey: 'GET /jobs/{jobId}', pathParameters: { jobId } };
    writeHttpResult(await handle(toHttpEvent(request, body, route), lambdaContext(25_000)), response);
  });
}
