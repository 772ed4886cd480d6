/**
 * From the end of a job to the accepted message, in simulated time over the real handlers: with polls between two sweeps
 * of the schedule and, as the baseline, with the minute schedule alone. Also how many calls the polls make, and their cost.
 */

import { readFile } from 'node:fs/promises';
import { createRandom } from '../test/support/random.ts';
import { assumptions } from './cost.ts';
import { prices } from './prices.ts';
import { printed, type Row } from './result-row.ts';
import { type Counts, type Run, type Scene, type SimulatedJob, simulate } from './simulated-stack.ts';

/** The targets for ends that are spread over time, in seconds, and for the cost in US cents a month. */
export const targets = { median: 6, p95: 12, cents: 5 };

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Jobs a month, and the minutes that each of them runs. */
const month = { jobs: 300, jobMinutes: assumptions.jobMinutes };

/**
 * All rows. `cpuMs` is the CPU time of a sweep over one running job, on a full core: bench/warm.ts measures it.
 * @public
 */
export async function timeToNotifyRows({ cpuMs = 10 }: { cpuMs?: number } = {}): Promise<Row[]> {
  const inTurn = await compared([oneAfterAnother(month.jobs)], { minutes: month.jobs * (month.jobMinutes + 2) + 3 });
  const ten = await compared(hoursOf(10, 20));
  const thousand = await compared(hoursOf(1_000, 2));
  const tenFound = await compared(hoursOf(10, 20, { brief: true }), { discovered: true });
  const thousandFound = await compared(hoursOf(1_000, 2, { brief: true }), { discovered: true });
  const found = `found by discovery, ${month.jobMinutes} minutes each, ends spread over an hour`;
  const atOnce = await Promise.all([10, 1_000].map((count) => compared([endingAtOnce(count)])));
  return [
    ...spreadRows('1 job at a time by its id, ends spread', inTurn),
    ...spreadRows('10 jobs by their ids, ends spread over an hour', ten),
    ...spreadRows('1,000 jobs by their ids, all watched from the start, ends spread over an hour', thousand),
    ...spreadRows(`10 jobs ${found}`, tenFound),
    ...spreadRows(`1,000 jobs ${found}`, thousandFound),
    ...atOnce.flatMap(atOnceRows),
    ...countRows(`Polls, ${month.jobs} jobs of ${month.jobMinutes} minutes, one at a time`, inTurn),
    ...countRows('Polls, two hours with 1,000 jobs each', thousand),
    ...(await costRows(inTurn, cpuMs)),
  ];
}

interface Compared {
  /** A poll every 10 s, the default. */
  ours: Run;
  /** The minute schedule alone. */
  baseline: Run;
}

/** Runs each of these lists of jobs with both settings, and merges the runs of a setting. */
async function compared(runs: SimulatedJob[][], options: Partial<Scene> = {}): Promise<Compared> {
  const of = async (pollEverySeconds: number) =>
    merged(await inSequence(runs, (jobs) => simulate({ jobs, pollEverySeconds, ...options })));
  return { ours: await of(assumptions.pollEverySeconds), baseline: await of(60) };
}

/** Jobs that begin before the second sweep and end at random within the hour after it; `brief`: they begin late. */
export function hoursOf(jobs: number, runs: number, { brief = false }: { brief?: boolean } = {}): SimulatedJob[][] {
  const random = createRandom(1);
  const lastsMs = month.jobMinutes * minute;
  return Array.from({ length: runs }, () =>
    Array.from({ length: jobs }, (_, index) => {
      const endsAt = minute + lastsMs + Math.floor(random() * hour);
      return { id: `job_${index}`, beginsAt: brief ? endsAt - lastsMs : minute / 2, endsAt };
    }),
  );
}

/** Jobs that begin one after another, each at random in a minute of its own, after the previous job has ended. */
export function oneAfterAnother(jobs: number): SimulatedJob[] {
  const random = createRandom(1);
  const lastsMs = month.jobMinutes * minute;
  return Array.from({ length: jobs }, (_, index) => {
    const beginsAt = minute + index * (lastsMs + 2 * minute) + Math.floor(random() * minute);
    return { id: `job_${index}`, beginsAt, endsAt: beginsAt + lastsMs };
  });
}

/** Jobs that end at the same moment, 25 s after a sweep of the schedule began. */
const endingAtOnce = (jobs: number): SimulatedJob[] =>
  Array.from({ length: jobs }, (_, index) => ({
    id: `job_${index}`,
    beginsAt: minute / 2,
    endsAt: month.jobMinutes * minute + 25 * second,
  }));

async function inSequence<In, Out>(values: In[], work: (value: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}

function merged(runs: Run[]): Run {
  const counts = { ...(runs[0] as Run).counts };
  for (const run of runs.slice(1)) {
    for (const name of Object.keys(counts) as (keyof Counts)[]) counts[name] += run.counts[name];
  }
  return {
    slack: runs.flatMap(({ slack }) => slack),
    sns: runs.flatMap(({ sns }) => sns),
    slackBurst: Math.max(...runs.map(({ slackBurst }) => slackBurst)),
    counts,
  };
}

/** The smallest value (in seconds) that this share of the delays (in milliseconds) does not exceed. */
export function quantile(delays: number[], share: number): number {
  const sorted = [...delays].sort((one, other) => one - other);
  return (sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] ?? Number.NaN) / second;
}

const channels = { slack: 'Slack', sns: 'SNS' } as const;
const shares = { median: 0.5, p95: 0.95, maximum: 1 } as const;
const figures = (Object.keys(channels) as (keyof typeof channels)[]).flatMap((channel) =>
  (Object.keys(shares) as (keyof typeof shares)[]).map((share) => ({ channel, share })),
);

const rowOf = (group: string, { ours, baseline }: Compared, { channel, share }: (typeof figures)[number]): Row => {
  const [withPolls, withoutPolls] = [ours, baseline].map((run) => quantile(run[channel], shares[share])) as [
    number,
    number,
  ];
  const figure = `${channels[channel]}, ${share === 'p95' ? '95th percentile' : share}`;
  return { group, figure, unit: 's', ours: withPolls, baseline: withoutPolls, toBaseline: withPolls / withoutPolls };
};

function spreadRows(scene: string, run: Compared): Row[] {
  return figures.map((figure) => {
    const row = rowOf(`Time to notify, ${scene}`, run, figure);
    if (figure.share === 'maximum') return row;
    const target = targets[figure.share];
    return { ...row, target: `<= ${target} s`, met: row.ours <= target };
  });
}

/** The floor is Slack's rate limit: one message a second from the end of the jobs on. */
function atOnceRows(run: Compared): Row[] {
  const jobs = run.ours.slack.length;
  const turns = Array.from({ length: jobs }, (_, index) => index * second);
  const group = `Time to notify, ${jobs.toLocaleString('en')} jobs by their ids, all ending at once`;
  const rows = figures.map((figure) => {
    const row = rowOf(group, run, figure);
    return figure.channel === 'slack' ? { ...row, floor: quantile(turns, shares[figure.share]) } : row;
  });
  const burst = { ours: run.ours.slackBurst, baseline: run.baseline.slackBurst, floor: 1 };
  return [...rows, { group, figure: 'most messages in Slack within a second', unit: '', ...burst }];
}

const countFigures: [string, (counts: Counts) => number][] = [
  ['sweeps of the schedule', ({ scheduledSweeps }) => scheduledSweeps],
  ['of these, sweeps that scheduled polls', ({ scheduledThatPolled }) => scheduledThatPolled],
  ['polls scheduled', ({ polls }) => polls],
  ['sweeps requested by the queue', ({ queuedSweeps }) => queuedSweeps],
  ['requests to SQS, without empty receives', ({ queueRequests }) => queueRequests],
  ['API calls', ({ apiCalls }) => apiCalls],
  ['table reads', ({ tableReads }) => tableReads],
  ['read units', ({ readUnits }) => readUnits],
  ['table writes', ({ tableWrites }) => tableWrites],
];

function countRows(group: string, { ours, baseline }: Compared): Row[] {
  const seconds = ({ counts }: Run) => counts.sweepMs / second;
  return [
    ...countFigures.map(([figure, count]) => ({
      group,
      figure,
      unit: '',
      ours: count(ours.counts),
      baseline: count(baseline.counts),
    })),
    { group, figure: 'waiting time of sweeps', unit: 's', ours: seconds(ours), baseline: seconds(baseline) },
  ];
}

/** What the polls add in a month, in US cents. */
export async function costRows({ ours, baseline }: Compared, cpuMs: number): Promise<Row[]> {
  const group = `Polls on top of the minute schedule, ${month.jobs} jobs of ${month.jobMinutes} minutes a month, no free tier`;
  const calls = Object.entries(billOf(ours.counts, cpuMs)).map(
    ([figure, usd]) => [figure, 100 * (usd - (billOf(baseline.counts, cpuMs)[figure] ?? 0))] as const,
  );
  const counted = calls.reduce((sum, [, cents]) => sum + cents, 0);
  const polling = 100 * (await pollingUsd());
  const row = (figure: string, cents: number): Row => ({ group, figure, unit: 'cents', ours: cents });
  const target = (cents: number) => ({ target: `<= ${targets.cents} cents`, met: cents <= targets.cents });
  return [
    ...calls.map(([figure, cents]) => row(figure, cents)),
    row('counted calls, total', counted),
    row('empty receives of the queue, with or without jobs', polling),
    { ...row('total', counted + polling), ...target(counted + polling) },
  ];
}

/** USD, by service. */
function billOf(counts: Counts, cpuMs: number): Record<string, number> {
  const { coreMb, memoryMb, platformLogBytes, lineBytes } = assumptions;
  const sweeps = counts.scheduledSweeps + counts.queuedSweeps;
  const sweepSeconds = (counts.sweepMs + (sweeps * cpuMs * coreMb) / memoryMb) / second;
  const logBytes = counts.logBytes + sweeps * platformLogBytes + (counts.logLines + 3 * sweeps) * lineBytes;
  return {
    Lambda: sweeps * prices.lambdaRequest + sweepSeconds * (memoryMb / 1_024) * prices.lambdaGbSecond,
    // Polls write nothing: the number of writes is the same in both cases.
    table: counts.readUnits * prices.readUnit,
    queue: counts.queueRequests * prices.sqsRequest,
    logs: (logBytes / 1e9) * (prices.logsGb + 3 * prices.logsKeptGbMonth),
  };
}

/**
 * An event source polls its queue all the time, each time for up to 20 s: 5 requests at once, which Lambda may reduce
 * to 2, except where the event source has a maximum concurrency.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
async function pollingUsd(): Promise<number> {
  const template = await readFile(new URL('../serverless.yml', import.meta.url), 'utf8');
  const pollers = template.includes('maximumConcurrency') ? 5 : 2;
  return ((pollers * assumptions.hours * 3_600) / 20) * prices.sqsRequest;
}

if (import.meta.main) {
  console.log('ours: a poll every 10 s while jobs run; baseline: the minute schedule alone. Simulated time.');
  console.log(printed(await timeToNotifyRows()));
}
