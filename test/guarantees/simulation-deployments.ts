/** The configurations of a simulation, one deployed after another. */

import type { ChannelType } from '../../lib/channels/channel.ts';
import { channelTypes } from '../../lib/channels/index.ts';
import type { Deps } from '../../lib/deps.ts';
import type { Outcome, TimeLimit } from '../../lib/domain/job.ts';
import { wire } from '../../lib/wire.ts';
import { type UniverseConfig, universeConfig } from './universe.ts';

/** A configuration, what it means, and the deps that are made from it once for all simulations. */
export interface Deployment {
  /** The channels that hear of an outcome. */
  tells: (outcome: Outcome) => string[];
  deps: Deps;
}

export const everyChannel = ['slack', 'fifo', 'topic'];

/** How long jobs may take where that is limited, in minutes. */
export const limits: Record<TimeLimit, number> = { queuedFor: 5, runningFor: 6, noProgressFor: 2 };

export const deployments = {
  all: deploymentOf({ limits: [limits], discover: true }),
  oneAtATime: deploymentOf({ settings: { sweepConcurrency: 1 } }),
  withoutSlack: deploymentOf({ without: 'slack' }),
  withoutFifo: deploymentOf({ without: 'fifo', discover: true }),
  withoutStaging: deploymentOf({ without: 'staging' }),
  withRules: deploymentOf({
    limits: [limits],
    rules: [
      { when: { outcome: ['failed'] }, notify: ['slack', 'fifo'] },
      { when: { outcome: ['canceled', 'stuck'] }, notify: [] },
      { when: { outcome: ['late'] }, notify: ['slack'] },
      { when: { outcome: ['completed', 'completedWithWarnings'] }, notify: ['topic', 'slack'] },
    ],
    tells: (outcome) => {
      if (outcome === 'late') return ['slack'];
      if (outcome === 'failed' || outcome === 'lostTrack') return ['slack', 'fifo'];
      return outcome === 'completed' || outcome === 'completedWithWarnings' ? ['topic', 'slack'] : [];
    },
  }),
};
export type DeploymentName = keyof typeof deployments;

function deploymentOf({
  without = '',
  discover = false,
  tells = () => everyChannel.filter((name) => name !== without),
  ...others
}: Partial<Pick<UniverseConfig, 'rules' | 'limits' | 'settings'>> & {
  without?: string;
  discover?: boolean;
  tells?: (outcome: Outcome) => string[];
}): Deployment {
  const { channels, webhook, environments } = universeConfig();
  const rest = <Value>(values: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => name !== without));
  const environment = (name: string) => [
    name,
    { ...environments['production'], apiUrl: `https://${name}.test`, discover },
  ];
  const config: UniverseConfig = {
    environments: rest(Object.fromEntries(['production', 'staging'].map(environment))),
    channels: rest(channels),
    settings: { sweepConcurrency: 2 },
    webhook,
    ...others,
  };
  // Only for the configuration: workers bring channels of their own.
  const topic: ChannelType = {
    config: { name: channelTypes['sns']?.config['topicArn'] as never },
    references: [],
    create: () => undefined as never,
  };
  const deps = wire(
    { NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'memory' },
    { types: { ...channelTypes, topic } },
  );
  return { tells, deps };
}
