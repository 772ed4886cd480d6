/** Checks whether each channel accepts messages, without sending one. */

import { type ChannelConfig, referencesIn } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { type CheckContext, type Finding, failed, messageOf, ok, unknown, unreadable } from './finding.ts';

const timeoutMs = 8_000;

export const checkChannels = (context: CheckContext): Promise<Finding[]> =>
  Promise.all(Object.entries(context.config.channels).map(([name, channel]) => checkOne(context, name, channel)));

async function checkOne({ deps }: CheckContext, channelName: string, channel: ChannelConfig): Promise<Finding> {
  const name = `channel ${channelName} (${channel.type})`;
  const references = referencesIn(channelTypes, channel).map(({ reference }) => reference);
  const missing = await unreadable(deps, references);
  if (missing.length > 0) return unknown(name, `${missing.join(' and ')} cannot be read`);
  try {
    await deps.channel(channelName).verify(timeoutMs);
    return ok(name, 'accepts messages');
  } catch (error) {
    return failed(name, `${messageOf(error)} See channels.${channelName} in the configuration.`);
  }
}
