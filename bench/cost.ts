/**
 * What a month costs, from counted calls (bench/call-counts.ts), measured CPU (bench/warm.ts) and list prices (bench/prices.ts).
 * Jobs of 4 minutes, spread evenly over the month, each posted once to the webhook.
 */

import { readFile } from 'node:fs/promises';
import type { CallCounts, Step } from './call-counts.ts';
import { prices } from './prices.ts';
import type { WarmCpu } from './warm.ts';

/** USD a month. */
export interface Bill {
  jobs: number;
  /** The cost of the jobs, by service. */
  perJobs: Record<string, number>;
  /** The cost of other designs for the same jobs, including their idle costs. */
  others: { stepFunctions: number; durableFunctions: number; container: number };
}

export interface Costs {
  /** The cost of a stack without jobs, in USD a month, by item. */
  fixed: Record<string, number>;
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
  const fixed = await fixedCosts(calls, cpu);
  return {
    fixed,
    bills: [300, 10_000, 100_000].map((jobs) => billOf(jobs, calls, cpu)),
    limits: limitsOf(cpu),
  };
}

async function fixedCosts(calls: CallCounts, cpu: WarmCpu): Promise<Record<string, number>> {
  const { alarmMetrics, dashboards } = await monitoring();
  const idle = calls.idleSweep;
  return {
    'idle minute sweep: Lambda': minutes * invocation(cpu.idleSweep, idle),
    'idle minute sweep: table': minutes * tableCost(idle),
    'idle minute sweep: logs': minutes * logCost(idle),
    'sweep queue, empty receives': ((assumptions.pollers * (hours * 3_600)) / 20) * prices.sqsRequest,
    'key of the table (every 5 minutes)': (minutes / 5) * prices.kmsRequest,
    [`${alarmMetrics} alarm metrics (stage prod)`]: alarmMetrics * prices.alarmMonth,
    [`${dashboards} dashboard (stage prod)`]: dashboards * prices.dashboardMonth,
  };
}

/** CloudWatch charges for every metric of an alarm. */
async function monitoring(): Promise<{ alarmMetrics: number; dashboards: number }> {
  const alarms = await readFile(new URL('../resources/alarms.yml', import.meta.url), 'utf8');
  const dashboard = await readFile(new URL('../resources/dashboard.yml', import.meta.url), 'utf8');
  const simple = alarms.match(/^ {6}MetricName: /gm)?.length ?? 0;
  const inMath = alarms.match(/^ {12,14}(Metric: \{|Metric:$)/gm)?.length ?? 0;
  return { alarmMetrics: simple + inMath, dashboards: dashboard.match(/AWS::CloudWatch::Dashboard/g)?.length ?? 0 };
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

function billOf(jobs: number, calls: CallCounts, cpu: WarmCpu): Bill {
  const { firstSeen, unchangedSweep, lastSweep, idleSweep } = calls;
  const atOnce = (jobs * assumptions.jobMinutes) / minutes;
  // Jobs begin at random. In how many minutes does at least one job run, and how many jobs are these?
  const busyMinutes = minutes * (1 - Math.exp(-atOnce));
  const together = (minutes * atOnce) / busyMinutes;
  // The schedule sweeps every minute, with or without jobs; polls happen only while a job runs.
  const inBetween = 60 / assumptions.pollEverySeconds - 1;
  const extraSweeps = busyMinutes * inBetween;
  const busySweep = invocation(cpu.unchangedSweep + (together - 1) * cpu.furtherCheck, unchangedSweep);
  const keptGb = (jobs * calls.itemBytes * (assumptions.keptDays / 30)) / 1e9;
  return {
    jobs,
    perJobs: {
      'Lambda: webhook': jobs * invocation(cpu.firstSeen, firstSeen),
      'Lambda: sweeps of the minute':
        busyMinutes * (busySweep - invocation(cpu.idleSweep, idleSweep)) +
        jobs * (invocation(cpu.lastSweep, lastSweep) - invocation(cpu.unchangedSweep, unchangedSweep)),
      'Lambda: polls': extraSweeps * busySweep,
      table:
        jobs * (tableCost(firstSeen) + tableCost(lastSweep) - tableCost(idleSweep)) +
        extraSweeps * tableCost(idleSweep) +
        keptGb * (prices.tableGbMonth + prices.tableRecoveryGbMonth),
      // One call sends all messages; each is received and deleted separately.
      queue: busyMinutes * (1 + 2 * inBetween) * prices.sqsRequest,
      'HTTP API': jobs * prices.httpApiCall,
      SNS: jobs * prices.snsPublish,
      logs:
        jobs * (logCost(firstSeen) + logCost(lastSweep) - logCost(unchangedSweep)) +
        busyMinutes * (logCost(unchangedSweep) - logCost(idleSweep)) +
        extraSweeps * logCost(unchangedSweep),
      metrics: metricHours(jobs, calls) * (prices.metricMonth / hours),
    },
    others: othersOf(jobs, calls, cpu),
  };
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

/** The limits, by the number of jobs that run at once. */
function limitsOf(cpu: WarmCpu): Limit[] {
  const sweepSeconds = 40;
  const share = assumptions.memoryMb / assumptions.coreMb;
  const checksPerSecond = (atOnce: number) => (1_000 / waitMs.api) * atOnce;
  const cpuChecks = 1_000 / (cpu.furtherCheck / share);
  return [
    {
      name: 'Slack, one message a second to a hook',
      watched: 45 * assumptions.jobMinutes,
      why: 'a sweep sends for about 45 s, so 45 ends a minute; further messages are sent later',
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
