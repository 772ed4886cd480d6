/** Shows the log lines that are events for people, in their order, with the title of the message or the name of the job. */
import type { Deps } from '../lib/deps.ts';
import type { JobName, Notice } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import type { LogEntry } from './log-file.ts';
import type { TerminalEvent } from './terminal.ts';

/** Takes log entries and shows them as events. */
export interface LogEvents {
  /** Whether the entry needs no other line, because it is shown here or as a problem with its remedy. */
  take: (entry: LogEntry) => boolean;
  /** Resolves when every entry so far is shown. */
  shown: () => Promise<void>;
}

/** `isDiscovered` says whether discovery found a job, as far as that is known. */
export function createLogEvents(
  { store }: Pick<Deps, 'store'>,
  show: (event: TerminalEvent) => void,
  isDiscovered: (jobId: string) => boolean,
): LogEvents {
  let last = Promise.resolve();

  const titleOf = async (name: JobName, notice: (Notice & { channel: string }) | null): Promise<string> => {
    const record = await store.get(name).catch(() => undefined);
    if (!record) return name.jobId;
    return notice ? messageOf(record, { ...notice, jobUrl: undefined }).title : (record.job?.name ?? name.jobId);
  };

  const eventOf = async (entry: Entry): Promise<TerminalEvent> => {
    const { message, environment, jobId, outcome, channel, limit, attempts, error } = entry;
    if (message === 'job checked') {
      const name = await titleOf({ environment, jobId }, null);
      const isNew = isDiscovered(jobId);
      const text = isNew ? `${name} (not handed over)` : name;
      return { kind: isNew ? 'discovered' : 'watching', where: environment, text };
    }
    const title = await titleOf({ environment, jobId }, { outcome, channel, limit });
    if (message === 'delivery sent') return { kind: 'sent', where: channel, text: title };
    const kind = message === 'delivery dead' ? 'dead' : 'waiting';
    const remedy = kind === 'dead' ? '. Send it again with `npx publishing-job-notifier replay`' : '';
    return { kind, where: channel, text: `${title}: attempt ${attempts} failed: ${error}${remedy}` };
  };

  return {
    take: (entry) => {
      const { message, transition } = entry;
      if (coveredByTroubles.test(`${message}`)) return true;
      if (!isEvent.test(`${message}`) || (message === 'job checked' && !isNews.test(`${transition}`))) return false;
      last = last.then(async () => show(await eventOf(entry as unknown as Entry))).catch(() => undefined);
      return true;
    },
    shown: () => last,
  };
}

type Entry = JobName & Notice & { message: string; channel: string; attempts: number; error: string | null };

const isEvent = /^(job checked|delivery (sent|dead|retry scheduled))$/;
/** A job that was not known before. */
const isNews = /^firstSeen/;
const coveredByTroubles = /^(channel|environment) paused$|^discovery incomplete$/;
