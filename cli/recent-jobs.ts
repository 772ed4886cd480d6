/** `publishing-job-notifier jobs --recent` and the like: the latest jobs, also ended ones, with why they notified. */

import { type AttributeValue, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import type { Deps } from '../lib/deps.ts';
import { isTerminal, type JobName, nameInKey } from '../lib/domain/job.ts';
import { requestHandler } from '../lib/platform/aws.ts';
import { type JobRow, jobRows } from '../local/job-list.ts';
import type { CommandResult } from './command.ts';
import { formatDuration, formatTable } from './output.ts';

/** Which jobs to list. A member that is left out does not restrict the list. */
export interface Selection {
  count: number;
  ended?: boolean;
  /** A part of the name, in any case. */
  name?: string | undefined;
  environment?: string | undefined;
}

/** The members that the selection needs. */
interface Entry extends JobName {
  firstSeenAt: string;
  status?: string;
  watch?: string;
  name?: string;
}

/** The table is read in so many parts at once. */
const segments = 4;

/** The latest jobs of the selection, newest first, in the words of the page. */
export async function recentJobs(deps: Deps, selection: Selection): Promise<CommandResult> {
  const entries = (await scan(process.env['TABLE_NAME'] ?? '', selection)).filter((entry) =>
    isSelected(entry, selection),
  );
  const latest = entries.sort((a, b) => b.firstSeenAt.localeCompare(a.firstSeenAt)).slice(0, selection.count);
  const records = await deps.store.getAll(latest);
  const rows = jobRows([...records.values()], deps.config.rules, () => undefined, selection.count);
  return {
    document: { jobs: rows, count: entries.length },
    text: rows.length > 0 ? textOf(rows, entries.length, deps.clock.now()) : 'No job matches.',
  };
}

/** Reads what the selection needs of every job. No index holds ended jobs, so this needs `dynamodb:Scan`. */
async function scan(TableName: string, { ended, name }: Selection): Promise<Entry[]> {
  const client = new DynamoDBClient({ maxAttempts: 5, requestHandler });
  // This middleware copies each response for a log that is not used.
  client.middlewareStack.remove('loggerMiddleware');
  const members = ['jobKey', 'firstSeenAt', ...(ended ? ['#status', 'watch'] : []), ...(name ? ['job.#name'] : [])];
  const input = {
    TableName,
    ProjectionExpression: members.join(', '),
    ...((ended || name) && {
      ExpressionAttributeNames: { ...(ended && { '#status': 'status' }), ...(name && { '#name': 'name' }) },
    }),
  };
  const parts = Array.from({ length: segments }, async (_, Segment) => {
    const entries: Entry[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { ...input, Segment, TotalSegments: segments })) {
      entries.push(...Items.flatMap(toEntry));
    }
    return entries;
  });
  return (await Promise.all(parts)).flat();
}

/** None for an item that is not a job. */
function toEntry({ jobKey, firstSeenAt, status, watch, job }: Record<string, AttributeValue>): Entry[] {
  if (!firstSeenAt?.S) return [];
  return [
    {
      ...nameInKey(jobKey?.S ?? ''),
      firstSeenAt: firstSeenAt.S,
      ...(status?.S && { status: status.S }),
      ...(watch?.S && { watch: watch.S }),
      ...(job?.M?.['name']?.S && { name: job.M['name'].S }),
    },
  ];
}

const isSelected = (entry: Entry, { ended, name, environment }: Selection): boolean =>
  (!ended || isTerminal(entry.status ?? null) || entry.watch !== 'jobs') &&
  isNamed(entry, entry.name, { name, environment });

/** Whether a job has this environment and this part of a name. */
export const isNamed = (
  job: JobName,
  jobName: string | null | undefined,
  { name, environment }: Pick<Selection, 'name' | 'environment'>,
): boolean =>
  (environment === undefined || job.environment === environment) &&
  (name === undefined || `${jobName ?? ''}`.toLowerCase().includes(name.toLowerCase()));

function textOf(rows: JobRow[], count: number, now: number): string {
  const cells = rows.map(({ environment, jobId, job, state, firstSeenAt, why, deliveries }) => [
    environment,
    jobId,
    job?.name ?? '',
    state.label,
    `${formatDuration(now - Date.parse(firstSeenAt))} ago`,
    why.text,
    deliveries
      .map((one) => `${one.channel} ${one.state}${one.state !== 'sent' && one.error ? `: ${one.error}` : ''}`)
      .join('; '),
  ]);
  const table = formatTable(['environment', 'job', 'name', 'status', 'first seen', 'why', 'deliveries'], cells);
  return count > rows.length
    ? `${table}\n\nThe latest ${rows.length} of ${count}. Show more with --recent <count>.`
    : table;
}
