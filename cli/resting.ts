/** Who is left alone for now, so that the sweeps do not come to a job or to its messages. */

import type { Parts } from '../lib/deps.ts';
import type { Rest } from '../lib/domain/job.ts';
import { restKey } from '../lib/pipeline/cooldown.ts';
import { clean } from '../lib/platform/text.ts';
import { moment, verdictLine } from './output.ts';

/** An environment or a channel that is left alone. */
export interface Resting extends Rest {
  kind: 'environment' | 'channel';
  name: string;
}

/** Those of these environments, and of all channels, that rest now. */
export async function restingNow({ store, config, clock }: Parts, environments: string[]): Promise<Resting[]> {
  const sides = [
    ...environments.map((name) => ({ kind: 'environment', name }) as const),
    ...Object.keys(config.channels).map((name) => ({ kind: 'channel', name }) as const),
  ];
  const marks = await store.readMarks(sides.map(({ kind, name }) => restKey(kind, name)));
  return sides
    .map((side) => ({ ...side, ...(marks.get(restKey(side.kind, side.name)) as Rest | undefined) }))
    .filter((side): side is Resting => (side.until ?? 0) > clock.now());
}

/** One line: until when, and why. */
export const restingLine = ({ kind, name, until, reason }: Resting): string =>
  verdictLine('unknown', `${kind} ${name} rests until ${moment(new Date(until).toISOString())}`, clean(reason, 500));
