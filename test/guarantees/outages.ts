/** Long outages, in simulated time: what was due is sent afterwards, once, and without a burst. */

import { replay } from '../../lib/pipeline/replay.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { type Cross, createUniverse, type Universe } from './universe.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What came of an outage. */
export interface Figures {
  name: string;
  expected: number;
  sent: number;
  lost: number;
  repeated: number;
  /** The shortest time between two messages in Slack, in milliseconds. */
  slackPaceMs: number;
  /** Requests to whoever was away, while it was. */
  callsMeanwhile: number;
}

/** Slack is not there for two days while 20 jobs end. */
export const slackAway = (): Promise<Figures> =>
  outage('Slack away for 2 days', { jobs: 20, lastsMs: 2 * day, endsMs: hour, isAway: (name) => name === 'slack' });

/** The Publishing API is not there for six hours while 1,000 watched jobs end. */
export const apiAway = (): Promise<Figures> =>
  outage('Publishing API away for 6 h', {
    jobs: 1_000,
    lastsMs: 6 * hour,
    endsMs: 0,
    isAway: (name) => name === 'api',
  });

/** The table throttles every call for an hour while 100 jobs end. */
export const tableThrottled = (): Promise<Figures> =>
  outage('DynamoDB throttles for 1 h', {
    jobs: 100,
    lastsMs: hour,
    endsMs: 0,
    isAway: (name) => name.startsWith('store.'),
  });

async function outage(
  name: string,
  terms: { jobs: number; lastsMs: number; endsMs: number; isAway: (name: string) => boolean },
): Promise<Figures> {
  const universe = createUniverse();
  let isOut = false;
  let callsMeanwhile = 0;
  const cross: Cross = async (call, send) => {
    if (!isOut || !terms.isAway(call)) return await send();
    callsMeanwhile += 1;
    if (call.startsWith('store.')) {
      throw Object.assign(new Error('throttled'), { name: 'ProvisionedThroughputExceededException' });
    }
    throw new UpstreamError('unavailable', 'away');
  };
  const worker = universe.worker({ cross });
  const ids = Array.from({ length: terms.jobs }, (_, index) => `job_${index}`);
  for (const id of ids) {
    universe.setJob(id, { status: 'Running' });
    await worker.post(id);
  }

  isOut = true;
  const begin = universe.clock.now();
  while (universe.clock.now() < begin + terms.lastsMs) {
    if (universe.clock.now() - begin >= terms.endsMs) end(universe, ids);
    await worker.sweep().catch(() => undefined);
    universe.clock.advance(minute - (universe.clock.now() % minute));
  }
  isOut = false;
  await sweepUntilQuiet(universe, worker);
  return { name, ...figuresOf(universe, ids), callsMeanwhile };
}

/** Slack is away for longer than the retry window; an operator replays what died, twice. */
export async function replayedAfterwards(): Promise<Figures & { dead: number; revived: number; revivedAgain: number }> {
  const universe = createUniverse();
  let isOut = true;
  let callsMeanwhile = 0;
  const cross: Cross = async (call, send) => {
    if (!isOut || call !== 'slack') return await send();
    callsMeanwhile += 1;
    throw new UpstreamError('needsOperator', 'no_service');
  };
  const worker = universe.worker({ cross });
  const ids = Array.from({ length: 5 }, (_, index) => `job_${index}`);
  for (const id of ids) universe.setJob(id, { status: 'Failed' });
  for (const id of ids) await worker.post(id);
  await sweepUntilQuiet(universe, worker, 4 * day);
  const answers = await Promise.all(ids.map((id) => worker.get(id)));
  const dead = answers.flatMap(({ body }) => body.deliveries).filter(({ state }) => state === 'dead').length;

  isOut = false;
  const revive = async (since: number) => {
    const replayed = await replay(worker.deps, { channel: 'slack', since });
    return replayed.flatMap(({ revived }) => revived).length;
  };
  const revived = await revive(universe.clock.now() - 5 * day);
  await sweepUntilQuiet(universe, worker);
  const revivedAgain = await revive(0);
  await sweepUntilQuiet(universe, worker);
  const name = 'Slack away for 4 days, then replayed';
  return { name, ...figuresOf(universe, ids), callsMeanwhile, dead, revived, revivedAgain };
}

function end(universe: Universe, ids: string[]): void {
  for (const id of ids) universe.setJob(id, { status: 'Failed', at: Date.parse('2026-01-01T10:20:00Z') });
}

/** Sweeps every minute until nothing is in the work list any more, or so long. */
async function sweepUntilQuiet(universe: Universe, worker: ReturnType<Universe['worker']>, forMs = day): Promise<void> {
  const begin = universe.clock.now();
  while (universe.clock.now() < begin + forMs) {
    await worker.sweep();
    universe.clock.advance(minute - (universe.clock.now() % minute));
    if (await isQuiet(universe)) return;
  }
}

async function isQuiet({ store }: Universe): Promise<boolean> {
  for await (const page of store.due(Number.MAX_SAFE_INTEGER)) if (page.length > 0) return false;
  return true;
}

function figuresOf({ accepted }: Universe, ids: string[]) {
  const expected = ids.flatMap((id) => ['slack', 'fifo', 'topic'].map((channel) => `${channel} ${id}/Failed`));
  const got = accepted.map(({ channel, key }) => `${channel} ${key}`);
  const told = new Set(got);
  const times = accepted.filter(({ channel }) => channel === 'slack').map(({ at }) => at);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  return {
    expected: expected.length,
    sent: got.length,
    lost: expected.filter((one) => !told.has(one)).length,
    repeated: got.length - told.size,
    slackPaceMs: Math.min(...gaps),
  };
}
