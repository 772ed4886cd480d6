/** The register of channel types. A new type is one file or folder, and one line here. */

import type { ChannelType } from './channel.ts';
import { slack } from './slack.ts';
import { slackApp } from './slack-app/slack-app.ts';
import { sns } from './sns.ts';
import { teams } from './teams.ts';
import { webhook } from './webhook.ts';

export const channelTypes: Record<string, ChannelType> = {
  slack,
  'slack-app': slackApp,
  sns,
  teams,
  webhook,
};
