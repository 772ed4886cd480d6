/** `publishing-job-notifier jobs`: lists the watched jobs and those with dead deliveries, or the latest jobs. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import { type DueEntry, type JobRecord, jobKey } from '../lib/domain/job.ts';
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

/** How many jobs `--recent` lists. */
const recentCount = 20;
/** How many watched jobs, and how many with dead deliveries, are shown to people. */
const shown = 200;
/** DynamoDB reads at most this many items with one call. */
const batchSize = 100;

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
    .option('--name <text>', 'the latest jobs with this text in their name; with --dead, only those')
    .option('--environment <name>', 'the latest jobs of this environment; with --dead, only those')
    .addHelpText(
      'after',
      '\nThe latest jobs come newest first. To find them, the whole table is read, which needs dynamodb:Scan.',
    )
    .action((options: Options) => withNotifier(options, (deps) => jobs(deps, options)));
}

/** The watched jobs in the order in which they are due and those with dead deliveries, or the latest jobs. */
export async function jobs(deps: Deps, options: Options): Promise<CommandResult> {
  const { dead = false, recent, ended = false, name, environment } = options;
  if (environment !== undefined) readEnvironment(environment, Object.keys(deps.config.environments));
  if (dead && (recent !== undefined || ended)) {
    throw new RequestError(400, '--dead cannot be combined with --recent or --ended.');
  }
  const isFiltered = name !== undefined || environment !== undefined;
  if (!dead && (recent !== undefined || ended || isFiltered)) {
    return await recentJobs(deps, {
      count: typeof recent === 'number' ? recent : recentCount,
      ended,
      name,
      environment,
    });
  }
  const [watched, withDead, cooldowns] = await Promise.all([
    dead ? [] : entriesOf(deps.store.due(Number.MAX_SAFE_INTEGER)),
    entriesOf(deps.store.dead()),
    activeCooldowns(deps, Object.keys(deps.config.environments)),
  ]);
  const most = options.json || isFiltered ? Number.POSITIVE_INFINITY : shown;
  const lists = await Promise.all([
    rowsOf(deps, watched.slice(0, most), 'watched'),
    rowsOf(deps, withDead.slice(0, most), 'dead'),
  ]);
  const rows = lists.flat().filter((row) => isNamed(row, row.name, { name, environment }));
  const texts = [
    rows.length > 0 ? tableOf(rows, deps.clock.now()) : isFiltered ? 'No job matches.' : emptyText(dead),
    ...moreTexts(most, { 'watched jobs': watched.length, 'jobs with dead deliveries': withDead.length }),
    cooldowns.map(cooldownLine).join('\n'),
  ];
  return { document: { jobs: rows, cooldowns }, text: texts.filter(Boolean).join('\n\n') };
}

async function entriesOf(pages: AsyncIterable<DueEntry[]>): Promise<DueEntry[]> {
  const entries: DueEntry[] = [];
  for await (const page of pages) entries.push(...page);
  return entries;
}

/** Reads each item, because the index holds neither names nor deliveries. */
async function rowsOf({ store }: Deps, entries: DueEntry[], state: Row['state']): Promise<Row[]> {
  const batches = Array.from({ length: Math.ceil(entries.length / batchSize) }, (_, index) =>
    entries.slice(index * batchSize, (index + 1) * batchSize),
  );
  const records = await Promise.all(batches.map((batch) => store.getAll(batch)));
  return batches.flatMap((batch, index) =>
    batch.flatMap((entry) => {
      const record = records[index]?.get(jobKey(entry));
      return record ? [rowOf(record, state)] : [];
    }),
  );
}

/** One sentence for each list that is longer than what is shown. */
const moreTexts = (most: number, counts: Record<string, number>): string[] =>
  Object.entries(counts)
    .filter(([, count]) => count > most)
    .map(([name, count]) => `The first ${most} of ${count} ${name}. --json lists all.`);

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
  const hint = hasDead ? '\n\nSend dead deliveries again with `npx publishing-job-notifier replay`.' : '';
  return `${formatTable(['environment', 'job', 'name', 'status', 'first seen', 'next attempt', 'problem'], cells)}${hint}`;
}

function nextAttempt({ state, dueAt }: Row, now: number): string {
  if (state === 'dead' || dueAt === null) return 'dead';
  const wait = Date.parse(dueAt) - now;
  return wait < 1_000 ? 'next sweep' : `in ${formatDuration(wait)}`;
}

const emptyText = (dead: boolean): string => (dead ? 'No dead deliveries.' : 'No watched jobs and no dead deliveries.');
