/** Shared by tests of edge cases: durations, the raw table, and ways to make things fail. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Context } from 'aws-lambda';
import { createHandler as createWebhook } from '../../functions/webhook.ts';
import type { Channel } from '../../lib/channels/channel.ts';
import type { JobRecord } from '../../lib/domain/job.ts';
import { UpstreamError } from '../../lib/platform/errors.ts';
import type { Store } from '../../lib/table/store.ts';
import { publishingJob } from '../../local/publishing-job.ts';
import { deploy, type Notifier } from './notifier.ts';
import { type ConfigDocument, type EnvironmentDocument, lambdaContext, postEvent, read, type World } from './world.ts';

export { day, hour, minute, second } from './builders.ts';

/** An item of the table: a job or a mark. */
export type Item = Partial<JobRecord> & { jobKey: string; version: number } & Record<string, unknown>;

/** Every item of the table. */
export async function itemsOf(world: World): Promise<Item[]> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = DynamoDBDocumentClient.from(
    new DynamoDBClient({ endpoint: world.store.endpoint, region: 'eu-west-1', credentials }),
  );
  const items: Item[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: world.store.tableName })) {
    items.push(...(Items as Item[]));
  }
  client.destroy();
  return items;
}

/** One item of the table, by its key. */
export const itemOf = async (world: World, jobKey: string): Promise<Item | undefined> =>
  (await itemsOf(world)).find((item) => item.jobKey === jobKey);

/** A mark of the table: an item that is not a job. */
export const markOf = (world: World, key: string): Promise<Item | undefined> => itemOf(world, `_${key}`);

/** A configuration with these environments, which share one API and one credential. */
export function configWith(world: World, ...environments: string[]): ConfigDocument {
  const config = world.config();
  const shared = config.environments['production'] as EnvironmentDocument;
  return { ...config, environments: Object.fromEntries(environments.map((name) => [name, { ...shared }])) };
}

export interface Line extends Record<string, unknown> {
  level: string;
  message: string;
}

/** The logged lines, without metrics. */
export const logged = ({ lines }: Pick<Notifier, 'lines'>): Line[] =>
  lines.map((line) => JSON.parse(line)).filter((line) => '_aws' in line === false);

/** The logged lines with one of these messages. */
export const linesOf = (notifier: Pick<Notifier, 'lines'>, ...messages: string[]): Line[] =>
  logged(notifier).filter(({ message }) => messages.includes(message));

/** The sends that may have arrived twice, as the query of docs/operations.md finds them. */
export const ambiguousSends = (notifier: Pick<Notifier, 'lines'>): Line[] =>
  linesOf(notifier, 'delivery sent', 'delivery sent again').filter((line) => 'ambiguousSince' in line);

/** The sum of a metric. */
export const counted = ({ lines }: Pick<Notifier, 'lines'>, metric: string): number =>
  lines
    .map((line) => JSON.parse(line))
    .filter((line) => '_aws' in line)
    .reduce((sum, line) => sum + (line[metric] ?? 0), 0);

/** The deliveries of a response, as `outcome/channel` -> delivery. */
export const deliveriesIn = (body: {
  deliveries: { outcome: string; channel: string }[];
}): Record<string, Record<string, unknown>> =>
  Object.fromEntries(body.deliveries.map((one) => [`${one.outcome}/${one.channel}`, { ...one }]));

/** The states of deliveries, as `outcome/channel` -> state. */
export const statesIn = (body: { deliveries: { outcome: string; channel: string; state?: string }[] }) =>
  Object.fromEntries(body.deliveries.map(({ outcome, channel, state }) => [`${outcome}/${channel}`, state]));

/** Advances the clock, then sweeps. */
export async function sweepAfter(notifier: Notifier, ms: number) {
  notifier.clock.advance(ms);
  return await notifier.sweep();
}

/** Sweeps several times, each after a pause. */
export async function sweepEvery(notifier: Notifier, ms: number, times: number): Promise<void> {
  for (let round = 0; round < times; round++) await sweepAfter(notifier, ms);
}

/** A webhook call with this much time left. */
export const postWithin = async (notifier: Notifier, jobId: string, remainingMs: number) =>
  read(await createWebhook(notifier.deps)(postEvent(jobId), lambdaContext(remainingMs)));

/** A context whose remaining time follows a clock. */
export const contextOn = (clock: { now(): number }, remainingMs: number): Context => {
  const deadline = clock.now() + remainingMs;
  return { ...lambdaContext(), getRemainingTimeInMillis: () => deadline - clock.now() };
};

/** The API takes this long, by the notifier's clock, to respond for each of these jobs. */
export function answerSlowly(world: World, { clock }: Notifier, ids: string[], ms: number, status = 'Running'): void {
  for (const id of ids) {
    world.api.setJob(id, () => {
      clock.advance(ms);
      return publishingJob({ id, status, at: clock.now() });
    });
  }
}

/** Reading this job times out after these milliseconds, as if they were the full time-out. */
export function hurryRead(notifier: Notifier, jobId: string, ms = 150): void {
  const { api } = notifier.deps;
  notifier.deps.api = (name) => ({
    ...api(name),
    getJob: (id, deadline) =>
      id !== jobId
        ? api(name).getJob(id, deadline)
        : api(name)
            .getJob(id, notifier.clock.now() + ms)
            .catch(({ message }: Error) => Promise.reject(new UpstreamError('unavailable', message))),
  });
}

/** Wraps one channel of a notifier. */
export function wrapChannel(notifier: Notifier, name: string, send: (real: Channel) => Channel['send']): void {
  const { channel } = notifier.deps;
  notifier.deps.channel = (asked) => {
    const real = channel(asked);
    if (asked !== name) return real;
    return { ...real, send: send(real) };
  };
}

/** Holds the messages to a channel until `release`; `begun` resolves with the first one. `end` replaces the real result. */
export function holdChannel(notifier: Notifier, name: string, end?: () => ReturnType<Channel['send']>) {
  const [begun, held] = [latch(), latch()];
  wrapChannel(notifier, name, (real) => async (message, timeoutMs) => {
    begun.open();
    await held.opened;
    return await (end?.() ?? real.send(message, timeoutMs));
  });
  return { begun: begun.opened, release: held.open };
}

/** A message to this channel times out after these milliseconds. */
export const hurrySend = (notifier: Notifier, name: string, ms = 150): void =>
  wrapChannel(notifier, name, (real) => (message) => real.send(message, ms));

/** Replaces methods of a notifier's store. */
export function wrapStore(notifier: Notifier, methods: (real: Store) => Partial<Store>): void {
  const real = notifier.deps.store;
  notifier.deps.store = { ...real, ...methods(real) };
}

/** Counts the calls of a notifier's store, by method. `due` counts as one call for all its pages. */
export function countStore(notifier: Notifier): Record<string, number> {
  const counts: Record<string, number> = {};
  const real = notifier.deps.store;
  notifier.deps.store = new Proxy(real, {
    get(store, method: keyof Store) {
      counts[method] = (counts[method] ?? 0) + 1;
      return store[method];
    },
  });
  return counts;
}

/** A promise that `open` resolves. */
export function latch(): { opened: Promise<void>; open: () => void } {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  return { opened, open };
}

/**
 * A worker that dies after it has written the state of a job and before it sends a message. It reaches no channel and
 * writes nothing more. Resolves when it is dead.
 */
export async function dieAfterRecording(world: World, clock: Notifier['clock'], act: (dying: Notifier) => unknown) {
  const dying = deploy(world, { clock });
  const died = latch();
  const channels = Object.keys(dying.deps.config.channels);
  for (const name of channels) {
    wrapChannel(dying, name, () => () => {
      died.open();
      return new Promise<never>(() => undefined);
    });
  }
  void act(dying);
  await died.opened;
}
