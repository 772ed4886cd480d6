/** What does not work now: which environment or channel, since when, why, and what to do about it. */
import type { Deps } from '../lib/deps.ts';
import type { Cooldown } from '../lib/domain/job.ts';
import { cooldownKey } from '../lib/pipeline/cooldown.ts';
import { discoveryKey } from '../lib/sweep/discover.ts';

/** Something that does not work. */
export interface Trouble {
  kind: 'environment' | 'channel';
  name: string;
  reason: string;
  /** ISO 8601; null: not known. */
  since: string | null;
  remedy: string;
}

const dayMs = 24 * 60 * 60_000;

/** Reads the troubles from the table: the cooldowns, the lists that cannot be read, and the jobs that cannot. */
export async function readTroubles({ store, config, clock }: Deps): Promise<Trouble[]> {
  const environments = Object.keys(config.environments);
  const channels = Object.keys(config.channels);
  const keys = [
    ...environments.flatMap((name) => [cooldownKey('environment', name), discoveryKey(name)]),
    ...channels.map((name) => cooldownKey('channel', name)),
  ];
  const [marks, unreadable] = await Promise.all([store.readMarks(keys), unreadableJobs({ store, clock })]);
  const cooldown = (kind: Trouble['kind'], name: string) => {
    const found = marks.get(cooldownKey(kind, name)) as Cooldown | undefined;
    return found?.recoveredAt ? undefined : found;
  };
  const ofEnvironments = environments.flatMap((name) => {
    const { trouble } = (marks.get(discoveryKey(name)) ?? {}) as { trouble?: string };
    const found =
      cooldown('environment', name) ?? unreadable.get(name) ?? (trouble && { reason: trouble, since: null });
    return found ? [troubleOf('environment', name, found)] : [];
  });
  const ofChannels = channels.flatMap((name) => {
    const found = cooldown('channel', name);
    return found ? [troubleOf('channel', name, found)] : [];
  });
  return [...ofEnvironments, ...ofChannels];
}

type Found = { reason: string; since: string | null };

const troubleOf = (kind: Trouble['kind'], name: string, { reason, since }: Found): Trouble => ({
  kind,
  name,
  reason,
  since,
  remedy: remedyOf(kind, name, reason),
});

/** The longest failure of each environment that has jobs which cannot be read. */
async function unreadableJobs({ store, clock }: Pick<Deps, 'store' | 'clock'>): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  for await (const entries of store.due(clock.now() + dayMs)) {
    for (const { environment, check } of entries) {
      const { error, failingSince } = check;
      if (!error || !failingSince) continue;
      const before = found.get(environment)?.since;
      if (!before || failingSince < before) found.set(environment, { reason: error, since: failingSince });
    }
  }
  return found;
}

const lasting = /credential|401|403|token|webhook|hook|topic|not allowed|scope|cannot be read/i;

function remedyOf(kind: Trouble['kind'], name: string, reason: string): string {
  const waits =
    kind === 'channel'
      ? 'Its messages wait and are sent when it works again'
      : 'Its jobs stay watched, and are read when it works again';
  const look = `Check ${kind}s.${name} in notifier.yml; \`npx publishing-job-notifier doctor\` names what is missing.`;
  return lasting.test(reason)
    ? `${look} ${waits}.`
    : `${waits}: there is nothing to do. If it lasts: \`npx publishing-job-notifier doctor\`.`;
}
