/** The store in DynamoDB. Every write of a job's state is one conditional write. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException, type KeysAndAttributes } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { type Delivery, type DueEntry, type JobName, type JobRecord, jobKey, nameInKey } from '../domain/job.ts';
import type { Cursor, KnownJob, SaveOptions, Store } from './store.ts';
import { createUpdate } from './update-expression.ts';

type Item = Record<string, unknown>;

/** The version of an item's shape. */
const version = 1;

/** The members of a record that a write of its state sets; null removes a member. */
const stateMembers = [
  'revision',
  'writer',
  'status',
  'job',
  'firstSeenAt',
  'changedAt',
  'notFoundSince',
  'check',
  'watch',
  'dueAt',
  'pendingAt',
  'lease',
  'decision',
  'superseded',
  'exceeded',
  'progress',
  'expiresAt',
] as const satisfies (keyof JobRecord)[];

/** The partition key of a mark. Names of environments contain no `_`, so no job can have it. */
const markKey = (key: string): string => `_${key}`;

/** BatchGetItem takes at most 100 keys. */
const batchSize = 100;

/** Makes the store. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html */
export function createStore({ client, tableName }: { client: DynamoDBDocumentClient; tableName: string }): Store {
  const TableName = tableName;

  const get = async (job: JobName): Promise<JobRecord | undefined> => {
    const { Item } = await client.send(
      new GetCommand({ TableName, Key: { jobKey: jobKey(job) }, ConsistentRead: true }),
    );
    return Item && toRecord(Item);
  };

  const readAll = async (keys: string[], options: Omit<KeysAndAttributes, 'Keys'> = {}): Promise<Item[]> => {
    const items: Item[] = [];
    let open = keys.map((key) => ({ jobKey: key }));
    for (let throttled = 0; open.length > 0; ) {
      const Keys = open.splice(0, batchSize);
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetCommand({ RequestItems: { [TableName]: { Keys, ConsistentRead: true, ...options } } }),
      );
      items.push(...(Responses?.[TableName] ?? []));
      const unprocessed = (UnprocessedKeys?.[TableName]?.Keys ?? []) as typeof open;
      if (unprocessed.length > 0) await sleep(Math.min(25 * 2 ** throttled++, 800));
      open = [...open, ...unprocessed];
    }
    return items;
  };

  /** Waits for a conditional write. False: its condition does not hold. */
  const isAccepted = async (write: Promise<unknown>): Promise<boolean> => {
    try {
      await write;
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  };

  async function* list(watch: 'jobs' | 'dead', until: number, after?: Cursor): AsyncGenerator<DueEntry[]> {
    let cursor = after && { watch, ...after };
    do {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName,
          IndexName: 'due',
          KeyConditionExpression: 'watch = :watch AND dueAt <= :until',
          ExpressionAttributeValues: { ':watch': watch, ':until': until },
          // A sweep parses every attribute of every entry. The key contains environment and job id.
          ProjectionExpression: 'jobKey, dueAt, #status, #check, notFoundSince, lease, pendingAt',
          ExpressionAttributeNames: { '#status': 'status', '#check': 'check' },
          ...(cursor ? { ExclusiveStartKey: cursor } : {}),
        }),
      );
      yield Items.map(toEntry);
      cursor = LastEvaluatedKey as typeof cursor;
    } while (cursor);
  }

  return {
    get,

    async save(next, known, options = {}) {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({ TableName, ...stateUpdate(next, known, options), ReturnValues: 'ALL_NEW' }),
        );
        return { won: true, record: toRecord(Attributes ?? {}) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const record = await get(next);
        // If the response to our own write was lost, the SDK repeated it. Another worker may have written since.
        const isOurs = record?.writer === next.writer || record?.lease?.owner === next.writer;
        return { won: isOurs, record };
      }
    },

    async saveDelivery(job, key, delivery, known) {
      const update = deliveryUpdate(key, delivery, known);
      const write = client.send(new UpdateCommand({ TableName, Key: { jobKey: jobKey(job) }, ...update }));
      if ((await isAccepted(write)) || delivery.state !== 'sent') return undefined;
      const stored = (await get(job))?.deliveries[key];
      return stored?.state === 'sent' ? stored : undefined;
    },

    async setAmbiguous(job, key, since) {
      await isAccepted(
        client.send(
          new UpdateCommand({
            TableName,
            Key: { jobKey: jobKey(job) },
            UpdateExpression: 'SET deliveries.#key.ambiguousSince = :since ADD receipts :one',
            ConditionExpression: 'deliveries.#key.#state = :sent',
            ExpressionAttributeNames: { '#key': key, '#state': 'state' },
            ExpressionAttributeValues: { ':since': since, ':sent': 'sent', ':one': 1 },
          }),
        ),
      );
    },

    due: (until, after) => list('jobs', until, after),

    dead: () => list('dead', Number.MAX_SAFE_INTEGER),

    async getAll(jobs) {
      const items = await readAll(jobs.map(jobKey));
      return new Map(items.map((item) => [item['jobKey'] as string, toRecord(item)]));
    },

    async known(jobs) {
      const items = await readAll(jobs.map(jobKey), {
        ProjectionExpression: 'jobKey, #status, #check',
        ExpressionAttributeNames: { '#status': 'status', '#check': 'check' },
      });
      return new Map(items.map((item) => [item['jobKey'] as string, toKnown(item)]));
    },

    readMarks: async (keys) => toMarks(await readAll(keys.map(markKey))),

    async getWithMarks(job, keys) {
      const items = await readAll([jobKey(job), ...keys.map(markKey)]);
      const item = items.find(({ jobKey: key }) => key === jobKey(job));
      return { record: item && toRecord(item), marks: toMarks(items.filter((one) => one !== item)) };
    },

    async writeMark(key, mark, { unless } = {}) {
      const condition = unless && {
        ConditionExpression: 'attribute_not_exists(#unless)',
        ExpressionAttributeNames: { '#unless': unless },
      };
      await isAccepted(
        client.send(new PutCommand({ TableName, Item: { ...mark, jobKey: markKey(key), version }, ...condition })),
      );
    },

    async claim(key, { now, until }) {
      return await isAccepted(
        client.send(
          new PutCommand({
            TableName,
            Item: { jobKey: markKey(key), version, until },
            ConditionExpression: 'attribute_not_exists(jobKey) OR #until <= :now',
            ExpressionAttributeNames: { '#until': 'until' },
            ExpressionAttributeValues: { ':now': now },
          }),
        ),
      );
    },

    async claimTime(key, { now, ms, latestEnd, mostAheadMs }) {
      const line = {
        TableName,
        Key: { jobKey: markKey(key) },
        ExpressionAttributeNames: { '#until': 'until' },
      };
      const isFree = await isAccepted(
        client.send(
          new UpdateCommand({
            ...line,
            UpdateExpression: 'SET #until = :end, version = :version',
            ConditionExpression: 'attribute_not_exists(#until) OR NOT #until BETWEEN :now AND :most',
            ExpressionAttributeValues: {
              ':end': now + ms,
              ':now': now,
              ':most': now + mostAheadMs,
              ':version': version,
            },
          }),
        ),
      );
      if (isFree) return { isClaimed: true, begin: now };
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            ...line,
            UpdateExpression: 'SET #until = #until + :ms',
            ConditionExpression: '#until <= :latest',
            ExpressionAttributeValues: { ':ms': ms, ':latest': latestEnd - ms },
            ReturnValues: 'UPDATED_NEW',
          }),
        );
        return { isClaimed: true, begin: Attributes?.['until'] - ms };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const [mark] = await readAll([markKey(key)]);
        return { isClaimed: false, begin: (mark?.['until'] ?? now) as number };
      }
    },

    async removeMark(key) {
      await client.send(new DeleteCommand({ TableName, Key: { jobKey: markKey(key) } }));
    },
  };
}

/**
 * The update of a record's state. It names only the members that this version knows, so that others stay. An expression
 * has at most 4 KB: deliveries to more channels than fit are written as one value.
 */
function stateUpdate(next: JobRecord, known: JobRecord | undefined, options: SaveOptions) {
  const precise = updateOf(next, known, (update, before) => setDeliveries(update, next, before, options));
  if (precise.isShort) return precise.input;
  return updateOf(next, known, (update, before) => replaceDeliveries(update, next, before, options)).input;
}

type Update = ReturnType<typeof createUpdate>;

function updateOf(
  next: JobRecord,
  known: JobRecord | undefined,
  updateDeliveries: (update: Update, known: JobRecord) => void,
) {
  const update = createUpdate();
  for (const member of stateMembers) {
    if (next[member] == null) update.remove(member);
    else update.set(update.name(member), next[member]);
  }
  if (known) {
    update.require(`${update.name('revision')} = ${update.value(known.revision)}`);
    updateDeliveries(update, known);
  } else {
    update.require('attribute_not_exists(jobKey)');
    const { environment, jobId, deliveries } = next;
    for (const [member, value] of Object.entries({ version, environment, jobId, deliveries })) {
      update.set(update.name(member), value);
    }
  }
  return { input: { Key: { jobKey: jobKey(next) }, ...update.input() }, isShort: update.isShort() };
}

/** Writes only the deliveries that change. A receipt that is stored at the same time stays. */
function setDeliveries(update: Update, next: JobRecord, known: JobRecord, { settled, result }: SaveOptions): void {
  for (const [key, delivery] of Object.entries(next.deliveries)) {
    // Called only for what is written: DynamoDB refuses names and values that are not used.
    const path = () => `${update.name('deliveries')}.${update.name(key)}`;
    const before = known.deliveries[key];
    if (!before) update.setOnce(path(), delivery);
    else if (key === result) {
      update.require(`${path()}.${update.name('state')} <> ${update.value('sent')}`);
      update.set(path(), delivery);
      continue;
    } else if (isRevived(before, delivery)) {
      // A receipt may have been stored meanwhile.
      update.require(`${path()}.${update.name('state')} = ${update.value('dead')}`);
      update.set(path(), delivery);
    } else if (before.ambiguousSince !== delivery.ambiguousSince) {
      update.set(`${path()}.${update.name('ambiguousSince')}`, delivery.ambiguousSince);
    }
    if (settled) update.require(`${path()}.${update.name('state')} <> ${update.value('pending')}`);
  }
}

/** The update of one delivery. */
function deliveryUpdate(key: string, delivery: Delivery, known: Delivery) {
  const update = createUpdate();
  const path = `${update.name('deliveries')}.${update.name(key)}`;
  const { ambiguousSince, ...others } = delivery;
  const changed = ambiguousSince === known.ambiguousSince ? others : delivery;
  for (const [member, value] of Object.entries(changed)) update.set(`${path}.${update.name(member)}`, value);
  update.add('receipts', 1);
  update.require(`attribute_exists(${path})`);
  update.require(`${path}.${update.name('state')} <> ${update.value('sent')}`);
  return update.input();
}

/** Writes all deliveries as one value, if no receipt was stored since they were read: it would be lost. */
function replaceDeliveries(update: Update, next: JobRecord, known: JobRecord, { settled, result }: SaveOptions): void {
  const changed = Object.entries(next.deliveries).map(([key, delivery]) => {
    const before = known.deliveries[key];
    const isWhole = !before || key === result || isRevived(before, delivery);
    return [key, isWhole ? delivery : { ...before, ambiguousSince: delivery.ambiguousSince }] as const;
  });
  const receipts = update.name('receipts');
  update.require(
    known.receipts === undefined
      ? `attribute_not_exists(${receipts})`
      : `${receipts} = ${update.value(known.receipts)}`,
  );
  const isPendingKnown = changed.some(([key, { state }]) => key !== result && state === 'pending');
  if (settled && isPendingKnown) update.require('attribute_not_exists(jobKey)');
  update.set(update.name('deliveries'), { ...known.deliveries, ...Object.fromEntries(changed) });
}

const isRevived = (before: Delivery, after: Delivery): boolean => before.state === 'dead' && after.state === 'pending';

// Members that a write removed are null again.
const toEntry = (item: Item): DueEntry => ({
  ...nameInKey(item['jobKey'] as string),
  dueAt: item['dueAt'] as number,
  check: item['check'] as DueEntry['check'],
  status: (item['status'] ?? null) as DueEntry['status'],
  notFoundSince: (item['notFoundSince'] ?? null) as DueEntry['notFoundSince'],
  lease: (item['lease'] ?? null) as DueEntry['lease'],
  pendingAt: (item['pendingAt'] ?? null) as DueEntry['pendingAt'],
});

const toMarks = (items: Item[]): Map<string, object> =>
  new Map(items.map(({ jobKey: key, version: _, ...mark }) => [(key as string).slice(1), mark]));

const toKnown = (item: Item): KnownJob => ({
  status: (item['status'] ?? null) as KnownJob['status'],
  check: item['check'] as KnownJob['check'],
});

const toRecord = (item: Item): JobRecord => ({
  environment: item['environment'] as string,
  jobId: item['jobId'] as string,
  deliveries: item['deliveries'] as JobRecord['deliveries'],
  ...(item['receipts'] === undefined ? {} : { receipts: item['receipts'] as number }),
  ...(Object.fromEntries(stateMembers.map((member) => [member, item[member] ?? null])) as Omit<
    JobRecord,
    'environment' | 'jobId' | 'deliveries' | 'receipts'
  >),
});
