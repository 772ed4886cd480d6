/** The configuration of a real start: `notifier.yml`, with local services in place of AWS. */
import { type ConfigDocument, isResolvable } from './start-settings.ts';

type Env = Record<string, string | undefined>;

/** The names of the SNS channels that use the local topic because their `env:` topic is not set. */
export function localTopicChannels({ channels }: ConfigDocument, env: Env): string[] {
  const topics = Object.entries(channels).filter(([, { type }]) => type === 'sns');
  const local = topics.filter(([, { topicArn = '' }]) => topicArn.startsWith('env:') && !isResolvable(topicArn, env));
  // SNS has one endpoint for all topics: next to a real topic, a missing topic is an error of its channel.
  return local.length === topics.length ? local.map(([name]) => name) : [];
}

/** Whether a channel or its secret is in AWS, so that AWS credentials are needed. */
export function needsAws(document: ConfigDocument, env: Env): boolean {
  const local = localTopicChannels(document, env);
  return Object.entries(document.channels).some(
    ([name, channel]) => (channel.type === 'sns' && !local.includes(name)) || JSON.stringify(channel).includes('"ssm:'),
  );
}

/** Whether every secret of the webhook can be resolved, so that none has to be generated. */
export function hasWebhookSecrets({ webhook }: ConfigDocument, env: Env): boolean {
  const secrets = webhook?.secrets ?? [];
  return secrets.length > 0 && secrets.every((secret) => isResolvable(secret, env));
}

/** The document with the local topic where needed, and with the secret of this folder, if any. */
export function realDocument(
  document: ConfigDocument,
  { env, topicArn, secret }: { env: Env; topicArn: string | null; secret: string | null },
): ConfigDocument {
  const local = localTopicChannels(document, env);
  const channels = Object.entries(document.channels).map(([name, channel]) => [
    name,
    local.includes(name) && topicArn !== null ? { ...channel, topicArn } : channel,
  ]);
  const resolvable = (document.webhook?.secrets ?? []).filter((reference) => isResolvable(reference, env));
  return {
    ...document,
    channels: Object.fromEntries(channels),
    webhook: { secrets: secret === null ? resolvable : [...resolvable, secret] },
  };
}
