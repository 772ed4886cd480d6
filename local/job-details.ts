/** What a row of the page opens into: the job's timeline, and its messages as each channel gets them. */
import type { Deps } from '../lib/deps.ts';
import type { JobName, JobRecord, Notice } from '../lib/domain/job.ts';
import { messageOf } from '../lib/domain/message.ts';
import { namedDeliveries } from '../lib/domain/outbox.ts';
import { RequestError } from '../lib/platform/errors.ts';
import { type Moment, timelineOf } from './timeline.ts';

/** A message as a channel is sent it; the page shows the payload by the channel's type. */
export interface RenderedMessage {
  channel: string;
  type: string;
  text: string;
  payload: object;
}

/** What a row opens into. */
export interface JobDetails {
  timeline: Moment[];
  messages: (RenderedMessage & { outcome: string; state: string })[];
}

/** Reads one job from the table; a `RequestError` (404) if there is none. */
export async function jobDetails(
  deps: Pick<Deps, 'config' | 'store' | 'channel'>,
  name: JobName,
  isDiscovered: boolean,
): Promise<JobDetails> {
  const record = await deps.store.get(name);
  if (!record) throw new RequestError(404, 'There is no such job in the table.');
  const configured = namedDeliveries(record).filter(({ channel }) => Object.hasOwn(deps.config.channels, channel));
  return {
    timeline: timelineOf(record, deps.config.rules, isDiscovered),
    messages: configured.map(({ channel, outcome, limit, delivery }) => ({
      ...renderMessage(deps, record, { outcome, limit, channel }),
      outcome,
      state: delivery.state,
    })),
  };
}

/** The message of one outcome of a job for one configured channel. */
export function renderMessage(
  { config, channel }: Pick<Deps, 'config' | 'channel'>,
  record: JobRecord,
  notice: Notice & { channel: string },
): RenderedMessage {
  const { jobUrl } = config.environments[record.environment] ?? {};
  const type = config.channels[notice.channel]?.type ?? '';
  const rendered = channel(notice.channel).render(messageOf(record, { ...notice, jobUrl }));
  return { channel: notice.channel, type, ...rendered };
}
