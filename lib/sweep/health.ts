/** Which environments and channels work, as the cooldowns and the states of discovery show it. */

import type { Config } from '../config/config.ts';
import type { Deps } from '../deps.ts';
import type { Cooldown, Trouble } from '../domain/job.ts';
import { cooldownKey } from '../pipeline/cooldown.ts';
import { type DiscoveryState, discoveryKey } from './discover.ts';

/** Whether everything works, and each environment and channel. */
export interface Health {
  works: boolean;
  environments: ({ environment: string } & ServiceHealth)[];
  channels: ({ channel: string } & ServiceHealth)[];
}

/** `since` (ISO 8601) and `reason` say since when and why it does not work; null: it works, as far as it was used. */
export interface ServiceHealth {
  works: boolean;
  since: string | null;
  /** The reason in the log line, with the remedy. */
  reason: string | null;
}

/** Trouble that lasts (`recoveredAt` is null), or that ended a short while ago (ISO 8601). */
export interface KnownTrouble extends Trouble {
  recoveredAt: string | null;
}

/** What can be in trouble. */
export type Subject = Pick<Trouble, 'kind' | 'name'>;

/** The health that the table shows now, read in one call. */
export async function readHealth({ store, config }: Pick<Deps, 'store' | 'config'>): Promise<Health> {
  return healthOf(config, await store.readMarks(subjectsOf(config).map(markKey)));
}

/** The health of everything that is configured. Discovery is a part of its environment. Pure. */
function healthOf(config: Config, marks: Map<string, object>): Health {
  const of = (...subjects: Subject[]): ServiceHealth => {
    const [trouble] = subjects.flatMap((subject) => readTrouble(subject, marks) ?? []).filter(isOngoing);
    return { works: !trouble, since: trouble?.since ?? null, reason: trouble?.reason ?? null };
  };
  const environments = Object.keys(config.environments).map((environment) => ({
    environment,
    ...of(...subjectsOf(config).filter(({ kind, name }) => kind !== 'channel' && name === environment)),
  }));
  const channels = Object.keys(config.channels).map((channel) => ({
    channel,
    ...of({ kind: 'channel', name: channel }),
  }));
  return { works: [...environments, ...channels].every(({ works }) => works), environments, channels };
}

/** Everything that can be in trouble with this configuration. */
export const subjectsOf = ({ environments, channels }: Config): Subject[] => [
  ...Object.entries(environments).flatMap(([name, { discover }]): Subject[] => [
    { kind: 'environment', name },
    ...(discover ? [{ kind: 'discovery', name } as const] : []),
  ]),
  ...Object.keys(channels).map((name): Subject => ({ kind: 'channel', name })),
];

/** The key of the mark that shows the trouble of a subject. */
export const markKey = ({ kind, name }: Subject): string =>
  kind === 'discovery' ? discoveryKey(name) : cooldownKey(kind, name);

/** The trouble of a subject; null: it had none lately. */
export function readTrouble(subject: Subject, marks: Map<string, object>): KnownTrouble | null {
  const mark = marks.get(markKey(subject)) as Partial<Cooldown & DiscoveryState> | undefined;
  const reason = mark?.trouble ?? mark?.reason;
  if (reason === undefined || mark?.since === undefined) return null;
  return { ...subject, reason, since: mark.since, recoveredAt: mark.recoveredAt ?? null };
}

/** Whether trouble lasts. */
export const isOngoing = ({ recoveredAt }: KnownTrouble): boolean => recoveredAt === null;
