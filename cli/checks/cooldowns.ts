/** Reports paused environments and channels. Their problem may be over, or one that no other check sees. */

import { activeCooldowns } from '../cooldowns.ts';
import { formatTime } from '../output.ts';
import { type CheckContext, type Finding, unknown } from './finding.ts';

export async function checkCooldowns({ target, deps, config }: CheckContext): Promise<Finding[]> {
  if (!target) return [];
  // The check of the table reports a table that cannot be read.
  const cooldowns = await activeCooldowns(deps, Object.keys(config.environments)).catch(() => []);
  return cooldowns.map(({ kind, name, until, reason }) =>
    unknown(`${kind} ${name}`, `paused until ${formatTime(new Date(until).toISOString())}. Reason: ${reason}`),
  );
}
