/** Sitecore and Slack on this machine, and the configuration that names them where `notifier.yml` names the real ones. */

import { readDocument } from '../../local/notifier-document.ts';
import { startPublishingApiServer } from '../../local/publishing-api-server.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { type SlackMessage, startSlackServer } from '../../local/slack-server.ts';
import { type ConfigDocument, webhookSecret } from '../support/world.ts';

export interface Outside {
  /** The first one of `notifier.yml`. */
  environment: string;
  config: ConfigDocument;
  /** The values of the parameters that the configuration names. */
  parameters: Map<string, string>;
  /** The names of the channels. Each is told every outcome. */
  channels: { slack: string[]; sns: string[] };
  setJob(id: string, status: string): void;
  /** What Slack has accepted; the hook of a channel is named after it. */
  slackMessages: SlackMessage[];
  close(): Promise<void>;
}

/** Starts them. Every secret of `notifier.yml` gets a value; its rules are left out, so that everybody is told. */
export async function startOutside(): Promise<Outside> {
  const [api, slack] = await Promise.all([startPublishingApiServer(), startSlackServer()]);
  const { rules: _, ...document } = (await readDocument()) as ConfigDocument;
  const parameters = new Map<string, string>();

  // A reference stays what it is, and its parameter gets the value; anything else is replaced by the value.
  const give = (reference: string | undefined, value: string): string => {
    const name = /^ssm:(.+)$/.exec(reference ?? '')?.[1];
    if (name === undefined) return value;
    parameters.set(name, value);
    return `ssm:${name}`;
  };

  const environments = mapValues(document.environments, ({ clientId, clientSecret, ...rest }) => ({
    ...rest,
    clientId: give(clientId, api.clientId),
    clientSecret: give(clientSecret, api.clientSecret),
    apiUrl: api.url,
    tokenUrl: api.tokenUrl,
  }));
  const channels = mapValues(document.channels, (channel, name) =>
    channel.type === 'sns'
      ? { ...channel, topicArn: 'env:TOPIC_ARN' }
      : { ...channel, webhookUrl: give(channel['webhookUrl'], slack.webhookUrl(name)) },
  );
  const webhook = { secrets: document.webhook.secrets.map((secret) => give(secret, webhookSecret)) };
  const namesOf = (type: string) => Object.keys(channels).filter((name) => channels[name]?.type === type);

  return {
    environment: Object.keys(environments)[0] ?? '',
    config: { ...document, environments, channels, webhook },
    parameters,
    channels: { slack: namesOf('slack'), sns: namesOf('sns') },
    setJob: (id, status) => api.setJob(id, publishingJob({ id, status })),
    slackMessages: slack.messages,
    close: async () => {
      await Promise.all([api.close(), slack.close()]);
    },
  };
}

const mapValues = <In, Out>(values: Record<string, In>, make: (value: In, name: string) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, make(value, name)]));
