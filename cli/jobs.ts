/** `notifier jobs`: lists the watched jobs and those with dead deliveries, or the latest jobs. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { DueEntry, JobRecord } from '../lib/domain/job.ts';
import { readEnvironment } from '../lib/http-api/request.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { countOf } from './arguments.ts';
import { addCommand, type CommandResult, type CommonOptions, withNotifier } from './command.ts';
import { activeCooldowns, cooldownLine } from './cooldowns.ts';
import { formatDuration, formatTable } from './output.ts';
import { isNamed, recentJobs } from './recent-jobs.ts';

/** A job that the sweeps watch, or whose dead deliveries wait for a replay. */
interface Row {
  environment: string;
  jobId: string;
  state: 'watched' | 'dead';
  status: string | null;
  name: string | null;
  since: string;
  dueAt: string | null;
  error: string | null;
  deliveries: { delivery: string; state: string; attempts: number; error: string | null }[];
}

interface Options extends CommonOptions {
  dead?: boolean;
  /** `true`: the default number of jobs. */
  recent?: number | true;
  ended?: boolean;
  name?: string;
  environment?: string;
}

/** How many items are read at once. */
const concurrency = 25;
/** How many jobs `--recent` lists. */
const recentCount = 20;

export function addJobs(program: Command): void {
  addCommand(program, 'jobs')
    .description('List the watched jobs and those with dead deliveries, or the latest jobs with the reason')
    .option('--dead', 'only jobs with dead deliveries')
    .option(
      '--recent [count]',
      `the latest jobs, also ended ones, newest first (default: ${recentCount})`,
      countOf('--recent'),
    )
    .option('--ended', 'the latest jobs that have ended')
    .option('--name <text>', 'only jobs with this text in their name')
    .option('--environment <name>', 'only jobs of this environment')
    .addHelpText('after', '\n--recent and --ended read the whole table, which needs dynamodb:Scan.')
    .action((options: Options) => withNotifier(options, (deps) => jobs(deps, options)));
}

/** The watched jobs in the order in which they are due, then those with dead deliveries. */
export async function jobs(deps: Deps, options: Options): Promise<CommandResult> {
  const { dead = false, recent, ended = false, name, environment } = options;
  if (environment !== undefined) readEnvironment(environment, Object.keys(deps.config.environments));
  if (recent !== undefined || ended) {
    if (dead) throw new RequestError(400, '--dead cannot be combined with --recent or --ended.');
    return await recentJobs(deps, {
      count: typeof recent === 'number' ? recent : recentCount,
      ended,
      name,
      environment,
    });
  }
  const [watched, withDead, cooldowns] = await Promise.all([
    dead ? [] : rowsOf(deps, deps.store.due(Number.MAX_SAFE_INTEGER), 'watched'),
    rowsOf(deps, deps.store.dead(), 'dead'),
    activeCooldowns(deps, Object.keys(deps.config.environments)),
  ]);
  const rows = [...watched, ...withDead].filter((row) => isNamed(row, row.name, { name, environment }));
  const isFiltered = name !== undefined || environment !== undefined;
  const list = rows.length > 0 ? tableOf(rows, deps.clock.now()) : isFiltered ? 'No job matches.' : emptyText(dead);
  const paused = cooldowns.map(cooldownLine).join('\n');
  return { document: { jobs: rows, cooldowns }, text: paused ? `${list}\n\n${paused}` : list };
}

/** Reads each item, because the index holds neither names nor deliveries. */
async function rowsOf({ store }: Deps, pages: AsyncIterable<DueEntry[]>, state: Row['state']): Promise<Row[]> {
  const records: (JobRecord | undefined)[] = [];
  for await (const page of pages) {
    for (let from = 0; from < page.length; from += concurrency) {
      records.push(...(await Promise.all(page.slice(from, from + concurrency).map((entry) => store.get(entry)))));
    }
  }
  return records.flatMap((record) => (record ? [rowOf(record, state)] : []));
}

const rowOf = (
  { environment, jobId, status, job, firstSeenAt, dueAt, check, deliveries }: JobRecord,
  state: Row['state'],
): Row => ({
  environment,
  jobId,
  state,
  status,
  name: job?.name ?? null,
  since: firstSeenAt,
  dueAt: state === 'watched' && dueAt !== null ? new Date(dueAt).toISOString() : null,
  error: check.error,
  deliveries: Object.entries(deliveries)
    .filter((entry) => entry[1].state !== 'sent')
    .map(([delivery, { state, attempts, error }]) => ({ delivery, state, attempts, error })),
});

function tableOf(rows: Row[], now: number): string {
  const cells = rows.map((row) => [
    row.environment,
    row.jobId,
    row.name ?? '',
    row.status ?? 'not read yet',
    `${formatDuration(now - Date.parse(row.since))} ago`,
    nextAttempt(row, now),
    [
      row.error,
      ...row.deliveries.map(({ delivery, state, error }) => `${delivery} ${state}${error ? `: ${error}` : ''}`),
    ]
      .filter(Boolean)
      .join('; '),
  ]);
  const hasDead = rows.some(({ state }) => state === 'dead');
  const hint = hasDead ? '\n\nSend dead deliveries again with `npm run notifier -- replay`.' : '';
  return `${formatTable(['environment', 'job', 'name', 'status', 'first seen', 'next attempt', 'problem'], cells)}${hint}`;
}

function nextAttempt({ state, dueAt }: Row, now: number): string {
  if (state === 'dead' || dueAt === null) return 'dead';
  const wait = Date.parse(dueAt) - now;
  return wait < 1_000 ? 'next sweep' : `in ${formatDuration(wait)}`;
}

const emptyText = (dead: boolean): string => (dead ? 'No dead deliveries.' : 'No watched jobs and no dead deliveries.');
