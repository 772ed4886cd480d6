/** A deployed notifier: a stack with outputs, parameters in Systems Manager, and a webhook with a URL. */

import { createHandler } from '../../functions/webhook.ts';
import { parseConfig } from '../../lib/config/config.ts';
import { takeFingerprint } from '../../local/fingerprint.ts';
import { toHttpEvent, writeHttpResult } from '../../local/http-event.ts';
import { readBody, startLoopbackServer } from '../../local/loopback-server.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import { type ConfigDocument, lambdaContext, startWorld, webhookSecret } from '../support/world.ts';
import { startAwsServer } from './aws-server.ts';

export type Deployed = Awaited<ReturnType<typeof startDeployed>>;

export const stack = 'publishing-job-notifier-dev';

export async function startDeployed() {
  const [world, aws] = await Promise.all([startWorld(), startAwsServer()]);
  /** The secrets of the notifier, by parameter. */
  const secrets: Record<string, string> = {
    '/production/client-id': world.api.clientId,
    '/production/client-secret': world.api.clientSecret,
    '/slack-webhook-url': world.slack.webhookUrl('secret-hook'),
    '/webhook-secret': webhookSecret,
  };
  for (const [name, value] of Object.entries(secrets)) aws.parameters.set(name, value);
  const notifier = deploy(world);
  const webhook = await startWebhook(notifier);
  const outputs: Record<string, string> = {
    TableName: world.store.tableName,
    TopicArn: world.topic.topicArn,
    WebhookUrl: webhook.url,
    FailedEventsUrl: 'http://127.0.0.1:1/queue',
  };
  aws.stacks.set(stack, outputs);
  const { TABLE_NAME: _, NOTIFIER_CONFIG: __, ...endpoints } = world.env();
  const deployed = {
    ...{ world, aws, notifier, secrets, outputs },
    config: withParameters(world.config()),
    /** The environment variables of a user of the commands. */
    env: (): Record<string, string> => ({
      ...{ ...endpoints, ...aws.env },
      NOTIFIER_CONFIG: JSON.stringify(deployed.config),
    }),
    /** The outputs that the stack has when the configuration is deployed. */
    fingerprint: () => takeFingerprint(deployed.config, parseConfig(deployed.config), '.'),
    close: () => Promise.all([world.close(), aws.close(), webhook.close()]),
  };
  return deployed;
}

/** The configuration with references to parameters, as in `notifier.yml`. */
const withParameters = (config: ConfigDocument): ConfigDocument => ({
  ...config,
  environments: {
    production: {
      ...config.environments['production'],
      clientId: 'ssm:/production/client-id',
      clientSecret: 'ssm:/production/client-secret',
    },
  },
  channels: {
    team: { type: 'slack', webhookUrl: 'ssm:/slack-webhook-url' },
    events: { type: 'sns', topicArn: 'env:TOPIC_ARN' },
  },
  webhook: { secrets: ['ssm:/webhook-secret'] },
});

function startWebhook({ deps }: Notifier) {
  const handle = createHandler(deps);
  return startLoopbackServer(async (request, response) => {
    const body = (await readBody(request)) ?? Buffer.alloc(0);
    const jobId = decodeURIComponent(/^\/jobs\/([^?]+)/.exec(request.url ?? '')?.[1] ?? '');
    const route = { routeKey: 'GET /jobs/{jobId}', pathParameters: { jobId } };
    writeHttpResult(await handle(toHttpEvent(request, body, route), lambdaContext(25_000)), response);
  });
}
