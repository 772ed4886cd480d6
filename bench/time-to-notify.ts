/**
 * From the end of a job to the accepted message, in simulated time over the real handlers: polled every 10 s and, as the
 * baseline, with the minute schedule alone.
 */

import { createRandom } from '../test/support/random.ts';
import { printed, type Row } from './result-row.ts';
import { type Counts, type Run, type SimulatedJob, simulate } from './simulated-stack.ts';

/** The targets for ends that are spread over time, in seconds. Slack accepts one message a second. */
export const targets = { median: 6, p95: 11, slackP95AtThousand: 12 };

/** How long jobs last, in seconds: an editor publishes a page in 10 to 40. */
export const durations = [10, 20, 40, 60, 240];
/** How the notifier learns of a job. */
export const ways = { 'found by the list': true, 'handed over': false } as const;
/** The default of `settings.pollEverySeconds`, and the schedule alone. */
const [every10s, scheduleAlone] = [10, 60];

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** @public */
export async function timeToNotifyRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [way, discovered] of Object.entries(ways)) {
    const runs = await inSequence(durations, async (lasts) => ({
      lasts,
      run: await compared([oneAfterAnother(120, lasts)], discovered),
    }));
    for (const channel of channelNames)
      rows.push(
        ...runs.flatMap(({ lasts, run }) => shortRows(`${channels[channel]}, jobs ${way}`, channel, lasts, run)),
      );
  }
  for (const [way, discovered] of Object.entries(ways)) {
    const run = await compared(
      [20, 240].map((lasts) => hourOf(1_000, lasts)),
      discovered,
    );
    rows.push(...thousandRows(`Time to notify, 1,000 ends an hour, jobs ${way}`, run));
  }
  for (const count of [10, 1_000]) rows.push(...atOnceRows(await compared([endingAtOnce(count)], false)));
  return rows;
}

interface Compared {
  ours: Run;
  /** The minute schedule alone. */
  baseline: Run;
}

/** Runs each of these lists of jobs with both settings, and merges the runs of a setting. */
async function compared(runs: SimulatedJob[][], discovered: boolean): Promise<Compared> {
  const of = async (pollEverySeconds: number) =>
    merged(await inSequence(runs, (jobs) => simulate({ jobs, pollEverySeconds, discovered })));
  return { ours: await of(every10s), baseline: await of(scheduleAlone) };
}

/** Jobs that last so many seconds, and whose ends are spread over an hour. */
export function hourOf(jobs: number, lasts: number): SimulatedJob[] {
  const random = createRandom(lasts);
  return Array.from({ length: jobs }, (_, index) => {
    const endsAt = minute + lasts * second + Math.floor(random() * hour);
    return { id: `job_${index}`, beginsAt: endsAt - lasts * second, endsAt };
  });
}

/** Jobs that last so many seconds and begin one after another, each at random within a minute. */
export function oneAfterAnother(jobs: number, lasts: number): SimulatedJob[] {
  const random = createRandom(lasts);
  return Array.from({ length: jobs }, (_, index) => {
    const beginsAt = minute + index * (lasts * second + minute) + Math.floor(random() * minute);
    return { id: `job_${index}`, beginsAt, endsAt: beginsAt + lasts * second };
  });
}

/** Jobs that end at the same moment, 25 s after a sweep of the schedule began. */
export const endingAtOnce = (jobs: number): SimulatedJob[] =>
  Array.from({ length: jobs }, (_, index) => ({
    id: `job_${index}`,
    beginsAt: minute / 2,
    endsAt: 4 * minute + 25 * second,
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

const channels = { sns: 'SNS', slack: 'Slack' } as const;
type Channel = keyof typeof channels;
const channelNames = Object.keys(channels) as Channel[];
const shares = { median: 0.5, '95th percentile': 0.95, maximum: 1 } as const;
type Share = keyof typeof shares;

const rowOf = (
  name: Pick<Row, 'group' | 'figure'>,
  { ours, baseline }: Compared,
  channel: Channel,
  share: Share,
): Row => ({
  ...name,
  unit: 's',
  ours: quantile(ours[channel], shares[share]),
  baseline: quantile(baseline[channel], shares[share]),
});

const withTarget = (row: Row, seconds: number): Row => ({
  ...row,
  target: `<= ${seconds} s`,
  met: row.ours <= seconds,
});

function shortRows(group: string, channel: Channel, lasts: number, run: Compared): Row[] {
  const of = (share: Share) =>
    rowOf({ group: `Time to notify, ${group}`, figure: `${lasts} s, ${share}` }, run, channel, share);
  return [withTarget(of('median'), targets.median), withTarget(of('95th percentile'), targets.p95)];
}

function thousandRows(group: string, run: Compared): Row[] {
  const of = (channel: Channel, share: Share) =>
    rowOf({ group, figure: `${channels[channel]}, ${share}` }, run, channel, share);
  return [
    withTarget(of('sns', 'median'), targets.median),
    withTarget(of('sns', '95th percentile'), targets.p95),
    of('slack', 'median'),
    withTarget(of('slack', '95th percentile'), targets.slackP95AtThousand),
    burstRow(group, run),
  ];
}

/** The floor is Slack's rate limit: one message a second from the end of the jobs on. */
function atOnceRows(run: Compared): Row[] {
  const jobs = run.ours.slack.length;
  const group = `Time to notify, ${jobs.toLocaleString('en')} jobs handed over, all ending at once`;
  const turns = Array.from({ length: jobs }, (_, index) => index * second);
  const rows = channelNames.flatMap((channel) =>
    (['median', 'maximum'] as const).map((share) => {
      const row = rowOf({ group, figure: `${channels[channel]}, ${share}` }, run, channel, share);
      return channel === 'slack' ? { ...row, floor: quantile(turns, shares[share]) } : row;
    }),
  );
  return [...rows, burstRow(group, run)];
}

const burstRow = (group: string, { ours, baseline }: Compared): Row => ({
  group,
  figure: 'most messages in Slack within a second',
  unit: '',
  ours: ours.slackBurst,
  baseline: baseline.slackBurst,
});

if (import.meta.main) {
  console.log('ours: a poll every 10 s; baseline: the minute schedule alone. Simulated time.');
  console.log(printed(await timeToNotifyRows()));
}
