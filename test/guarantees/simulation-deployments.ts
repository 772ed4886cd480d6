/** The configurations of a simulation, deployed one after another. */

import type { Deps } from '../../lib/deps.ts';
import type { Outcome, TimeLimit } from '../../lib/domain/job.ts';
import { wire } from '../../lib/wire.ts';
import { direct } from '../support/crossing.ts';
import { type ChannelName, createSimulatedWorld, worldConfig } from '../support/simulated-world.ts';
import type { ConfigDocument } from '../support/world.ts';

/** A configuration, the channels that its rules name, and the dependencies made from it once for all simulations. */
export interface Deployment {
  /** The channels that are notified of an outcome. */
  channelsFor: (outcome: Outcome) => string[];
  deps: Deps;
}

export const everyChannel: ChannelName[] = ['slack', 'fifo', 'topic', 'teams', 'hook', 'room'];

const startRule = { when: { outcome: ['started'] }, notify: ['room'] };

/** The time limits of jobs, in minutes. */
export const limits: Record<TimeLimit, number> = { queuedFor: 5, runningFor: 6, noProgressFor: 2 };

const { types } = createSimulatedWorld(() => 0).boundary(direct);

export const deployments = {
  all: deploymentOf({
    limits: [limits],
    discover: true,
    rules: [startRule, { notify: everyChannel }],
    channelsFor: (outcome) => (outcome === 'started' ? ['room'] : everyChannel),
  }),
  oneAtATime: deploymentOf({ settings: { sweepConcurrency: 1 } }),
  withoutSlack: deploymentOf({ without: 'slack' }),
  withoutFifo: deploymentOf({ without: 'fifo', discover: true }),
  withoutStaging: deploymentOf({ without: 'staging' }),
  withRules: deploymentOf({
    limits: [limits],
    rules: [
      startRule,
      { when: { outcome: ['failed'] }, notify: ['slack', 'fifo', 'room'] },
      { when: { outcome: ['canceled', 'stuck'] }, notify: [] },
      { when: { outcome: ['late'] }, notify: ['slack'] },
      { when: { outcome: ['completed', 'completedWithWarnings'] }, notify: ['topic', 'slack', 'teams', 'room'] },
    ],
    channelsFor: (outcome) => {
      if (outcome === 'late') return ['slack'];
      if (outcome === 'started') return ['room'];
      if (outcome === 'failed' || outcome === 'lostTrack') return ['slack', 'fifo', 'room'];
      return outcome === 'completed' || outcome === 'completedWithWarnings' ? ['topic', 'slack', 'teams', 'room'] : [];
    },
  }),
};
export type DeploymentName = keyof typeof deployments;

function deploymentOf({
  without = '',
  discover = false,
  channelsFor = () => everyChannel.filter((name) => name !== without),
  ...others
}: Partial<Pick<ConfigDocument, 'rules' | 'limits' | 'settings'>> & {
  without?: string;
  discover?: boolean;
  channelsFor?: (outcome: Outcome) => string[];
}): Deployment {
  const { channels, webhook, environments } = worldConfig({ channels: everyChannel });
  const remaining = <Value>(values: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(values).filter(([name]) => name !== without));
  const environment = (name: string) => [
    name,
    { ...environments['production'], apiUrl: `https://${name}.test`, discover },
  ];
  const config: ConfigDocument = {
    environments: remaining(Object.fromEntries(['production', 'staging'].map(environment))),
    channels: remaining(channels),
    settings: { sweepConcurrency: 2 },
    webhook,
    ...others,
  };
  return { channelsFor, deps: wire({ NOTIFIER_CONFIG: JSON.stringify(config), TABLE_NAME: 'memory' }, { types }) };
}
