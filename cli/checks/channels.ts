/** Checks whether each channel accepts messages, without sending one. */

import { type ChannelConfig, type Inspection, referencesIn } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import { slackAppLink } from '../slack-app-manifest.ts';
import { type CheckContext, type Finding, failed, messageOf, ok, unknown, unreadable } from './finding.ts';

const timeoutMs = 8_000;

export const checkChannels = async (context: CheckContext): Promise<Finding[]> => {
  const channels = Object.entries(context.config.channels);
  return (await Promise.all(channels.map(([name, channel]) => checkOne(context, name, channel)))).flat();
};

async function checkOne({ deps }: CheckContext, channelName: string, config: ChannelConfig): Promise<Finding[]> {
  const name = `channel ${channelName} (${config.type})`;
  const setUp = config.type === 'slack-app' ? ` To create the app: ${slackAppLink}` : '';
  const references = referencesIn(channelTypes, config).map(({ reference }) => reference);
  const missing = await unreadable(deps, references);
  if (missing.length > 0) return [unknown(name, `${missing.join(' and ')} cannot be read.${setUp}`)];
  const channel = deps.channel(channelName);
  try {
    await channel.verify(timeoutMs);
  } catch (error) {
    return [failed(name, `${messageOf(error)} See channels.${channelName} in the configuration.${setUp}`)];
  }
  const verified = channel.unverified ? unknown(name, channel.unverified) : ok(name, 'accepts messages');
  return [verified, ...(await inspect(channel.inspection, channelName))];
}

async function inspect(inspection: Inspection | undefined, channelName: string): Promise<Finding[]> {
  if (!inspection) return [];
  const name = `${inspection.subject} channel ${channelName}`;
  try {
    const problems = await inspection.findProblems(timeoutMs);
    return problems.length > 0 ? problems.map((problem) => failed(name, problem)) : [ok(name, inspection.fine)];
  } catch (error) {
    return [unknown(name, messageOf(error))];
  }
}
