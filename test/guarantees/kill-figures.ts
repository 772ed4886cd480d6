/** What became of one job whose worker was killed, held against the promise. */

import { deliveryKey } from '../../lib/domain/job.ts';
import { type Count, countMessage, note, nothingCounted, type ShownDelivery } from './kill-count.ts';
import { jobId, type KillScenario, type Told } from './kill-scenarios.ts';
import { hasArrived, type MortalWorker, type Point } from './kill-worker.ts';
import type { Accepted, Universe } from './universe.ts';

export interface KillFigures extends Count {
  points: number;
  /** Where a repetition could not be helped, as `<channel>: killed <before or after> <crossing>`, and how often. */
  holes: Record<string, number>;
  /** The names of all crossings. */
  crossings: Set<string>;
}

export const noFigures = (): KillFigures => ({ ...nothingCounted(), points: 0, holes: {}, crossings: new Set() });

/** A worker with its death, if it died. */
export interface Life {
  mortal: MortalWorker;
  point: Point | undefined;
  /** What it had sent and had no receipt for, where a repetition is not recognised: as `<channel> <key>`. */
  inDoubt: Set<string>;
}

const channels = ['slack', 'fifo', 'topic'] as const;
const keyOf = ({ title }: Told): string => `${jobId}/${title}`;

/** Compares what a worker sent with the receipts in the table, at this moment. */
export async function sentWithoutReceipt(
  { store }: Universe,
  { told }: KillScenario,
  { sent }: MortalWorker,
): Promise<Set<string>> {
  const record = await store.get({ environment: 'production', jobId });
  const hasReceipt = ({ channel, key }: Accepted): boolean => {
    const { outcome, limit } = told.find((one) => keyOf(one) === key) as Told;
    return record?.deliveries[deliveryKey(outcome, channel, limit)]?.state === 'sent';
  };
  const open = sent.filter((one) => one.channel !== 'fifo' && !hasReceipt(one));
  return new Set(open.map(({ channel, key }) => `${channel} ${key}`));
}

/** Counts what every channel was told in a universe in which all is over, and notes what was not as promised. */
export async function judge(
  { accepted, worker }: Universe,
  { name, told }: KillScenario,
  lives: Life[],
  isSettled: boolean,
  figures: KillFigures,
): Promise<void> {
  const complain = (what: string) => figures.broken.push(`${name}, ${lives.map(nameOf).join(', ')}: ${what}`);
  if (!isSettled) complain('the work list does not become empty');
  const { body } = await worker().get(jobId);
  const deliveries: ShownDelivery[] = body.deliveries ?? [];

  for (const channel of channels) {
    const keys = accepted.filter((one) => one.channel === channel).map(({ key }) => key);
    const inOrder = [...new Set(keys)].join(', ');
    if (inOrder !== told.map(keyOf).join(', ')) complain(`${channel} was told: ${inOrder || 'nothing'}`);
    for (const one of told) {
      const doubts = lives.filter(({ inDoubt }) => inDoubt.has(`${channel} ${keyOf(one)}`));
      const message = {
        name: `${one.outcome} to ${channel}`,
        times: keys.filter((key) => key === keyOf(one)).length,
        doubts: doubts.length,
        shown: deliveries.find(
          (each) => each.channel === channel && each.outcome === one.outcome && each.limit === one.limit,
        ),
      };
      const unavoidably = countMessage(figures, message, complain);
      for (const life of doubts.slice(0, unavoidably)) note(figures.holes, `${channel}: ${placeOf(life)}`);
    }
  }
}

/** Where a worker died, by the name of the crossing. */
const placeOf = ({ mortal, point }: Life): string =>
  point ? `killed ${point.moment} ${mortal.crossings[point.crossing]}` : 'not killed';

/** The same, so that one can find it. */
function nameOf(life: Life): string {
  const { mortal, point } = life;
  if (!point) return placeOf(life);
  const fates = mortal.underWay.map((name, index) => `; ${name} ${hasArrived(point, index) ? 'arrived' : 'did not'}`);
  return `${placeOf(life)} (crossing ${point.crossing + 1}${fates.join('')})`;
}
