/** Who is left alone for now, so that the sweeps do not come to a job or to its messages. */

import type { Deps } from '../lib/deps.ts';
import type { Cooldown } from '../lib/domain/job.ts';
import { cooldownKey } from '../lib/pipeline/cooldown.ts';
import { clean } from '../lib/platform/text.ts';
import { moment, verdictLine } from './output.ts';

/** An environment or a channel that is left alone. */
export interface CoolingDown extends Cooldown {
  kind: 'environment' | 'channel';
  name: string;
}

/** Those of these environments, and of all channels, that rest now. */
export async function coolingDownNow({ store, config, clock }: Deps, environments: string[]): Promise<CoolingDown[]> {
  const sides = [
    ...environments.map((name) => ({ kind: 'environment', name }) as const),
    ...Object.keys(config.channels).map((name) => ({ kind: 'channel', name }) as const),
  ];
  const marks = await store.readMarks(sides.map(({ kind, name }) => cooldownKey(kind, name)));
  return sides
    .map((side) => ({ ...side, ...(marks.get(cooldownKey(side.kind, side.name)) as Cooldown | undefined) }))
    .filter((side): side is CoolingDown => (side.until ?? 0) > clock.now());
}

/** One line: until when, and why. */
export const restingLine = ({ kind, name, until, reason }: CoolingDown): string =>
  verdictLine('unknown', `${kind} ${name} rests until ${moment(new Date(until).toISOString())}`, clean(reason, 500));
