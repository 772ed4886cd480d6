/** `notifier jobs`: the work list, and what is dead. */

import type { Command } from 'commander';
import type { Deps } from '../lib/deps.ts';
import type { DueEntry, JobRecord } from '../lib/domain/job.ts';
import { type Answer, addCommand, type CommonOptions, onNotifier } from './command.ts';
import { coolingDownNow, restingLine } from './cooling-down.ts';
import { span, table } from './output.ts';

/** A job that is not done with: `watched` by the sweeps, or `dead` until somebody replays its deliveries. */
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
}

/** How many items are read at once. */
const atOnce = 25;

export function addJobs(program: Command): void {
  addCommand(program, 'jobs')
    .description('list the jobs that are watched, and those with dead deliveries')
    .option('--dead', 'only those with dead deliveries')
    .action((options: Options) => onNotifier(options, (deps) => jobs(deps, options)));
}

/** The jobs that something is still to be done for, those that are due first at the top. */
export async function jobs(deps: Deps, { dead = false }: Options): Promise<Answer> {
  const [watched, buried, resting] = await Promise.all([
    dead ? [] : rowsOf(deps, deps.store.due(Number.MAX_SAFE_INTEGER), 'watched'),
    rowsOf(deps, deps.store.dead(), 'dead'),
    coolingDownNow(deps, Object.keys(deps.config.environments)),
  ]);
  const all = [...watched, ...buried];
  const list = all.length > 0 ? show(all, deps.clock.now()) : nothing(dead);
  const rests = resting.map(restingLine).join('\n');
  return { document: { jobs: all, resting }, text: rests ? `${list}\n\n${rests}` : list };
}

/** The index shows neither names nor deliveries, so each item is read. */
async function rowsOf({ store }: Deps, pages: AsyncIterable<DueEntry[]>, state: Row['state']): Promise<Row[]> {
  const records: (JobRecord | undefined)[] = [];
  for await (const page of pages) {
    for (let from = 0; from < page.length; from += atOnce) {
      records.push(...(await Promise.all(page.slice(from, from + atOnce).map((entry) => store.get(entry)))));
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
    .filter((one) => one[1].state !== 'sent')
    .map(([delivery, { state: its, attempts, error }]) => ({ delivery, state: its, attempts, error })),
});

function show(rows: Row[], now: number): string {
  const lines = rows.map((row) => [
    row.environment,
    row.jobId,
    row.name ?? '',
    row.status ?? 'not read yet',
    `${span(now - Date.parse(row.since))} ago`,
    nextOf(row, now),
    [
      row.error,
      ...row.deliveries.map(({ delivery, state, error }) => `${delivery} ${state}${error ? `: ${error}` : ''}`),
    ]
      .filter(Boolean)
      .join('; '),
  ]);
  const dead = rows.some(({ state }) => state === 'dead');
  const hint = dead ? '\n\nWhat is dead is sent again by `npm run notifier -- replay`.' : '';
  return `${table(['environment', 'job', 'name', 'status', 'first seen', 'next try', 'what is wrong'], lines)}${hint}`;
}

function nextOf({ state, dueAt }: Row, now: number): string {
  if (state === 'dead' || dueAt === null) return 'dead';
  const wait = Date.parse(dueAt) - now;
  return wait < 1_000 ? 'next sweep' : `in ${span(wait)}`;
}

const nothing = (dead: boolean): string => (dead ? 'Nothing is dead.' : 'No job is watched, and nothing is dead.');
