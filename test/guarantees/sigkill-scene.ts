/** Jobs, workers and messages in a world where processes are killed. */

import type { JobRecord } from '../../lib/domain/job.ts';
import { deduplicationId } from '../../lib/domain/message.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import type { ConfigDocument, World } from '../support/world.ts';

export const second = 1_000;
export const channels = ['team', 'events', 'room'] as const;

/** The configuration of one worker. Its messages contain its name in the link to the job. */
export function configOf(world: World, worker: string): ConfigDocument {
  const config = world.config();
  const environment = { ...config.environments['production'], jobUrl: `https://jobs.test/${worker}/{jobId}` };
  const { apiUrl, workspace } = world.slack;
  const room = { type: 'slack-app', token: workspace.app.token, channel: workspace.room.id, apiUrl };
  return {
    ...config,
    environments: { production: environment },
    channels: { ...config.channels, room },
    rules: [{ when: { outcome: ['started'] }, notify: ['room'] }, { notify: channels }],
  };
}

/** A worker in this process whose clock is ahead of the machine's. */
export const workerAhead = (world: World, worker: string, aheadMs: number): Notifier =>
  deploy(world, {
    config: configOf(world, worker),
    clock: createFakeClock(new Date(Date.now() + aheadMs).toISOString()),
  });

/**
 * The workers that sent the messages about the end of a job, in the order in which the channel accepted them. In the room,
 * that is a post, or a reply to the message about its start.
 */
export function sendersTo(world: World, channel: (typeof channels)[number], jobId: string): string[] {
  return linksIn(world, channel, jobId).flatMap((text) => {
    const [, worker, id] = /https:\/\/jobs\.test\/([^/]+)\/(\w+)/.exec(text) ?? [];
    return worker && id === jobId ? [worker] : [];
  });
}

function linksIn({ slack, topic }: World, channel: (typeof channels)[number], jobId: string): string[] {
  if (channel === 'team') return slack.messages.map(({ payload }) => payload.text ?? '');
  if (channel === 'events') return topic.messages.map(({ document }) => document);
  const id = deduplicationId({ environment: 'production', jobId }, 'failed', 'room');
  return slack.workspace.messages
    .filter(({ metadata }) => metadata?.event_payload['delivery_id'] === id)
    .map(({ text }) => text);
}

/** How many messages the room has about a job, besides replies. */
export const messagesInRoom = ({ slack }: World, jobId: string): number =>
  slack.workspace.messages.filter(({ thread_ts, text }) => !thread_ts && new RegExp(`/${jobId}$`, 'm').test(text))
    .length;

/** The channels accept at once and respond a little later, as over a network. Most of a job's time is this wait. */
export function respondSlowly({ slack, topic }: World): void {
  const slow = { status: 200, accepted: true, afterMs: 20, times: Number.POSITIVE_INFINITY };
  slack.answerWith({ ...slow, body: 'ok' });
  slack.answerCallsWith(slow);
  const result = '<PublishResult><MessageId>message</MessageId></PublishResult>';
  topic.answerWith({
    ...slow,
    body: `<PublishResponse>${result}</PublishResponse>`,
    headers: { 'content-type': 'text/xml' },
  });
}

/** A watched job that has just ended. */
export async function endWatched(world: World, jobId: string): Promise<void> {
  world.setJob(jobId, { status: 'Running' });
  await workerAhead(world, 'watcher', 0).post(jobId);
  world.setJob(jobId, { status: 'Failed' });
}

export const recordOf = (world: World, jobId: string): Promise<JobRecord | undefined> =>
  workerAhead(world, 'observer', 0).deps.store.get({ environment: 'production', jobId });

/** The channels that have no receipt in a record. */
export const missingReceipts = (record: JobRecord | undefined): Set<string> =>
  new Set(channels.filter((channel) => record?.deliveries[`failed/${channel}`]?.state !== 'sent'));

/** How far the work on a job has come. */
export function progressOf(world: World, jobId: string, record: JobRecord | undefined): string {
  if (!record?.decision?.outcome) return 'nothing recorded';
  const missing = [...missingReceipts(record)] as (typeof channels)[number][];
  if (missing.length === 0) return record.lease ? 'all receipts stored' : 'done';
  const isAccepted = missing.some((channel) => sendersTo(world, channel, jobId).length > 0);
  return isAccepted ? 'accepted without a receipt' : 'recorded, and not accepted yet';
}
