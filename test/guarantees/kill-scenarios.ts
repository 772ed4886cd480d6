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
  rules?: unknown[];
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

/** A Slack app that is told of the start. */
const inRoom: Pick<KillScenario, 'trigger' | 'channels' | 'rules'> = {
  trigger: 'sweep',
  channels: ['room'],
  rules: [{ when: { outcome: ['started'] }, notify: ['room'] }, { notify: ['room'] }],
};
const started = { outcome: 'started', title: 'Started' } as const;

/** The call takes effect, and its answer is lost. */
const losing =
  (name: string): Cross =>
  async (crossing, call) => {
    const answer = await call();
    if (crossing !== name) return answer;
    throw new UpstreamError('unavailable', 'Slack: no response within 5 s', { ambiguous: true });
  };

/** A job that fails, while one answer of Slack is lost; then it may be looked up. */
const withLost =
  (name: string, begin: (universe: Universe) => Promise<void> = async () => undefined) =>
  async (universe: Universe) => {
    await begin(universe);
    const { clock, setJob, worker } = universe;
    setJob(jobId, { status: 'Failed' });
    await worker({ cross: losing(name) }).post(jobId);
    clock.advance(2 * minute);
  };
const begun = async ({ clock, setJob, worker }: Universe) => {
  setJob(jobId, { status: 'Running' });
  await worker().post(jobId);
  clock.advance(minute);
};

/** Those of the Slack app, whose messages are never repeated. */
export const slackAppScenarios: KillScenario[] = [
  {
    ...inRoom,
    name: 'a webhook for a job that starts: a post, and later an edit',
    trigger: 'webhook',
    expected: [started, completed],
    prepare: async ({ setJob }) => setJob(jobId, { status: 'Running' }),
    // Whoever called repeats the call.
    async afterwards(universe) {
      universe.clock.advance(2 * minute);
      await universe.worker().post(jobId);
      await finished(universe);
    },
  },
  {
    ...inRoom,
    name: 'a sweep that finds a good end: an edit',
    expected: [started, completed],
    prepare: watched('Completed'),
  },
  {
    ...inRoom,
    name: 'a sweep that finds a failure: an edit and a reply',
    expected: [started, failed],
    prepare: watched('Failed'),
  },
  { ...inRoom, name: 'the answer to a post is lost: a look', expected: [failed], prepare: withLost('room.post') },
  {
    ...inRoom,
    name: 'the answer to an edit is lost: the edit again, and a reply',
    expected: [started, failed],
    prepare: withLost('room.edit', begun),
  },
  {
    ...inRoom,
    name: 'the answer to a reply is lost: a look into the thread',
    expected: [started, failed],
    prepare: withLost('room.reply', begun),
  },
  {
    ...inRoom,
    name: 'the answer to a look is lost: another look',
    expected: [failed],
    async prepare(universe) {
      await withLost('room.post')(universe);
      await universe.worker({ cross: losing('room.look') }).sweep();
      universe.clock.advance(5 * minute);
    },
  },
  {
    ...inRoom,
    name: 'a post that never arrived: a look, and the post',
    expected: [failed],
    async prepare({ clock, setJob, worker }) {
      setJob(jobId, { status: 'Failed' });
      const cross: Cross = (name, call) =>
        name === 'room.post'
          ? Promise.reject(new UpstreamError('unavailable', 'Slack: the connection broke', { ambiguous: true }))
          : call();
      await worker({ cross }).post(jobId);
      clock.advance(2 * minute);
    },
  },
  {
    ...inRoom,
    name: 'a correction while the end is pending: a post, an edit and a reply',
    expected: [completed, corrected],
    async prepare({ clock, setJob, worker }) {
      const at = clock.now();
      setJob(jobId, { at, lastReportTime: new Date(at - minute).toISOString() });
      await worker({ cross: failing('room.post') }).post(jobId);
      clock.advance(minute);
      setJob(jobId, { at, lastReportTime: new Date(at + 1_000).toISOString(), failed: 2 });
    },
  },
  {
    ...inRoom,
    name: 'the later of two sweeps: an edit and a reply',
    expected: [started, failed],
    prepare: watched('Failed'),
    rival: 'before',
  },
];

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
