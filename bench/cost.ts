/**
 * What a month costs, from counted calls (bench/call-counts.ts), measured CPU (bench/warm.ts) and list prices (bench/prices.ts).
 * Jobs of 4 minutes, spread evenly over the month, each posted once to the webhook.
 */

import { readFile } from 'node:fs/promises';
import type { CallCounts, Step } from './call-counts.ts';
import { prices } from './prices.ts';
import type { Row } from './result-row.ts';
import type { WarmCpu } from './warm.ts';

/** USD a month. */
export interface Bill {
  jobs: number;
  /** What the jobs add, by service. */
  perJobs: Record<string, number>;
  /** Everything in stage prod: fixed, and for the jobs. */
  allIn: number;
  /** The cost of other designs for the same jobs, including their idle costs. */
  others: { stepFunctions: number; durableFunctions: number; container: number };
}

export interface Costs {
  /** The cost of a stack without jobs, in USD a month, by item: asking Sitecore around the clock, and all else. */
  polling: Record<string, number>;
  standing: Record<string, number>;
  bills: Bill[];
  /** The number of concurrent jobs of 4 minutes that each limit allows. */
  limits: Limit[];
}

export interface Limit {
  name: string;
  watched: number;
  why: string;
}

/** Values that cannot be measured here. */
export const assumptions = {
  hours: 730,
  /** A full core is 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
  coreMb: 1_769,
  memoryMb: 256,
  /** The response times of the services, in milliseconds. */
  waitMs: { table: 5, api: 200, slack: 200, sns: 30, sqs: 10 },
  jobMinutes: 4,
  pollEverySeconds: 10,
  /** START, END and REPORT of an invocation. */
  platformLogBytes: 400,
  /** What CloudWatch adds to the size of each line. */
  lineBytes: 26,
  keptDays: 30,
  /** Lambda polls a queue with 2 to 5 pollers, each time for 20 s. This is the minimum. */
  pollers: 2,
} as const;

const { hours, waitMs } = assumptions;
const minutes = hours * 60;

/** Computes all of it. */
export async function costsOf(calls: CallCounts, cpu: WarmCpu): Promise<Costs> {
  const polling = pollingCosts(calls, cpu);
  const standing = await standingCosts();
  const fixed = sum(polling) + sum(standing);
  return {
    polling,
    standing,
    bills: [300, 10_000, 100_000].map((jobs) => billOf(jobs, fixed, calls, cpu)),
    limits: limitsOf(cpu),
  };
}

/** The targets of the costs. */
export function costRows({ polling, bills }: Costs): Row[] {
  const row = (figure: string, ours: number, most: number): Row => ({
    ...{ group: 'Cost', figure, unit: 'USD a month', ours },
    ...{ target: `<= ${most.toFixed(2)}`, met: ours <= most },
  });
  const allIn = (jobs: number) => bills.find((bill) => bill.jobs === jobs)?.allIn ?? Number.NaN;
  return [
    row('all in, prod, 300 jobs of 4 minutes', allIn(300), 2),
    row('all in, prod, 10,000 jobs of 4 minutes', allIn(10_000), 4),
    row('of it polling every 10 s around the clock', sum(polling), 0.8),
  ];
}

/** Polls between two sweeps of the schedule. */
const pollsPerMinute = 60 / assumptions.pollEverySeconds - 1;

/** What it costs to ask Sitecore around the clock, with one invocation for all environments, when nothing happens. */
function pollingCosts({ idleSweep, idlePoll }: CallCounts, cpu: WarmCpu): Record<string, number> {
  const polls = minutes * pollsPerMinute;
  // Each minute one call sends all polls. Each poll is received and deleted.
  const requests = minutes * (1 + 2 * pollsPerMinute);
  return {
    'sweep of the minute: Lambda': minutes * invocation(cpu.idleSweep, idleSweep),
    'sweep of the minute: table': minutes * tableCost(idleSweep),
    'sweep of the minute: logs': minutes * logCost(idleSweep),
    'polls: Lambda': polls * invocation(cpu.idleSweep, idlePoll),
    'polls: table': polls * tableCost(idlePoll),
    'polls: logs': polls * logCost(idlePoll),
    'polls: queue': requests * prices.sqsRequest,
    'empty receives of the queue': ((assumptions.pollers * (hours * 3_600)) / 20) * prices.sqsRequest,
  };
}

async function standingCosts(): Promise<Record<string, number>> {
  const alarms = await readFile(new URL('../resources/alarms.yml', import.meta.url), 'utf8');
  // CloudWatch charges for every metric of an alarm.
  const alarmMetrics = alarms.match(/MetricName: /g)?.length ?? 0;
  return {
    [`${alarmMetrics} alarms (stage prod)`]: alarmMetrics * prices.alarmMonth,
    'key of the table (every 5 minutes)': (minutes / 5) * prices.kmsRequest,
  };
}

/** The cost of an invocation: the request, and the memory while it computes and waits. */
const invocation = (cpuMs: number, step: Step): number =>
  prices.lambdaRequest + (durationMs(cpuMs, step) / 1_000) * (assumptions.memoryMb / 1_024) * prices.lambdaGbSecond;

/** Calls are sequential, as most of them are; Slack and SNS are called at the same time. */
export function durationMs(cpuMs: number, step: Step, memoryMb: number = assumptions.memoryMb): number {
  const tableCalls = Object.values(step.table.calls).reduce((sum, count) => sum + count, 0);
  const waits =
    tableCalls * waitMs.table +
    step.apiCalls * waitMs.api +
    step.pollCalls * waitMs.sqs +
    Math.max(step.slackPosts * waitMs.slack, step.snsPublishes * waitMs.sns);
  return cpuMs / Math.min(memoryMb / assumptions.coreMb, 1) + waits;
}

const tableCost = ({ table }: Step): number =>
  (table.readUnits + table.indexReadUnits) * prices.readUnit +
  (table.writeUnits + table.indexWriteUnits) * prices.writeUnit;

const logCost = ({ logBytes, logLines }: Step): number =>
  ((assumptions.platformLogBytes + logBytes + (logLines + 3) * assumptions.lineBytes) / 1e9) *
  (prices.logsGb + 3 * prices.logsKeptGbMonth);

function billOf(jobs: number, fixed: number, calls: CallCounts, cpu: WarmCpu): Bill {
  const { firstSeen, unchangedSweep, unchangedPoll, lastSweep, idleSweep, idlePoll } = calls;
  const atOnce = (jobs * assumptions.jobMinutes) / minutes;
  // Jobs begin at random. In how many minutes does at least one job run, and how many jobs are these?
  const busyMinutes = minutes * (1 - Math.exp(-atOnce));
  const together = (minutes * atOnce) / busyMinutes;
  // Sitecore is asked with or without jobs: a running job adds only what more it takes.
  const busyCpu = cpu.unchangedSweep + (together - 1) * cpu.furtherCheck;
  const whileBusy = (cost: (cpuMs: number, step: Step) => number): number =>
    busyMinutes *
      (cost(busyCpu, unchangedSweep) -
        cost(cpu.idleSweep, idleSweep) +
        pollsPerMinute * (cost(busyCpu, unchangedPoll) - cost(cpu.idleSweep, idlePoll))) +
    jobs * (cost(cpu.lastSweep, lastSweep) - cost(cpu.unchangedSweep, unchangedSweep));
  const keptGb = (jobs * calls.itemBytes * (assumptions.keptDays / 30)) / 1e9;
  const perJobs = {
    'Lambda: webhook': jobs * invocation(cpu.firstSeen, firstSeen),
    'Lambda: sweeps and polls': whileBusy(invocation),
    table:
      jobs * tableCost(firstSeen) +
      whileBusy((_, step) => tableCost(step)) +
      keptGb * (prices.tableGbMonth + prices.tableRecoveryGbMonth),
    'HTTP API': jobs * prices.httpApiCall,
    SNS: jobs * prices.snsPublish,
    logs: jobs * logCost(firstSeen) + whileBusy((_, step) => logCost(step)),
    metrics: metricHours(jobs, calls) * (prices.metricMonth / hours),
  };
  return { jobs, perJobs, allIn: fixed + sum(perJobs), others: othersOf(jobs, calls, cpu) };
}

/** The hours in which a metric has a value, for all metrics: hours with a job, for jobs that begin at random. */
function metricHours(jobs: number, { firstSeen, unchangedSweep, lastSweep }: CallCounts): number {
  const metrics = new Set([firstSeen, unchangedSweep, lastSweep].flatMap((step) => step.metrics));
  return metrics.size * hours * (1 - Math.exp(-jobs / hours));
}

/**
 * Other designs for the same job, polled once a minute: 5 polls, of which the last one notifies. Messages, logs, metrics
 * and the HTTP API cost the same everywhere and are left out, and so is deduplication in the other designs.
 */
function othersOf(jobs: number, calls: CallCounts, cpu: WarmCpu): Bill['others'] {
  const polls = assumptions.jobMinutes + 1;
  const poll = invocation(cpu.unchangedSweep, calls.unchangedSweep);
  // Poll and choose 5 times, wait 4 times, notify two channels at once: a branch each, and their parent.
  const transitions = polls * 2 + assumptions.jobMinutes + 3;
  // The start, 5 polls, 4 waits, 2 messages.
  const operations = 1 + polls + assumptions.jobMinutes + 2;
  const keptGb = (operations * 1_000) / 1e9;
  return {
    stepFunctions: jobs * (transitions * prices.stateTransition + (polls + 1) * poll),
    durableFunctions:
      jobs *
      (operations * prices.durableOperation +
        keptGb * (prices.durableWrittenGb + (14 / 30) * prices.durableKeptGbMonth) +
        polls * poll),
    container: hours * (0.25 * prices.fargateCpuHour + 0.5 * prices.fargateGbHour + prices.ipAddressHour),
  };
}

/** The sum of the items of a bill. */
export const sum = (values: Record<string, number>): number =>
  Object.values(values).reduce((total, one) => total + one, 0);

/** The limits, by the number of jobs that run at once. */
function limitsOf(cpu: WarmCpu): Limit[] {
  const sweepSeconds = 40;
  const share = assumptions.memoryMb / assumptions.coreMb;
  const checksPerSecond = (atOnce: number) => (1_000 / waitMs.api) * atOnce;
  const cpuChecks = 1_000 / (cpu.furtherCheck / share);
  return [
    {
      name: 'Slack, one message a second to a hook',
      watched: 60 * assumptions.jobMinutes,
      why: 'all sweeps together, so 60 ends a minute; further messages are sent later',
    },
    {
      name: 'a sweep with sweepConcurrency 20',
      watched: checksPerSecond(20) * sweepSeconds,
      why: `${waitMs.api} ms a response; the next sweep continues with the rest`,
    },
    {
      name: 'a sweep with 50 connections',
      watched: checksPerSecond(50) * sweepSeconds,
      why: 'the maximum of the HTTP client (lib/platform/http.ts), even with a higher sweepConcurrency',
    },
    { name: 'CPU of a sweep', watched: cpuChecks * sweepSeconds, why: `at ${assumptions.memoryMb} MB` },
    {
      name: 'writes of the index',
      watched: (1_000 / 3) * 60 * assumptions.jobMinutes,
      why: 'one key, so one partition: 1,000 units a second, 3 for an end',
    },
  ];
}
