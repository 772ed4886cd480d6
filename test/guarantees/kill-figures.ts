/** Compares what a killed worker and its successors sent with the promise. */

import { deliveryKey } from '../../lib/domain/job.ts';
import { type Accepted, usualChannels } from '../support/simulated-world.ts';
import { type Count, countMessage, countOne, nothingCounted, type ShownDelivery } from './kill-count.ts';
import { type ExpectedMessage, jobId, type KillScenario, type Universe } from './kill-scenarios.ts';
import { hasArrived, type MortalWorker, type Point } from './kill-worker.ts';

export interface KillFigures extends Count {
  points: number;
  /** Where a repetition was unavoidable, as `<channel>: killed <before or after> <call>`, and how often. */
  holes: Record<string, number>;
  /** The names of all calls. */
  crossings: Set<string>;
}

export const noFigures = (): KillFigures => ({ ...nothingCounted(), points: 0, holes: {}, crossings: new Set() });

/** A worker with its death, if it died. */
export interface Life {
  mortal: MortalWorker;
  point: Point | undefined;
  /** What it sent without storing a receipt to channels without deduplication, as `<channel> <title>`. */
  ambiguous: Set<string>;
}

/** Compares what a worker sent with the receipts that the table holds at this moment. */
export async function sentWithoutReceipt(
  { store }: Universe,
  { expected, recordId = jobId }: KillScenario,
  { sent }: MortalWorker,
): Promise<Set<string>> {
  const record = await store.get({ environment: 'production', jobId: recordId });
  const hasReceipt = ({ channel, title }: Accepted): boolean => {
    const { outcome, limit } = expectedOf(expected, title) as ExpectedMessage;
    return record?.deliveries[deliveryKey(outcome, channel, limit)]?.state === 'sent';
  };
  const open = sent.filter((one) => !withoutRepetition.has(one.channel) && !hasReceipt(one));
  return new Set(open.map(({ channel, title }) => `${channel} ${expectedOf(expected, title)?.title}`));
}

/** A topic that drops repetitions, and a channel that is asked before a message is repeated. */
const withoutRepetition: ReadonlySet<string> = new Set(['fifo', 'room']);

/** The expected message that begins with this title. */
const expectedOf = (expected: ExpectedMessage[], title: string): ExpectedMessage | undefined =>
  expected.find((one) => one.title === title || one.titleAfterEnd === title);

/** Counts what every channel received in a universe in which nothing is left to do, and records broken promises. */
export async function judge(
  { accepted, worker, workspace }: Universe,
  { name, expected, channels = usualChannels, recordId = jobId }: KillScenario,
  lives: Life[],
  isSettled: boolean,
  figures: KillFigures,
): Promise<void> {
  const complain = (what: string) => figures.broken.push(`${name}, ${lives.map(nameOf).join(', ')}: ${what}`);
  if (!isSettled) complain('the work list does not become empty');
  if (channels.includes('room')) {
    const messages = workspace.messages.filter(({ thread_ts }) => thread_ts === undefined);
    if (messages.length !== 1) complain(`the room has ${messages.length} messages about the job`);
    const shown = messages[0]?.text.replace(' in production', '');
    if (!shown?.startsWith(expected.at(-1)?.title ?? '')) complain(`the room shows ${shown}`);
  }
  const { body } = await worker().get(recordId);
  const deliveries: ShownDelivery[] = body.deliveries ?? [];

  for (const channel of channels) {
    const titles = accepted
      .filter((one) => one.channel === channel)
      .map(({ title }) => expectedOf(expected, title)?.title ?? title);
    const inOrder = [...new Set(titles)].join(', ');
    if (inOrder !== expected.map(({ title }) => title).join(', ')) {
      complain(`${channel} received: ${inOrder || 'nothing'}`);
    }
    for (const { outcome, limit, title } of expected) {
      const ambiguous = lives.filter((life) => life.ambiguous.has(`${channel} ${title}`));
      const message = {
        name: `${outcome} to ${channel}`,
        times: titles.filter((one) => one === title).length,
        ambiguous: ambiguous.length,
        shown: deliveries.find((one) => one.channel === channel && one.outcome === outcome && one.limit === limit),
      };
      const unavoidable = countMessage(figures, message, complain);
      for (const life of ambiguous.slice(0, unavoidable)) countOne(figures.holes, `${channel}: ${deathOf(life)}`);
    }
  }
}

/** Where a worker died, by the name of the call. */
const deathOf = ({ mortal, point }: Life): string =>
  point ? `killed ${point.moment} ${mortal.crossings[point.crossing]}` : 'not killed';

/** The same with all details, to find it again. */
function nameOf(life: Life): string {
  const { mortal, point } = life;
  if (!point) return deathOf(life);
  const fates = mortal.inFlight.map((name, index) => `; ${name} ${hasArrived(point, index) ? 'arrived' : 'did not'}`);
  return `${deathOf(life)} (call ${point.crossing + 1}${fates.join('')})`;
}
