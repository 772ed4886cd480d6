/** The configuration of a real start: `notifier.yml`, with what one box has in place of AWS. */
import { type ConfigDocument, isResolvable } from './start-settings.ts';

type Env = Record<string, string | undefined>;

/** The names of the SNS channels whose `env:` topic is not set here, and which go to the local topic instead. */
export function localTopicChannels({ channels }: ConfigDocument, env: Env): string[] {
  const topics = Object.entries(channels).filter(([, { type }]) => type === 'sns');
  const local = topics.filter(([, { topicArn = '' }]) => topicArn.startsWith('env:') && !isResolvable(topicArn, env));
  // SNS has one endpoint for all topics: beside a real topic, a missing one is the error of its own channel.
  return local.length === topics.length ? local.map(([name]) => name) : [];
}

/** Whether a channel lies in AWS, or its secret does, so that credentials for AWS are needed. */
export function needsAws(document: ConfigDocument, env: Env): boolean {
  const local = localTopicChannels(document, env);
  return Object.entries(document.channels).some(
    ([name, channel]) => (channel.type === 'sns' && !local.includes(name)) || JSON.stringify(channel).includes('"ssm:'),
  );
}

/** Whether every secret of the webhook is here already, so that none has to be made. */
export function hasWebhookSecrets({ webhook }: ConfigDocument, env: Env): boolean {
  const secrets = webhook?.secrets ?? [];
  return secrets.length > 0 && secrets.every((secret) => isResolvable(secret, env));
}

/** The document with the local topic where it is needed, and with this folder's secret, if there is one. */
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
