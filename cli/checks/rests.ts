/** Who is left alone for now because of a trouble that there was: it may be over, or be one that no other check sees. */

import { moment } from '../output.ts';
import { restingNow } from '../resting.ts';
import { type CheckDeps, type Finding, unknown } from './finding.ts';

export async function checkRests({ target, parts, config }: CheckDeps): Promise<Finding[]> {
  if (!target) return [];
  // A table that cannot be read is told by the check of the table.
  const resting = await restingNow(parts, Object.keys(config.environments)).catch(() => []);
  return resting.map(({ kind, name, until, reason }) =>
    unknown(`${kind} ${name}`, `left alone until ${moment(new Date(until).toISOString())}, because: ${reason}`),
  );
}
