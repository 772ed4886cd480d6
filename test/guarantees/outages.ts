/** Long outages in simulated time: pending messages are sent afterwards, once, and without a burst. */

import { replay } from '../../lib/pipeline/replay.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { type Cross, isWorkListEmpty } from '../support/crossing.ts';
import type { Worker } from '../support/simulated-world.ts';
import { createUniverse, type Universe } from './kill-scenarios.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What an outage led to. */
export interface Figures {
  name: string;
  expected: number;
  sent: number;
  lost: number;
  repeated: number;
  /** The shortest time from a message in Slack to the third one after it, in milliseconds: a burst has three. */
  slackPaceMs: number;
  /** Requests to the service during its outage. */
  callsMeanwhile: number;
}

/** Slack is unavailable for two days while 20 jobs end. */
export const slackAway = (): Promise<Figures> =>
  outage('Slack unavailable for 2 days', {
    jobs: 20,
    lastsMs: 2 * day,
    endsMs: hour,
    isAway: (name) => name === 'slack',
  });

/** The Publishing API is unavailable for six hours while 1,000 watched jobs end. */
export const apiAway = (): Promise<Figures> =>
  outage('Publishing API unavailable for 6 h', {
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
  options: { jobs: number; lastsMs: number; endsMs: number; isAway: (name: string) => boolean },
): Promise<Figures> {
  const failed = (call: string) =>
    call.startsWith('store.')
      ? Object.assign(new Error('throttled'), { name: 'ProvisionedThroughputExceededException' })
      : new UpstreamError('unavailable', 'away');
  const { universe, worker, out } = startOutage(options.isAway, failed);
  const ids = jobIds(options.jobs);
  for (const id of ids) {
    universe.setJob(id, { status: 'Running' });
    await worker.post(id);
  }

  out.isOut = true;
  const begin = universe.clock.now();
  while (universe.clock.now() < begin + options.lastsMs) {
    if (universe.clock.now() - begin >= options.endsMs) end(universe, ids);
    await worker.sweep().catch(() => undefined);
    nextMinute(universe);
  }
  out.isOut = false;
  await sweepUntilQuiet(universe, worker);
  return { name, ...figuresOf(universe, ids), callsMeanwhile: out.calls };
}

/** Slack is unavailable for longer than the retry window; an operator replays the dead deliveries, twice. */
export async function replayedAfterwards(): Promise<Figures & { dead: number; revived: number; revivedAgain: number }> {
  const failed = () => new UpstreamError('needsOperator', 'no_service');
  const { universe, worker, out } = startOutage((call) => call === 'slack', failed);
  out.isOut = true;
  const ids = jobIds(5);
  for (const id of ids) universe.setJob(id, { status: 'Failed' });
  for (const id of ids) await worker.post(id);
  await sweepUntilQuiet(universe, worker, 4 * day);
  const responses = await Promise.all(ids.map((id) => worker.get(id)));
  const dead = responses.flatMap(({ body }) => body.deliveries).filter(({ state }) => state === 'dead').length;

  out.isOut = false;
  const revive = async (since: number) => {
    const replayed = await replay(worker.deps, { channel: 'slack', since });
    return replayed.flatMap(({ revived }) => revived).length;
  };
  const revived = await revive(universe.clock.now() - 5 * day);
  await sweepUntilQuiet(universe, worker);
  const revivedAgain = await revive(0);
  await sweepUntilQuiet(universe, worker);
  const name = 'Slack unavailable for 4 days, then replayed';
  return { name, ...figuresOf(universe, ids), callsMeanwhile: out.calls, dead, revived, revivedAgain };
}

/** Slack is unavailable when 100 jobs end, and works again when the schedule, which was off for four days, is on again. */
export async function scheduleOff(): Promise<Figures> {
  const busy = () => new UpstreamError('rateLimited', 'busy', { retryAfterMs: minute });
  const { universe, worker, out } = startOutage((call) => call === 'slack', busy);
  out.isOut = true;
  const ids = jobIds(100);
  end(universe, ids);
  for (const id of ids) await worker.post(id);
  out.isOut = false;
  universe.clock.advance(4 * day);
  await sweepUntilQuiet(universe, worker);
  return { name: 'Schedule off for 4 days', ...figuresOf(universe, ids), callsMeanwhile: out.calls };
}

/** A universe with one worker, whose calls of these names fail and are counted while `out.isOut`. */
function startOutage(isAway: (name: string) => boolean, failed: (call: string) => Error) {
  const universe = createUniverse();
  const out = { isOut: false, calls: 0 };
  const cross: Cross = async (call, send) => {
    if (!out.isOut || !isAway(call)) return await send();
    out.calls += 1;
    throw failed(call);
  };
  return { universe, worker: universe.worker({ cross }), out };
}

const jobIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `job_${index}`);

const nextMinute = ({ clock }: Universe): void => clock.advance(minute - (clock.now() % minute));

function end(universe: Universe, ids: string[]): void {
  for (const id of ids) universe.setJob(id, { status: 'Failed', at: Date.parse('2026-01-01T10:20:00Z') });
}

/** Sweeps every minute until the work list is empty, at most for this long. */
async function sweepUntilQuiet(universe: Universe, worker: Worker, forMs = day): Promise<void> {
  const begin = universe.clock.now();
  while (universe.clock.now() < begin + forMs) {
    await worker.sweep();
    nextMinute(universe);
    if (await isWorkListEmpty(universe.store)) return;
  }
}

function figuresOf({ accepted }: Universe, ids: string[]) {
  const expected = ids.flatMap((id) => ['slack', 'fifo', 'topic'].map((channel) => `${channel} ${id} Failed`));
  const all = accepted.map(({ channel, job, title }) => `${channel} ${job.jobId} ${title}`);
  const distinct = new Set(all);
  const times = accepted.filter(({ channel }) => channel === 'slack').map(({ at }) => at);
  const gaps = times.slice(3).map((time, index) => time - (times[index] ?? 0));
  return {
    expected: expected.length,
    sent: all.length,
    lost: expected.filter((one) => !distinct.has(one)).length,
    repeated: all.length - distinct.size,
    slackPaceMs: Math.min(...gaps),
  };
}
