/** The jobs during which a worker is killed. */

import type { TimeLimitRule } from '../../lib/domain/decision-context.ts';
import type { Notice } from '../../lib/domain/job.ts';
import { cooldownKey } from '../../lib/pipeline/cooldown.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import { createFakeClock, type FakeClock } from '../support/clock.ts';
import type { Cross } from '../support/crossing.ts';
import {
  type ChannelName,
  createSimulatedWorld,
  type SimulatedWorld,
  type Worker,
  worldConfig,
} from '../support/simulated-world.ts';

export interface KillScenario {
  name: string;
  /** What the killed worker does. The caller of a webhook or an event tries again; the schedule of sweeps does not. */
  trigger: keyof typeof triggers;
  /** What every channel must receive, in this order. */
  expected: ExpectedMessage[];
  /** The time limits of jobs; none by default. */
  limits?: TimeLimitRule[];
  /** Whether discovery is on. */
  discover?: boolean;
  /** The channels; Slack and both topics by default. */
  channels?: readonly ChannelName[];
  /** The channels that are notified about the notifier itself; none by default. */
  operators?: string[];
  /** The record with the deliveries; that of the job by default. */
  recordId?: string;
  /** Brings the world to the moment at which the worker begins. */
  prepare(universe: Universe): Promise<void>;
  /** What happens in the world after the worker is done or dead. */
  afterwards?(universe: Universe): Promise<void>;
  /** Another worker does the same at the same time. It begins just before or just after the one that is killed. */
  rival?: 'before' | 'after';
}

/** A message, and the title that it begins with. */
export interface ExpectedMessage extends Notice {
  title: string;
  /** The title after the end of the job; the same if left out. */
  titleAfterEnd?: string;
}

/** A simulated world with its clock, and workers whose clock this is by default. */
export interface Universe extends Omit<SimulatedWorld, 'worker'> {
  clock: FakeClock;
  worker(options?: Partial<Parameters<SimulatedWorld['worker']>[0]>): Worker;
}

/** Makes a universe. `discover` turns discovery on; `limits` are the time limits of jobs. */
export function createUniverse(options: Parameters<typeof worldConfig>[0] = {}): Universe {
  const clock = createFakeClock();
  const world = createSimulatedWorld(clock.now);
  const config = worldConfig(options);
  return { ...world, clock, worker: (own) => world.worker({ clock, config, ...own }) };
}

export const jobId = 'job_1';
export const triggers = {
  webhook: (worker: Worker): Promise<unknown> => worker.post(jobId),
  event: (worker: Worker): Promise<unknown> => worker.event(jobId),
  sweep: (worker: Worker): Promise<unknown> => worker.sweep(),
  poll: (worker: Worker): Promise<unknown> => worker.poll(),
  queuedSweep: (worker: Worker): Promise<unknown> => worker.queuedSweep(),
};
export const minute = 60_000;

const completed = { outcome: 'completed', title: 'Completed' } as const;
const failed = { outcome: 'failed', title: 'Failed' } as const;
const corrected = { outcome: 'completedWithWarnings', title: 'Completed with warnings (correction)' } as const;
const late: ExpectedMessage = {
  outcome: 'late',
  limit: 'runningFor',
  title: 'Late, still running',
  titleAfterEnd: 'Late, was still running',
};
const stuck: ExpectedMessage = {
  outcome: 'stuck',
  limit: 'noProgressFor',
  title: 'Stuck',
  titleAfterEnd: 'Stuck, was without progress',
};
const trouble = { outcome: 'trouble', title: 'Not working' } as const;
const recovered = { outcome: 'recovered', title: 'Works again' } as const;
const lost = { outcome: 'lostTrack', title: 'Lost track' } as const;

/** Requests to these channels fail before the channel accepts anything. */
const failing =
  (...names: string[]): Cross =>
  (name, call) =>
    names.includes(name) ? Promise.reject(new UpstreamError('unavailable', `${name}: cannot connect`)) : call();

/** A job that was seen running, and that now has this status. */
const watched = (status: string) => async (universe: Universe) => {
  universe.setJob(jobId, { status: 'Running' });
  await universe.worker().post(jobId);
  universe.clock.advance(minute);
  universe.setJob(jobId, { status });
};

/** A job that runs for longer than it may, without progress. */
const limits: TimeLimitRule[] = [{ runningFor: 60, noProgressFor: 60 }];
const running = async ({ clock, setJob, worker }: Universe) => {
  setJob(jobId, { status: 'Running' });
  await worker().post(jobId);
  clock.advance(61 * minute);
};

const finished = async ({ setJob }: Universe) => setJob(jobId, { status: 'Completed' });

/** The environment has not been readable for a while, and is paused. */
const outageSince = '2026-01-01T09:00:00.000Z';
const isPaused = ({ store, clock }: Universe, forMs: number) =>
  store.writeMark(cooldownKey('environment', 'production'), {
    until: clock.now() + forMs,
    failures: 3,
    reason: 'refused',
    since: outageSince,
  });
const operated: Pick<KillScenario, 'trigger' | 'operators' | 'discover' | 'recordId'> = {
  trigger: 'sweep',
  operators: ['slack', 'fifo', 'topic'],
  discover: true,
  recordId: `NOTICE-environment-production-${outageSince}`,
};
const sweepTwice = async ({ clock, worker }: Universe) => {
  for (let sweeps = 0; sweeps < 2; sweeps++) {
    clock.advance(2 * minute);
    await worker().sweep();
  }
};

export const killScenarios: KillScenario[] = [
  {
    name: 'a sweep that notices trouble',
    ...operated,
    expected: [trouble, recovered],
    prepare: (universe) => isPaused(universe, 60 * minute),
    async afterwards(universe) {
      await sweepTwice(universe);
      await isPaused(universe, 0);
      universe.clock.advance(minute);
      await universe.worker().sweep();
    },
  },
  {
    name: 'a sweep that notices the end of trouble',
    ...operated,
    expected: [trouble, recovered],
    async prepare(universe) {
      await isPaused(universe, 60 * minute);
      await sweepTwice(universe);
      await isPaused(universe, 0);
      universe.clock.advance(minute);
    },
    // A worker that was killed before the API responded has ended nothing.
    async afterwards(universe) {
      universe.clock.advance(2 * minute);
      await universe.worker().sweep();
    },
  },
  { name: 'a webhook for a finished job', trigger: 'webhook', expected: [completed], prepare: finished },
  { name: 'a sweep that finds the end', trigger: 'sweep', expected: [completed], prepare: watched('Completed') },
  { name: 'an event for a failed job', trigger: 'event', expected: [failed], prepare: watched('Failed') },
  {
    name: 'a correction while a delivery is pending',
    trigger: 'sweep',
    expected: [completed, corrected],
    async prepare({ clock, setJob, worker }) {
      // The counters are older than the end, so the job is read once more.
      const at = clock.now();
      setJob(jobId, { at, lastReportTime: new Date(at - minute).toISOString() });
      await worker({ cross: failing('slack') }).post(jobId);
      clock.advance(minute);
      setJob(jobId, { at, lastReportTime: new Date(at + 1_000).toISOString(), failed: 2 });
    },
  },
  {
    name: 'a retry after every channel failed',
    trigger: 'sweep',
    expected: [failed],
    async prepare({ clock, setJob, worker }) {
      setJob(jobId, { status: 'Failed' });
      await worker({ cross: failing('slack', 'fifo', 'topic') }).post(jobId);
      clock.advance(minute);
    },
  },
  {
    name: 'a sweep that notifies Teams and a signed webhook',
    trigger: 'sweep',
    channels: ['teams', 'hook'],
    expected: [failed],
    prepare: watched('Failed'),
  },
  {
    name: 'a retry to Teams and a signed webhook, after new counters',
    trigger: 'sweep',
    channels: ['teams', 'hook'],
    expected: [completed],
    async prepare({ clock, setJob, worker }) {
      const at = clock.now();
      setJob(jobId, { at, lastReportTime: new Date(at - minute).toISOString() });
      await worker({ cross: failing('teams', 'hook') }).post(jobId);
      clock.advance(minute);
      setJob(jobId, { at, lastReportTime: new Date(at + 1_000).toISOString(), sent: 900, processed: 900 });
    },
  },
  {
    name: 'a sweep that has lost track',
    trigger: 'sweep',
    expected: [lost],
    async prepare(universe) {
      await watched('Running')(universe);
      universe.setJob(jobId, undefined);
      for (let waited = 0; waited < 10; waited++) {
        await universe.worker().sweep();
        universe.clock.advance(minute);
      }
    },
  },
  { name: 'a poll that finds the end', trigger: 'poll', expected: [failed], prepare: watched('Failed') },
  ...(
    [
      ['sweep', 'a sweep of the schedule'],
      ['poll', 'a poll'],
      ['queuedSweep', 'a sweep that a caller requested'],
    ] as const
  ).map(
    ([trigger, sweep]): KillScenario => ({
      name: `${sweep} that discovers a job that has ended`,
      trigger,
      expected: [failed],
      discover: true,
      async prepare({ clock, setJob, worker }) {
        await worker().sweep();
        clock.advance(minute);
        setJob(jobId, { status: 'Failed' });
      },
    }),
  ),
  {
    name: 'a sweep that reads the end of a watched job from the list',
    trigger: 'sweep',
    expected: [failed],
    discover: true,
    async prepare({ clock, setJob, worker }) {
      setJob(jobId, { status: 'Running' });
      await worker().sweep();
      clock.advance(minute);
      setJob(jobId, { status: 'Failed' });
    },
  },
  {
    name: 'a first sweep, which does not announce a job that has ended',
    trigger: 'sweep',
    expected: [],
    discover: true,
    prepare: finished,
  },
  {
    name: 'a sweep that finds a job late and stuck',
    trigger: 'sweep',
    expected: [late, stuck, completed],
    limits,
    prepare: running,
    // The worker that takes over finds the job late as well, once the lease has expired.
    async afterwards(universe) {
      universe.clock.advance(2 * minute);
      await universe.worker().sweep();
      await finished(universe);
    },
  },
  {
    name: 'an end, while the delivery of late is pending',
    trigger: 'sweep',
    expected: [late, stuck, completed],
    limits,
    async prepare(universe) {
      await running(universe);
      await universe.worker({ cross: failing('slack', 'topic') }).sweep();
      await finished(universe);
      universe.clock.advance(minute);
    },
  },
  ...[['earlier', 'after'] as const, ['later', 'before'] as const].flatMap(([which, rival]): KillScenario[] => [
    { name: `the ${which} of two webhooks`, trigger: 'webhook', expected: [completed], prepare: finished, rival },
    { name: `the ${which} of two sweeps`, trigger: 'sweep', expected: [failed], prepare: watched('Failed'), rival },
  ]),
];
