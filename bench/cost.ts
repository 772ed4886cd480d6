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
  /** What jobs add, by service. */
  perJobs: Record<string, number>;
  /** What others would add for the same jobs, their own idle costs included. */
  others: { stepFunctions: number; durableFunctions: number; container: number };
}

export interface Costs {
  /** USD a month that a stack costs without any job, by what it is spent on. */
  fixed: Record<string, number>;
  bills: Bill[];
  /** The most jobs at once that each limit allows, for jobs of 4 minutes. */
  limits: Limit[];
}

export interface Limit {
  name: string;
  watched: number;
  why: string;
}

/** What cannot be measured here. */
export const assumptions = {
  hours: 730,
  /** A full core is 1,769 MB: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html */
  coreMb: 1_769,
  memoryMb: 256,
  /** How long the others take to answer, in milliseconds. */
  waitMs: { table: 5, api: 200, slack: 200, sns: 30, sqs: 10 },
  jobMinutes: 4,
  lookEverySeconds: 10,
  /** START, END and REPORT of an invocation. */
  platformLogBytes: 400,
  /** CloudWatch counts so much more for each line. */
  lineBytes: 26,
  keptDays: 30,
  /** A queue that triggers a function is asked by 2 to 5 pollers, each time for 20 s: the least. */
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
    'queue of wake-ups, asked while empty': ((assumptions.pollers * (hours * 3_600)) / 20) * prices.sqsRequest,
    'key of the table (asked every 5 minutes)': (minutes / 5) * prices.kmsRequest,
    [`${alarmMetrics} alarm metrics (stage prod)`]: alarmMetrics * prices.alarmMonth,
    [`${dashboards} dashboard (stage prod)`]: dashboards * prices.dashboardMonth,
  };
}

/** CloudWatch charges for every metric that an alarm looks at. */
async function monitoring(): Promise<{ alarmMetrics: number; dashboards: number }> {
  const alarms = await readFile(new URL('../resources/alarms.yml', import.meta.url), 'utf8');
  const dashboard = await readFile(new URL('../resources/dashboard.yml', import.meta.url), 'utf8');
  const simple = alarms.match(/^ {6}MetricName: /gm)?.length ?? 0;
  const inMath = alarms.match(/^ {12,14}(Metric: \{|Metric:$)/gm)?.length ?? 0;
  return { alarmMetrics: simple + inMath, dashboards: dashboard.match(/AWS::CloudWatch::Dashboard/g)?.length ?? 0 };
}

/** What an invocation costs: its request, and its memory for as long as it computes and waits. */
const invocation = (cpuMs: number, step: Step): number =>
  prices.lambdaRequest + (durationMs(cpuMs, step) / 1_000) * (assumptions.memoryMb / 1_024) * prices.lambdaGbSecond;

/** Calls one after another, as most of them are; Slack and SNS are told at the same time. */
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
  // Jobs that begin at random: in how many minutes at least one runs, and how many then do.
  const busyMinutes = minutes * (1 - Math.exp(-atOnce));
  const together = (minutes * atOnce) / busyMinutes;
  // Sweeps of the minute come anyway, with or without jobs; those in between come only while a job runs.
  const inBetween = 60 / assumptions.lookEverySeconds - 1;
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
      'Lambda: sweeps in between': extraSweeps * busySweep,
      table:
        jobs * (tableCost(firstSeen) + tableCost(lastSweep) - tableCost(idleSweep)) +
        extraSweeps * tableCost(idleSweep) +
        keptGb * (prices.tableGbMonth + prices.tableRecoveryGbMonth),
      // One call sends them all; each is received and deleted by itself.
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

/** Hours in which a metric has a value, over all metrics: hours with a job, for jobs that come at random. */
function metricHours(jobs: number, { firstSeen, unchangedSweep, lastSweep }: CallCounts): number {
  const metrics = new Set([firstSeen, unchangedSweep, lastSweep].flatMap((step) => step.metrics));
  return metrics.size * hours * (1 - Math.exp(-jobs / hours));
}

/**
 * The same calls in other ways, polled once a minute: 5 looks, the last of which tells. Messages, logs, metrics and the
 * API in front cost the same everywhere and are left out, and so is what keeps the other ways from telling twice.
 */
function othersOf(jobs: number, calls: CallCounts, cpu: WarmCpu): Bill['others'] {
  const looks = assumptions.jobMinutes + 1;
  const look = invocation(cpu.unchangedSweep, calls.unchangedSweep);
  // Look and choose 5 times, wait 4 times, tell twice at once: a branch each, and their parent.
  const transitions = looks * 2 + assumptions.jobMinutes + 3;
  // The start, 5 looks, 4 waits, 2 messages.
  const operations = 1 + looks + assumptions.jobMinutes + 2;
  const keptGb = (operations * 1_000) / 1e9;
  return {
    stepFunctions: jobs * (transitions * prices.stateTransition + (looks + 1) * look),
    durableFunctions:
      jobs *
      (operations * prices.durableOperation +
        keptGb * (prices.durableWrittenGb + (14 / 30) * prices.durableKeptGbMonth) +
        looks * look),
    container: hours * (0.25 * prices.fargateCpuHour + 0.5 * prices.fargateGbHour + prices.ipAddressHour),
  };
}

/** Which limit is met first when more and more jobs run at once. */
function limitsOf(cpu: WarmCpu): Limit[] {
  const sweepSeconds = 40;
  const share = assumptions.memoryMb / assumptions.coreMb;
  const checksPerSecond = (atOnce: number) => (1_000 / waitMs.api) * atOnce;
  const cpuChecks = 1_000 / (cpu.furtherCheck / share);
  return [
    {
      name: 'Slack, one message a second to a hook',
      watched: 45 * assumptions.jobMinutes,
      why: 'a sweep sends for about 45 s, so 45 ends a minute; more wait for their turn, and are told later',
    },
    {
      name: 'a sweep with sweepConcurrency 20',
      watched: checksPerSecond(20) * sweepSeconds,
      why: `${waitMs.api} ms an answer; the rest is left for the next sweep, which begins there`,
    },
    {
      name: 'a sweep with 50 connections',
      watched: checksPerSecond(50) * sweepSeconds,
      why: 'the HTTP client opens no more (lib/platform/http.ts), whatever sweepConcurrency says',
    },
    { name: 'CPU of a sweep', watched: cpuChecks * sweepSeconds, why: `at ${assumptions.memoryMb} MB` },
    {
      name: 'writes of the index',
      watched: (1_000 / 3) * 60 * assumptions.jobMinutes,
      why: 'one key, so one partition: 1,000 units a second, 3 for an end',
    },
  ];
}
