/** Whether each channel would take a message. None is sent. */

import { type ChannelConfig, referencesIn } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { type CheckContext, type Finding, no, sayWhy, unknown, unreadable, yes } from './finding.ts';

const timeoutMs = 8_000;

export const checkChannels = (context: CheckContext): Promise<Finding[]> =>
  Promise.all(Object.entries(context.config.channels).map(([name, channel]) => checkOne(context, name, channel)));

async function checkOne({ deps }: CheckContext, name: string, channel: ChannelConfig): Promise<Finding> {
  const what = `channel ${name} (${channel.type})`;
  const references = referencesIn(channelTypes, channel).map(({ reference }) => reference);
  const missing = await unreadable(deps, references);
  if (missing.length > 0) return unknown(what, `${missing.join(' and ')} cannot be read`);
  try {
    await deps.channel(name).verify(timeoutMs);
    return yes(what, 'takes messages');
  } catch (error) {
    return no(what, `${sayWhy(error)} It is channels.${name} in the configuration.`);
  }
}
