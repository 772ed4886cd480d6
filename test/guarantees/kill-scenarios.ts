/** The jobs during which a worker is killed. */

import type { TimeLimitRule } from '../../lib/domain/decision-context.ts';
import type { Notice } from '../../lib/domain/job.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { Cross, Universe, Worker } from './universe.ts';

export interface KillScenario {
  name: string;
  /** What the killed worker does. Who triggered it asks again; the schedule of sweeps does not. */
  trigger: keyof typeof triggers;
  /** What every channel is to be told, in this order. */
  told: Told[];
  /** How long jobs may take; as long as they like if left out. */
  limits?: TimeLimitRule[];
  /** Brings the world to the moment at which the worker begins. */
  prepare(universe: Universe): Promise<void>;
  /** Whether jobs that nobody named are looked for. */
  discover?: boolean;
  /** What happens in the world when the worker is done, or dead. */
  afterwards?(universe: Universe): Promise<void>;
  /** Another worker does the same at the same time, and began just before or just after the one that is killed. */
  rival?: 'before' | 'after';
}

/** A message, by what its title says first. */
export interface Told extends Notice {
  title: string;
}

export const jobId = 'job_1';
export const triggers = {
  webhook: (worker: Worker): Promise<unknown> => worker.post(jobId),
  event: (worker: Worker): Promise<unknown> => worker.event(jobId),
  sweep: (worker: Worker): Promise<unknown> => worker.sweep(),
  wakeUp: (worker: Worker): Promise<unknown> => worker.wakeUp(),
};
export const minute = 60_000;

const completed = { outcome: 'completed', title: 'Completed' } as const;
const failed = { outcome: 'failed', title: 'Failed' } as const;
const corrected = { outcome: 'completedWithWarnings', title: 'Completed with warnings (correction)' } as const;
const late = { outcome: 'late', limit: 'runningFor', title: 'Late, still running' } as const;
const stuck = { outcome: 'stuck', limit: 'noProgressFor', title: 'Stuck' } as const;
const lost = { outcome: 'lostTrack', title: 'Lost track' } as const;

/** What these channels are asked fails, plainly: nothing was accepted. */
const failing =
  (...names: string[]): Cross =>
  (name, call) =>
    names.includes(name) ? Promise.reject(new UpstreamError('unavailable', `${name}: cannot connect`)) : call();

/** A job that is seen running, and is then as `status` says. */
const watched = (status: string) => async (universe: Universe) => {
  universe.setJob(jobId, { status: 'Running' });
  await universe.worker().post(jobId);
  universe.clock.advance(minute);
  universe.setJob(jobId, { status });
};

/** Runs for longer than it may, and nothing of it moves. */
const limits: TimeLimitRule[] = [{ runningFor: 60, noProgressFor: 60 }];
const running = async ({ clock, setJob, worker }: Universe) => {
  setJob(jobId, { status: 'Running' });
  await worker().post(jobId);
  clock.advance(61 * minute);
};

const finished = async ({ setJob }: Universe) => setJob(jobId, { status: 'Completed' });

export const killScenarios: KillScenario[] = [
  { name: 'a webhook for a finished job', trigger: 'webhook', told: [completed], prepare: finished },
  { name: 'a sweep that finds the end', trigger: 'sweep', told: [completed], prepare: watched('Completed') },
  { name: 'an event for a failed job', trigger: 'event', told: [failed], prepare: watched('Failed') },
  {
    name: 'a correction while a delivery is pending',
    trigger: 'sweep',
    told: [completed, corrected],
    async prepare({ clock, setJob, worker }) {
      // Counted before its end, so that it is read once more.
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
    told: [failed],
    async prepare({ clock, setJob, worker }) {
      setJob(jobId, { status: 'Failed' });
      await worker({ cross: failing('slack', 'fifo', 'topic') }).post(jobId);
      clock.advance(minute);
    },
  },
  {
    name: 'a sweep that has lost track',
    trigger: 'sweep',
    told: [lost],
    async prepare(universe) {
      await watched('Running')(universe);
      universe.setJob(jobId, undefined);
      for (let waited = 0; waited < 10; waited++) {
        await universe.worker().sweep();
        universe.clock.advance(minute);
      }
    },
  },
  ...(['sweep', 'wakeUp'] as const).map(
    (trigger): KillScenario => ({
      name: `a ${trigger} that finds a job that nobody named, and that has ended`,
      trigger,
      told: [failed],
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
    told: [failed],
    discover: true,
    async prepare({ clock, setJob, worker }) {
      setJob(jobId, { status: 'Running' });
      await worker().sweep();
      clock.advance(minute);
      setJob(jobId, { status: 'Failed' });
    },
  },
  {
    name: 'a first sweep, for which a job that has ended is no news',
    trigger: 'sweep',
    told: [],
    discover: true,
    prepare: finished,
  },
  {
    name: 'a sweep that finds a job late and stuck',
    trigger: 'sweep',
    told: [late, stuck, completed],
    limits,
    prepare: running,
    // Whoever takes over sees it as well, when the lease has run out.
    async afterwards(universe) {
      universe.clock.advance(2 * minute);
      await universe.worker().sweep();
      await finished(universe);
    },
  },
  {
    name: 'an end, while late is still to be told',
    trigger: 'sweep',
    told: [late, stuck, completed],
    limits,
    async prepare(universe) {
      await running(universe);
      await universe.worker({ cross: failing('slack', 'topic') }).sweep();
      await finished(universe);
      universe.clock.advance(minute);
    },
  },
  ...[['earlier', 'after'] as const, ['later', 'before'] as const].flatMap(([which, rival]): KillScenario[] => [
    { name: `the ${which} of two webhooks`, trigger: 'webhook', told: [completed], prepare: finished, rival },
    { name: `the ${which} of two sweeps`, trigger: 'sweep', told: [failed], prepare: watched('Failed'), rival },
  ]),
];
