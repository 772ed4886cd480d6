/** Who is left alone for now because of a trouble that there was: it may be over, or be one that no other check sees. */

import { coolingDownNow } from '../cooling-down.ts';
import { moment } from '../output.ts';
import { type CheckContext, type Finding, unknown } from './finding.ts';

export async function checkCooldowns({ target, deps, config }: CheckContext): Promise<Finding[]> {
  if (!target) return [];
  // A table that cannot be read is told by the check of the table.
  const resting = await coolingDownNow(deps, Object.keys(config.environments)).catch(() => []);
  return resting.map(({ kind, name, until, reason }) =>
    unknown(`${kind} ${name}`, `left alone until ${moment(new Date(until).toISOString())}, because: ${reason}`),
  );
}
