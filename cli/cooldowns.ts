/** The environments and channels that are paused now. */

import type { Deps } from '../lib/deps.ts';
import type { Cooldown } from '../lib/domain/job.ts';
import { cooldownKey } from '../lib/pipeline/cooldown.ts';
import { clean } from '../lib/platform/text.ts';
import { formatTime, verdictLine } from './output.ts';

/** A cooldown with the environment or channel that it pauses. */
export interface ActiveCooldown extends Cooldown {
  kind: 'environment' | 'channel';
  name: string;
}

/** The active cooldowns of these environments and of all channels. */
export async function activeCooldowns(
  { store, config, clock }: Deps,
  environments: string[],
): Promise<ActiveCooldown[]> {
  const services = [
    ...environments.map((name) => ({ kind: 'environment', name }) as const),
    ...Object.keys(config.channels).map((name) => ({ kind: 'channel', name }) as const),
  ];
  const marks = await store.readMarks(services.map(({ kind, name }) => cooldownKey(kind, name)));
  return services
    .map((service) => ({
      ...service,
      ...(marks.get(cooldownKey(service.kind, service.name)) as Cooldown | undefined),
    }))
    .filter((service): service is ActiveCooldown => (service.until ?? 0) > clock.now());
}

/** One line: the end of the cooldown, and its reason. */
export const cooldownLine = ({ kind, name, until, reason }: ActiveCooldown): string =>
  verdictLine(
    'unknown',
    `${kind} ${name} is paused until ${formatTime(new Date(until).toISOString())}`,
    clean(reason, 500),
  );
