/**
 * From the end of a job to the accepted message, in simulated time over the real handlers: with looks between two sweeps
 * of the schedule, and as the baseline with the minute schedule alone; and what the looks ask for and cost.
 */

import { readFile } from 'node:fs/promises';
import { assumptions } from './cost.ts';
import { prices } from './prices.ts';
import { printed, type Row } from './row.ts';
import { type Counts, type Run, type Scene, simulate } from './simulated-stack.ts';
import type { SimulatedJob } from './simulated-world.ts';

/** For ends that are spread, in seconds; and in US cents a month. */
export const targets = { median: 6, p95: 12, cents: 5 };

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Jobs a month, and the minutes that each of them takes. */
const month = { jobs: 300, jobMinutes: assumptions.jobMinutes };

/**
 * All rows. `cpuMs` is what a sweep of one job that runs computes, on a full core: bench/warm.ts measures it.
 * @public
 */
export async function timeToTellRows({ cpuMs = 10 }: { cpuMs?: number } = {}): Promise<Row[]> {
  const inTurn = await compared([oneAfterAnother(month.jobs)], { minutes: month.jobs * (month.jobMinutes + 2) + 3 });
  const ten = await compared(hoursOf(10, 20));
  const thousand = await compared(hoursOf(1_000, 2));
  const tenFound = await compared(hoursOf(10, 20, { brief: true }), { discovered: true });
  const thousandFound = await compared(hoursOf(1_000, 2, { brief: true }), { discovered: true });
  const found = `found by the list call, ${month.jobMinutes} minutes each, ends spread over an hour`;
  const atOnce = await Promise.all([10, 1_000].map((count) => compared([endingAtOnce(count)])));
  return [
    ...spreadRows('1 job at a time by its id, ends spread', inTurn),
    ...spreadRows('10 jobs by their ids, ends spread over an hour', ten),
    ...spreadRows('1,000 jobs by their ids, all watched from the start, ends spread over an hour', thousand),
    ...spreadRows(`10 jobs ${found}`, tenFound),
    ...spreadRows(`1,000 jobs ${found}`, thousandFound),
    ...atOnce.flatMap(atOnceRows),
    ...countRows(`Looks, ${month.jobs} jobs of ${month.jobMinutes} minutes, one at a time`, inTurn),
    ...countRows('Looks, two hours with 1,000 jobs each', thousand),
    ...(await costRows(inTurn, cpuMs)),
  ];
}

interface Compared {
  /** A look every 10 s, as is the default. */
  ours: Run;
  /** The minute schedule alone. */
  baseline: Run;
}

/** Lets each of these jobs run twice; runs of one kind are taken together. */
async function compared(runs: SimulatedJob[][], terms: Partial<Scene> = {}): Promise<Compared> {
  const of = async (lookEverySeconds: number) =>
    together(await inSequence(runs, (jobs) => simulate({ jobs, lookEverySeconds, ...terms })));
  return { ours: await of(assumptions.lookEverySeconds), baseline: await of(0) };
}

/** Jobs that all begin before the second sweep and end by chance within the hour after it; `brief`: they begin late. */
export function hoursOf(jobs: number, runs: number, { brief = false }: { brief?: boolean } = {}): SimulatedJob[][] {
  const chance = createChance(1);
  const lastsMs = month.jobMinutes * minute;
  return Array.from({ length: runs }, () =>
    Array.from({ length: jobs }, (_, index) => {
      const endsAt = minute + lastsMs + Math.floor(chance() * hour);
      return { id: `job_${index}`, beginsAt: brief ? endsAt - lastsMs : minute / 2, endsAt };
    }),
  );
}

/** Jobs each of which begins by chance in a minute of its own, when the one before has long ended. */
export function oneAfterAnother(jobs: number): SimulatedJob[] {
  const chance = createChance(1);
  const lastsMs = month.jobMinutes * minute;
  return Array.from({ length: jobs }, (_, index) => {
    const beginsAt = minute + index * (lastsMs + 2 * minute) + Math.floor(chance() * minute);
    return { id: `job_${index}`, beginsAt, endsAt: beginsAt + lastsMs };
  });
}

/** Jobs that end in the same moment, 25 s after a sweep of the schedule began. */
const endingAtOnce = (jobs: number): SimulatedJob[] =>
  Array.from({ length: jobs }, (_, index) => ({
    id: `job_${index}`,
    beginsAt: minute / 2,
    endsAt: month.jobMinutes * minute + 25 * second,
  }));

/** The same numbers between 0 and 1 in each run: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
function createChance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function inSequence<In, Out>(values: In[], work: (value: In) => Promise<Out>): Promise<Out[]> {
  const results: Out[] = [];
  for (const value of values) results.push(await work(value));
  return results;
}

function together(runs: Run[]): Run {
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

/** The least value (in seconds) that so large a share of the delays (in milliseconds) does not exceed. */
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
  const [looking, sweeping] = [ours, baseline].map((run) => quantile(run[channel], shares[share])) as [number, number];
  const figure = `${channels[channel]}, ${share === 'p95' ? '95th percentile' : share}`;
  return { group, figure, unit: 's', ours: looking, baseline: sweeping, toBaseline: looking / sweeping };
};

function spreadRows(scene: string, run: Compared): Row[] {
  return figures.map((figure) => {
    const row = rowOf(`Time to tell, ${scene}`, run, figure);
    if (figure.share === 'maximum') return row;
    const target = targets[figure.share];
    return { ...row, target: `<= ${target} s`, met: row.ours <= target };
  });
}

/** The floor is Slack's pace: a message a second, from the end on. */
function atOnceRows(run: Compared): Row[] {
  const jobs = run.ours.slack.length;
  const turns = Array.from({ length: jobs }, (_, index) => index * second);
  const group = `Time to tell, ${jobs.toLocaleString('en')} jobs by their ids, all ending at once`;
  const rows = figures.map((figure) => {
    const row = rowOf(group, run, figure);
    return figure.channel === 'slack' ? { ...row, floor: quantile(turns, shares[figure.share]) } : row;
  });
  const burst = { ours: run.ours.slackBurst, baseline: run.baseline.slackBurst, floor: 1 };
  return [...rows, { group, figure: 'most messages in Slack within a second', unit: '', ...burst }];
}

const counted: [string, (counts: Counts) => number][] = [
  ['sweeps of the schedule', ({ scheduledSweeps }) => scheduledSweeps],
  ['of these, with wake-ups sent', ({ scheduledThatWoke }) => scheduledThatWoke],
  ['polls', ({ polls }) => polls],
  ['sweeps that were woken', ({ wokenSweeps }) => wokenSweeps],
  ['requests to SQS, but those in vain', ({ queueRequests }) => queueRequests],
  ['calls of the API', ({ apiCalls }) => apiCalls],
  ['reads of the table', ({ tableReads }) => tableReads],
  ['units of reading', ({ readUnits }) => readUnits],
  ['writes of the table', ({ tableWrites }) => tableWrites],
];

function countRows(group: string, { ours, baseline }: Compared): Row[] {
  const seconds = ({ counts }: Run) => counts.sweepMs / second;
  return [
    ...counted.map(([figure, count]) => ({
      group,
      figure,
      unit: '',
      ours: count(ours.counts),
      baseline: count(baseline.counts),
    })),
    { group, figure: 'sweeps wait for', unit: 's', ours: seconds(ours), baseline: seconds(baseline) },
  ];
}

/** What the looks add in a month, in US cents. */
export async function costRows({ ours, baseline }: Compared, cpuMs: number): Promise<Row[]> {
  const group = `Looks over the minute schedule, ${month.jobs} jobs of ${month.jobMinutes} minutes a month, no free tier`;
  const calls = Object.entries(billOf(ours.counts, cpuMs)).map(
    ([figure, usd]) => [figure, 100 * (usd - (billOf(baseline.counts, cpuMs)[figure] ?? 0))] as const,
  );
  const perLook = calls.reduce((sum, [, cents]) => sum + cents, 0);
  const polling = 100 * (await pollingUsd());
  const row = (figure: string, cents: number): Row => ({ group, figure, unit: 'cents', ours: cents });
  const target = (cents: number) => ({ target: `<= ${targets.cents} cents`, met: cents <= targets.cents });
  return [
    ...calls.map(([figure, cents]) => row(figure, cents)),
    row('all that is counted', perLook),
    row('the queue asked in vain, jobs or none', polling),
    { ...row('in all', perLook + polling), ...target(perLook + polling) },
  ];
}

/** USD, by service. */
function billOf(counts: Counts, cpuMs: number): Record<string, number> {
  const { coreMb, memoryMb, platformLogBytes, lineBytes } = assumptions;
  const sweeps = counts.scheduledSweeps + counts.wokenSweeps;
  const sweepSeconds = (counts.sweepMs + (sweeps * cpuMs * coreMb) / memoryMb) / second;
  const logBytes = counts.logBytes + sweeps * platformLogBytes + (counts.logLines + 3 * sweeps) * lineBytes;
  return {
    Lambda: sweeps * prices.lambdaRequest + sweepSeconds * (memoryMb / 1_024) * prices.lambdaGbSecond,
    // Looks write nothing: each job is written as often in either case.
    table: counts.readUnits * prices.readUnit,
    queue: counts.queueRequests * prices.sqsRequest,
    logs: (logBytes / 1e9) * (prices.logsGb + 3 * prices.logsKeptGbMonth),
  };
}

/**
 * An event source asks its queue all the time, each time for 20 s at most: 5 requests at once, which Lambda may reduce
 * to 2, but not where the event source has a maximum concurrency.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 */
async function pollingUsd(): Promise<number> {
  const template = await readFile(new URL('../serverless.yml', import.meta.url), 'utf8');
  const pollers = template.includes('maximumConcurrency') ? 5 : 2;
  return ((pollers * assumptions.hours * 3_600) / 20) * prices.sqsRequest;
}

if (import.meta.main) {
  console.log('ours: a look every 10 s while jobs run; baseline: the minute schedule alone. Simulated time.');
  console.log(printed(await timeToTellRows()));
}
