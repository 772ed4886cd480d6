/**
 * The simulated world with workers in processes as Lambda keeps them. Each call that leaves a worker waits for its turn,
 * and can go wrong.
 */

import type { Deps } from '../../lib/deps.ts';
import type { JobName } from '../../lib/domain/job.ts';
import { check } from '../../lib/pipeline/check.ts';
import { replay } from '../../lib/pipeline/replay.ts';
import { sweep } from '../../lib/sweep/sweep.ts';
import { createSimulatedWorld } from '../support/simulated-world.ts';
import { type Deployment, type DeploymentName, deployments } from './simulation-deployments.ts';
import { changeState, createJobs, type SimulatedJob, type State } from './simulation-jobs.ts';
import { createLedger } from './simulation-ledger.ts';
import { createTroubles, InjectedError } from './simulation-mishaps.ts';
import { createTable } from './simulation-table.ts';
import { createWorkerDeps, type Leave } from './simulation-worker.ts';

const second = 1_000;
const minute = 60 * second;
/** How long a call takes, and how much longer when it is slow. */
const [usualMs, slowMs] = [10, 4 * second];
/** How long a frozen process is frozen at least, and for how many turns of other workers. */
const [frozenMs, frozenTurns] = [100 * second, 12];

/** A process as Lambda keeps it. It handles one invocation at a time and is frozen in between. */
interface Worker {
  name: string;
  deployment: Deployment;
  state: 'busy' | 'frozen' | 'dead';
  /** Whether the process is, or was, frozen during the present invocation. */
  isLate: boolean;
  /** When Lambda ends the invocation, by the time of the world. */
  deadline: number;
  /** Resolves when the process is busy again. Responses that arrive while it is frozen are read then. */
  thaw: PromiseWithResolvers<void>;
  deps: Deps;
}

export type World = ReturnType<typeof createWorld>;

/**
 * Makes a world in which each call waits for `turn`. `offsetsMs` says how far the clock of each worker is ahead;
 * `beginnings` are the first states of the jobs.
 */
export function createWorld(turn: (label: string) => Promise<void>, offsetsMs: number[], beginnings: State[]) {
  let time = Date.parse('2026-01-01T10:10:00.000Z');
  let isCalm = false;
  let deployment: Deployment = deployments.all;
  let ids = 0;
  const now = () => time;
  const workers: Worker[] = [];
  const troubles = createTroubles();
  const ledger = createLedger(now);
  const world = createSimulatedWorld(now);
  const jobs = createJobs();
  const table = createTable({ store: world.store, ledger, jobs });

  const change = (job: SimulatedJob, state: State): void => {
    changeState(job, state, time);
    if (job.shown) world.shown.set(job.key, job.shown);
    else world.shown.delete(job.key);
  };
  for (const [index, job] of jobs.entries()) change(job, beginnings[index] ?? 'unknown');

  const kill = (worker: Worker): void => {
    worker.state = 'dead';
    ledger.stopped(worker, 'lost');
  };

  /** Time passes. Lambda ends a worker that is still busy at its deadline. */
  const pass = (ms: number): void => {
    time += ms;
    for (const worker of workers) if (worker.state === 'busy' && time > worker.deadline) kill(worker);
  };

  const takeTurn = async (worker: Worker, what: string): Promise<void> => {
    if (!isCalm) await turn(`${worker.name} ${what}`);
    if (worker.state === 'dead') await never();
  };

  /** Stops a frozen worker until it thaws, and a dead one for ever. */
  const awake = async (worker: Worker): Promise<void> => {
    while (worker.state === 'frozen') await worker.thaw.promise;
    if (worker.state === 'dead') await never();
  };

  /** Lambda freezes a process in the middle of its work, for longer than its lease, and thaws it for its next event. */
  const freeze = async (worker: Worker): Promise<void> => {
    worker.state = 'frozen';
    worker.isLate = true;
    ledger.stopped(worker, 'late');
    pass(frozenMs);
    for (let turns = 0; turns < frozenTurns; turns++) await takeTurn(worker, 'frozen');
    worker.state = 'busy';
    worker.deadline = time + minute;
    worker.thaw.resolve();
    worker.thaw = Promise.withResolvers();
  };

  const leave =
    (worker: Worker): Leave =>
    async ({ name, target, about = '' }, act) => {
      await awake(worker);
      await takeTurn(worker, name);
      pass(usualMs);
      const mishap = troubles.next(target, about);
      if (mishap === 'dies') kill(worker);
      if (worker.state === 'dead') await never();
      const takesMs = mishap === 'slow' ? slowMs : 0;
      const [response] = await Promise.allSettled([act(mishap, takesMs)]);
      if (mishap === 'died') kill(worker);
      if (mishap === 'frozen') await freeze(worker);
      if (takesMs > 0) {
        await takeTurn(worker, `${name}, slowly`);
        pass(takesMs);
      }
      await awake(worker);
      if (response.status === 'rejected') throw response.reason;
      return response.value;
    };

  const start = (): Worker => {
    const worker: Worker = {
      name: `worker ${workers.length + 1}`,
      deployment,
      state: 'frozen',
      isLate: false,
      deadline: 0,
      thaw: Promise.withResolvers(),
      deps: undefined as never,
    };
    worker.deps = createWorkerDeps({
      worker,
      isLate: () => worker.isLate,
      deployment,
      leave: leave(worker),
      turn: async (what) => {
        await takeTurn(worker, what);
        await awake(worker);
      },
      now,
      pass,
      offsetMs: offsetsMs[workers.length % offsetsMs.length] ?? 0,
      world,
      table,
      jobs,
      ledger,
      newId: () => `id-${ids++}`,
    });
    workers.push(worker);
    return worker;
  };

  /** One invocation, in a free process or in a new one. Resolves at its end, even if it failed. */
  async function invoke(remainingMs: number, work: (deps: Deps, deadline: number) => Promise<unknown>) {
    const isFree = ({ state, isLate }: Worker) => state === 'frozen' && !isLate;
    const free = workers.find((one) => isFree(one) && one.deployment === deployment);
    const worker = free ?? start();
    worker.state = 'busy';
    worker.deadline = time + remainingMs;
    worker.thaw.resolve();
    worker.thaw = Promise.withResolvers();
    try {
      await work(worker.deps, worker.deps.clock.now() + remainingMs);
    } catch (error) {
      if (!(error instanceof InjectedError)) ledger.violated(`a bug: ${(error as Error).stack}`);
    }
    if (worker.state === 'busy') worker.state = 'frozen';
    worker.isLate = false;
  }

  return {
    ledger,
    jobs,
    table,
    workspace: world.workspace,
    now,
    pass,
    trouble: troubles.add,
    change,
    deploy(name: DeploymentName): void {
      deployment = deployments[name];
    },
    /** Ends all troubles. From now on calls do not wait for their turn. */
    repair(): void {
      troubles.end();
      ledger.repaired();
      isCalm = true;
    },
    /** A trigger names a job. If the call succeeds, its caller was promised that the job is watched. */
    check: (job: JobName, remainingMs: number) =>
      invoke(remainingMs, async (deps, deadline) => {
        if (!Object.hasOwn(deps.config.environments, job.environment)) return;
        await check(deps, job, deadline);
        ledger.promise(job);
      }),
    sweep: (remainingMs = 55 * second) => invoke(remainingMs, sweep),
    /** A sweep between two of the schedule. */
    poll: () => invoke(55 * second, (deps, deadline) => sweep(deps, deadline, [{ environment: null }])),
    /** An operator replays dead deliveries. */
    replay: () => invoke(60 * minute, (deps) => replay(deps, {})),
  };
}

const never = () => new Promise<never>(() => undefined);
