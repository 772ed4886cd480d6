/** Jobs, workers and messages in a world where processes are killed. */

import type { JobRecord } from '../../lib/domain/job.ts';
import { createFakeClock } from '../support/clock.ts';
import { deploy, type Notifier } from '../support/notifier.ts';
import type { ConfigDocument, World } from '../support/world.ts';

export const second = 1_000;
export const channels = ['team', 'events'] as const;

/** The configuration of one worker. Its messages contain its name in the link to the job. */
export function configOf(world: World, worker: string): ConfigDocument {
  const config = world.config();
  const environment = { ...config.environments['production'], jobUrl: `https://jobs.test/${worker}/{jobId}` };
  return { ...config, environments: { production: environment } };
}

/** A worker in this process whose clock is ahead of the machine's. */
export const workerAhead = (world: World, worker: string, aheadMs: number): Notifier =>
  deploy(world, {
    config: configOf(world, worker),
    clock: createFakeClock(new Date(Date.now() + aheadMs).toISOString()),
  });

/** The workers that sent the messages about a job, in the order in which the channel accepted them. */
export function sendersTo(world: World, channel: (typeof channels)[number], jobId: string): string[] {
  const links =
    channel === 'team'
      ? world.slack.messages.map(({ payload }) => payload.text?.split('\n').at(-2) ?? '')
      : world.topic.messages.map(({ document }) => (JSON.parse(document) as { url: string }).url);
  return links.flatMap((link) => {
    const [, worker, id] = /^https:\/\/jobs\.test\/([^/]+)\/(.+)$/.exec(link) ?? [];
    return worker && id === jobId ? [worker] : [];
  });
}

/** The channels accept at once and respond a little later, as over a network. Most of a job's time is this wait. */
export function respondSlowly({ slack, topic }: World): void {
  const slow = { status: 200, accepted: true, afterMs: 20, times: Number.POSITIVE_INFINITY };
  slack.answerWith({ ...slow, body: 'ok' });
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
  world.setJob(jobId, { status: 'Completed' });
}

export const recordOf = (world: World, jobId: string): Promise<JobRecord | undefined> =>
  workerAhead(world, 'observer', 0).deps.store.get({ environment: 'production', jobId });

/** The channels that have no receipt in a record. */
export const missingReceipts = (record: JobRecord | undefined): Set<string> =>
  new Set(channels.filter((channel) => record?.deliveries[`completed/${channel}`]?.state !== 'sent'));

/** How far the work on a job has come. */
export function progressOf(world: World, jobId: string, record: JobRecord | undefined): string {
  if (!record?.decision?.outcome) return 'nothing recorded';
  const missing = [...missingReceipts(record)] as (typeof channels)[number][];
  if (missing.length === 0) return record.lease ? 'all receipts stored' : 'done';
  const isAccepted = missing.some((channel) => sendersTo(world, channel, jobId).length > 0);
  return isAccepted ? 'accepted without a receipt' : 'recorded, and not accepted yet';
}
