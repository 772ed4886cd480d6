/** The demo's breaks: each takes something away in the middle of a job, gives it back, and counts what arrived. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deps } from '../lib/deps.ts';
import type { JobRecord } from '../lib/domain/job.ts';
import { isPending, namedDeliveries } from '../lib/domain/outbox.ts';
import { cooldownKey } from '../lib/pipeline/cooldown.ts';
import { sendTimeoutMs } from '../lib/pipeline/invocation.ts';
import { RequestError } from '../lib/platform/errors.ts';
import type { Counts } from './counts.ts';
import { cutWaits } from './cut-waits.ts';
import { type Demo, demoChannels, demoEnvironment } from './demo.ts';
import type { Handlers } from './handlers.ts';
import { endOf, type JobPlan } from './simulation.ts';

/** What can be broken. */
export const breaks = ['slack', 'sitecore', 'kill', 'repeat'] as const;
export type Break = (typeof breaks)[number];

/** The latest run of one break. */
export interface BreakRun {
  phase: 'broken' | 'recovering' | 'done' | 'failed';
  /** What is going on, or what came of it. */
  says: string;
  /** Everything that was decided since the run began. */
  counts: Counts | null;
}

/** Breaks things, and says how it goes. */
export interface BreakIt {
  /** Begins a run; a `RequestError` (409) while this very break is under way. */
  begin: (kind: Break) => void;
  /** The latest run of each break that was begun. */
  runs: () => Partial<Record<Break, BreakRun>>;
}

interface BreakDeps {
  demo: Demo;
  handlers: Pick<Handlers, 'running' | 'kill'>;
  /** Only for the table. */
  deps: Pick<Deps, 'store' | 'clock' | 'newId'>;
  handOver: (plan: JobPlan) => Promise<void>;
  countsSince: (since: number) => Promise<Counts>;
  speed: number;
  onChange: () => void;
}

const handOvers = 50;
/** A run that takes longer has found something. */
const patienceMs = 120_000;
const lookMs = 150;

export function createBreakIt(world: BreakDeps): BreakIt {
  const { demo, handlers, deps, handOver, countsSince, speed, onChange } = world;
  const runs: Partial<Record<Break, BreakRun>> = {};
  let killedAt = 0;

  const say = (kind: Break, run: BreakRun) => {
    runs[kind] = run;
    onChange();
  };
  const broken = (kind: Break, says: string) => say(kind, { phase: 'broken', says, counts: null });
  const recovering = (kind: Break, says: string) => say(kind, { phase: 'recovering', says, counts: null });

  const recordOf = (plan: JobPlan) => deps.store.get({ environment: demoEnvironment, jobId: plan.id });
  const until = async (isSo: () => Promise<boolean> | boolean) => {
    for (const end = Date.now() + patienceMs; !(await isSo()); ) {
      if (Date.now() > end) throw new Error('It takes too long.');
      await sleep(lookMs, undefined, { ref: false });
    }
  };
  /** Its message is due, and Slack was tried in vain: with this message, or with another one that was due before. */
  const isHeldUp = async (plan: JobPlan): Promise<boolean> => {
    const key = cooldownKey('channel', demoChannels.slack);
    const [record, marks] = await Promise.all([recordOf(plan), deps.store.readMarks([key])]);
    const due = namedDeliveries(record ?? { deliveries: {} }).filter(({ channel }) => channel === demoChannels.slack);
    return due.some(({ delivery }) => isPending(delivery)) && marks.has(key);
  };
  /** Waits until that is so, and then until people have seen it. */
  const untilSeen = async (isSo: () => Promise<boolean>) => {
    await until(isSo);
    onChange();
    await sleep(3_000 / speed, undefined, { ref: false });
  };

  // The trouble comes first: a job that ends before it would show nothing.
  const steps: Record<Break, () => Promise<JobPlan>> = {
    slack: async () => {
      await demo.slack.pause();
      try {
        broken('slack', 'Slack refuses every connection. A job ends now.');
        const plan = await startJob('slack');
        await untilSeen(() => isHeldUp(plan));
        return plan;
      } finally {
        await comeBack(demo.slack.resume);
        recovering('slack', 'Slack is back. What waits is sent.');
      }
    },
    sitecore: async () => {
      await demo.api.pause();
      try {
        broken('sitecore', 'Sitecore refuses every connection. A job is handed over, ends, and nobody can read it.');
        const plan = await startJob('sitecore');
        // A worker without a token cannot even ask, which counts as no failure of the job's own.
        const isUnread = async () => (await recordOf(plan))?.check.error != null && endOf(plan) < Date.now();
        await untilSeen(isUnread);
        return plan;
      } finally {
        await comeBack(demo.api.resume);
        recovering('sitecore', 'Sitecore is back. The job is read.');
      }
    },
    kill: async () => {
      broken('kill', 'A job ends. The worker is killed while it hands the message to Slack.');
      const isKilled = killWhileSending();
      const [plan] = await Promise.all([startJob('kill'), isKilled]);
      recovering('kill', 'The worker is dead. A new one takes over when its lease has ended.');
      return plan;
    },
    repeat: async () => {
      broken('repeat', `A job ends, and is handed over ${handOvers} times at once.`);
      const plan = addJob('repeat');
      await until(() => endOf(plan) < Date.now());
      const taken = await Promise.allSettled(Array.from({ length: handOvers }, () => handOver(plan)));
      const count = taken.filter(({ status }) => status === 'fulfilled').length;
      recovering('repeat', `${count} of ${handOvers} calls were answered. Their messages are counted.`);
      return plan;
    },
  };

  const addJob = (kind: Break): JobPlan =>
    demo.addJob({ name: names[kind], outcome: kind === 'sitecore' ? 'failed' : 'completed', seconds: 3 });
  const startJob = async (kind: Break): Promise<JobPlan> => {
    const plan = addJob(kind);
    await handOver(plan);
    return plan;
  };

  /**
   * Slack takes a request and does not answer; then the worker dies. That must be all that it leaves open: what Slack
   * has accepted and the table does not know yet would be sent again, which no sender can avoid.
   */
  const killWhileSending = async () => {
    for (let isKilled = false; !isKilled; ) {
      const before = demo.slack.requestCount();
      demo.slack.answerWith({ kind: 'silence' });
      await until(async () => {
        await cutWaits(deps, killedAt);
        return demo.slack.requestCount() > before;
      });
      isKilled = await killIfAlone(Date.now() + sendTimeoutMs / 2);
    }
  };

  const killIfAlone = async (end: number): Promise<boolean> => {
    while (Date.now() < end) {
      const { unrecorded } = await countsSince(0);
      if (unrecorded === 0 && handlers.running().join() === 'sweep') {
        await handlers.kill();
        killedAt = Date.now();
        return true;
      }
      await sleep(lookMs);
    }
    return false;
  };

  const run = async (kind: Break) => {
    const began = Date.now();
    try {
      const plan = await steps[kind]();
      await until(async () => {
        await cutWaits(deps, killedAt);
        return isSettled(await recordOf(plan));
      });
      await until(async () => (await countsSince(began)).waiting === 0);
      say(kind, { phase: 'done', says: outcomes[kind], counts: await countsSince(began) });
    } catch (error) {
      console.error(error);
      const counts = await countsSince(began).catch(() => null);
      say(kind, { phase: 'failed', says: `This did not end as it should: ${(error as Error).message}`, counts });
    }
  };

  return {
    begin: (kind) => {
      const phase = runs[kind]?.phase;
      if (phase === 'broken' || phase === 'recovering') throw new RequestError(409, 'This is broken already.');
      broken(kind, 'It begins.');
      void run(kind);
    },
    runs: () => runs,
  };
}

const names: Record<Break, string> = {
  slack: 'Landing pages, while Slack is away',
  sitecore: 'Landing pages, while Sitecore is away',
  kill: 'Landing pages, with the worker killed',
  repeat: `Landing pages, handed over ${handOvers} times`,
};

const outcomes: Record<Break, string> = {
  slack: 'It waited, and was sent when Slack came back.',
  sitecore: 'It was read and announced when Sitecore came back.',
  kill: 'Another worker took over, and sent it.',
  repeat: 'One call won the write. The others had nothing to send.',
};

const isSettled = (record: JobRecord | undefined): boolean => {
  const deliveries = Object.values(record?.deliveries ?? {});
  const isEnded = record?.decision?.outcome != null;
  return isEnded && record?.lease === null && deliveries.every(({ state }) => state === 'sent');
};

/** The port may be in use for a moment by a connection to somebody else. */
async function comeBack(resume: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await resume();
    } catch {
      await sleep(lookMs);
    }
  }
}
