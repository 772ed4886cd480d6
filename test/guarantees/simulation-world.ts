/**
 * The world of a simulation: its time, the table, what is outside, and the workers, which live in processes as Lambda
 * keeps them. Each thing that leaves a worker waits for its turn, and may get into trouble.
 */

import type { Deps } from '../../lib/deps.ts';
import type { JobName } from '../../lib/domain/job.ts';
import { check } from '../../lib/pipeline/check.ts';
import { replay } from '../../lib/pipeline/replay.ts';
import { sweep } from '../../lib/sweep/sweep.ts';
import { type Deployment, type DeploymentName, deployments } from './simulation-deployments.ts';
import { changeLook, createJobs, type Look, type SimulatedJob } from './simulation-jobs.ts';
import { createLedger } from './simulation-ledger.ts';
import { createOutside } from './simulation-outside.ts';
import { createTable } from './simulation-table.ts';
import { createTroubles, MadeUp } from './simulation-troubles.ts';
import { createWorkerParts, type Leave } from './simulation-worker.ts';

const second = 1_000;
const minute = 60 * second;
/** What a crossing takes, and what it takes when it is slow. */
const [usualMs, slowMs] = [10, 4 * second];

/** A process as Lambda keeps it: it does one invocation at a time, and is frozen between two. */
interface Worker {
  name: string;
  deployment: Deployment;
  state: 'busy' | 'frozen' | 'dead';
  /** When Lambda ends it, by the time of the world. */
  deadline: number;
  /** Kept when it is busy again: answers that come in while it is frozen are read then. */
  thaw: PromiseWithResolvers<void>;
  deps: Deps;
}

export type World = ReturnType<typeof createWorld>;

/**
 * A world in which each crossing waits for `turn`. `offsetsMs` are the clocks of the workers, one after another, and
 * `beginnings` are the jobs at first.
 */
export function createWorld(turn: (label: string) => Promise<void>, offsetsMs: number[], beginnings: Look[]) {
  let time = Date.parse('2026-01-01T10:10:00.000Z');
  let isCalm = false;
  let deployment: Deployment = deployments.all;
  let ids = 0;
  const now = () => time;
  const workers: Worker[] = [];
  const troubles = createTroubles();
  const ledger = createLedger(now);
  const jobs = createJobs(beginnings, time);
  const outside = createOutside({ now, jobs, ledger });
  const table = createTable({ ledger, jobs });

  const kill = (worker: Worker): void => {
    worker.state = 'dead';
    ledger.died(worker);
  };

  /** Time passes; who is not done by the deadline, Lambda ends. */
  const pass = (ms: number): void => {
    time += ms;
    for (const worker of workers) if (worker.state === 'busy' && time > worker.deadline) kill(worker);
  };

  const takeTurn = async (worker: Worker, what: string): Promise<void> => {
    if (!isCalm) await turn(`${worker.name} ${what}`);
    if (worker.state === 'dead') await never();
  };

  /** Keeps a worker that is frozen from going on for now, and one that is dead for good. */
  const awake = async (worker: Worker): Promise<void> => {
    while (worker.state === 'frozen') await worker.thaw.promise;
    if (worker.state === 'dead') await never();
  };

  const leave =
    (worker: Worker): Leave =>
    async ({ name, place, about = '' }, act) => {
      await awake(worker);
      await takeTurn(worker, name);
      pass(usualMs);
      const mishap = troubles.next(place, about);
      if (mishap === 'dies') kill(worker);
      if (worker.state === 'dead') await never();
      const takesMs = mishap === 'slow' ? slowMs : 0;
      const [answer] = await Promise.allSettled([act(mishap, takesMs)]);
      if (mishap === 'died') kill(worker);
      if (takesMs > 0) {
        await takeTurn(worker, `${name}, slowly`);
        pass(takesMs);
      }
      await awake(worker);
      if (answer.status === 'rejected') throw answer.reason;
      return answer.value;
    };

  const start = (): Worker => {
    const worker: Worker = {
      name: `worker ${workers.length + 1}`,
      deployment,
      state: 'frozen',
      deadline: 0,
      thaw: Promise.withResolvers(),
      deps: undefined as never,
    };
    worker.deps = createWorkerParts({
      worker,
      deployment,
      leave: leave(worker),
      turn: async (what) => {
        await takeTurn(worker, what);
        await awake(worker);
      },
      now,
      pass,
      offsetMs: offsetsMs[workers.length % offsetsMs.length] ?? 0,
      table,
      outside,
      ledger,
      newId: () => `id-${ids++}`,
    });
    workers.push(worker);
    return worker;
  };

  /** One invocation, in a process that is free, or in a new one. Resolves when it has ended, whatever came of it. */
  async function invoke(remainingMs: number, work: (deps: Deps, deadline: number) => Promise<unknown>) {
    const free = workers.find((one) => one.state === 'frozen' && one.deployment === deployment);
    const worker = free ?? start();
    worker.state = 'busy';
    worker.deadline = time + remainingMs;
    worker.thaw.resolve();
    worker.thaw = Promise.withResolvers();
    try {
      await work(worker.deps, worker.deps.clock.now() + remainingMs);
    } catch (error) {
      if (!(error instanceof MadeUp)) ledger.violated(`a bug: ${(error as Error).stack}`);
    }
    if (worker.state === 'busy') worker.state = 'frozen';
  }

  return {
    ledger,
    jobs,
    table,
    now,
    pass,
    trouble: troubles.add,
    change: (job: SimulatedJob, look: Look) => changeLook(job, look, time),
    deploy(name: DeploymentName): void {
      deployment = deployments[name];
    },
    /** From now on nothing goes wrong that is not said anew, and everything happens at once. */
    repair(): void {
      troubles.end();
      isCalm = true;
    },
    /** A trigger names a job. If it is answered, somebody was promised something. */
    check: (job: JobName, remainingMs: number) =>
      invoke(remainingMs, async (deps, deadline) => {
        if (!Object.hasOwn(deps.config.environments, job.environment)) return;
        await check(deps, job, deadline);
        ledger.vouch(job);
      }),
    sweep: (remainingMs = 55 * second) => invoke(remainingMs, sweep),
    /** An operator has dead deliveries sent again. */
    replay: () => invoke(60 * minute, (deps) => replay(deps, {})),
  };
}

const never = () => new Promise<never>(() => undefined);
