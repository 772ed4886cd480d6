/** Lists the `env:` and `ssm:` references of a configuration. */

import { randomBytes } from 'node:crypto';
import { referencesIn } from '../lib/channels/channel.ts';
import { channelTypes } from '../lib/channels/index.ts';
import type { Config } from '../lib/config/config.ts';

export interface Reference {
  /** `env:NAME` or `ssm:/name`. */
  reference: string;
  /** The key that needs it, such as `environments.production.clientId`. The first one, if several do. */
  path: string;
  /** Generates a value, if the operator may choose it freely. */
  generate?: (() => string) | undefined;
}

/** Every reference once, in the order of the configuration. Literal values are left out. */
export function referencesOf({ environments, channels, webhookSecrets }: Config): Reference[] {
  const values: Reference[] = [
    ...Object.entries(environments).flatMap(([name, { clientId, clientSecret }]) => [
      { path: `environments.${name}.clientId`, reference: clientId },
      { path: `environments.${name}.clientSecret`, reference: clientSecret },
    ]),
    ...Object.entries(channels).flatMap(([name, channel]) =>
      referencesIn(channelTypes, channel).map(({ member, ...one }) => ({ path: `channels.${name}.${member}`, ...one })),
    ),
    ...webhookSecrets.map((reference, index) => ({
      path: `webhook.secrets[${index}]`,
      reference,
      generate: () => randomBytes(32).toString('base64url'),
    })),
  ];
  const references = values.filter(({ reference }) => /^(env|ssm):/.test(reference));
  return [...new Map(references.toReversed().map((one) => [one.reference, one])).values()].toReversed();
}
