/** The table: one item per job, and a few marks. Every write of a job's state is one conditional write. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { type DueEntry, type JobName, type JobRecord, jobKey, nameInKey } from '../domain/job.ts';
import type { Cursor, Store } from './store.ts';
import { createUpdate } from './update-expression.ts';

type Item = Record<string, unknown>;

/** Version of an item's shape. */
const version = 1;

/** Members of a record that a write of its state sets; what is null is removed. */
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

/** BatchGetItem takes 100 keys at most. */
const batchSize = 100;

/** The store in DynamoDB. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html */
export function createStore({ client, tableName }: { client: DynamoDBDocumentClient; tableName: string }): Store {
  const TableName = tableName;

  const get = async (job: JobName): Promise<JobRecord | undefined> => {
    const { Item } = await client.send(
      new GetCommand({ TableName, Key: { jobKey: jobKey(job) }, ConsistentRead: true }),
    );
    return Item && toRecord(Item);
  };

  const readAll = async (keys: string[], options: { ProjectionExpression?: string } = {}): Promise<Item[]> => {
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

  async function* list(watch: 'jobs' | 'dead', until: number, after?: Cursor): AsyncGenerator<DueEntry[]> {
    let cursor = after && { watch, ...after };
    do {
      const { Items = [], LastEvaluatedKey } = await client.send(
        new QueryCommand({
          TableName,
          IndexName: 'due',
          KeyConditionExpression: 'watch = :watch AND dueAt <= :until',
          ExpressionAttributeValues: { ':watch': watch, ':until': until },
          // A sweep parses each attribute of each job, and the name is in the key.
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

    async save(next, known, { settled = false } = {}) {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({ TableName, ...stateUpdate(next, known, settled), ReturnValues: 'ALL_NEW' }),
        );
        return { won: true, record: toRecord(Attributes ?? {}) };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const record = await get(next);
        // The answer to our own success was lost, and the SDK asked again; somebody may have written since.
        const isOurs = record?.writer === next.writer || record?.lease?.owner === next.writer;
        return { won: isOurs, record };
      }
    },

    async saveDelivery(job, key, delivery) {
      try {
        await client.send(
          new UpdateCommand({
            TableName,
            Key: { jobKey: jobKey(job) },
            UpdateExpression: 'SET deliveries.#key = :delivery',
            ConditionExpression: 'attribute_exists(deliveries.#key) AND deliveries.#key.#state <> :sent',
            ExpressionAttributeNames: { '#key': key, '#state': 'state' },
            ExpressionAttributeValues: { ':delivery': delivery, ':sent': 'sent' },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },

    due: (until, after) => list('jobs', until, after),

    dead: () => list('dead', Number.MAX_SAFE_INTEGER),

    async *removedWith(environment) {
      let ExclusiveStartKey: Record<string, unknown> | undefined;
      do {
        const answer = await client.send(
          new ScanCommand({
            TableName,
            ConsistentRead: true,
            FilterExpression: '#environment = :environment AND decision.reason = :removed',
            ExpressionAttributeNames: { '#environment': 'environment' },
            ExpressionAttributeValues: { ':environment': environment, ':removed': 'environmentRemoved' },
            ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}),
          }),
        );
        yield (answer.Items ?? []).map(toRecord);
        ExclusiveStartKey = answer.LastEvaluatedKey;
      } while (ExclusiveStartKey);
    },

    async known(jobs) {
      const items = await readAll(jobs.map(jobKey), { ProjectionExpression: 'jobKey' });
      return new Set(items.map((item) => item['jobKey'] as string));
    },

    async readMarks(keys) {
      const items = await readAll(keys);
      return new Map(items.map(({ jobKey: key, version: _, ...mark }) => [key as string, mark]));
    },

    async writeMark(key, mark) {
      await client.send(new PutCommand({ TableName, Item: { ...mark, jobKey: key, version } }));
    },

    async claim(key, { now, until }) {
      try {
        await client.send(
          new PutCommand({
            TableName,
            Item: { jobKey: key, version, until },
            ConditionExpression: 'attribute_not_exists(jobKey) OR #until <= :now',
            ExpressionAttributeNames: { '#until': 'until' },
            ExpressionAttributeValues: { ':now': now },
          }),
        );
        return true;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false;
        throw error;
      }
    },

    async removeMark(key, since) {
      const unchanged = since && {
        ConditionExpression: '#since = :since',
        ExpressionAttributeNames: { '#since': 'since' },
        ExpressionAttributeValues: { ':since': since },
      };
      try {
        await client.send(new DeleteCommand({ TableName, Key: { jobKey: key }, ...unchanged }));
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}

/** The update of a record's state: only what this version knows, so that members of a newer one stay. */
function stateUpdate(next: JobRecord, known: JobRecord | undefined, settled: boolean) {
  const update = createUpdate();
  for (const member of stateMembers) {
    if (next[member] == null) update.remove(member);
    else update.set(update.name(member), next[member]);
  }
  if (known) {
    update.require(`${update.name('revision')} = ${update.value(known.revision)}`);
    for (const [key, delivery] of Object.entries(next.deliveries)) {
      // Names and values are only made for what is written: DynamoDB refuses those that are not used.
      const path = () => `${update.name('deliveries')}.${update.name(key)}`;
      const before = known.deliveries[key];
      if (!before) update.setOnce(path(), delivery);
      else if (before.state === 'dead' && delivery.state === 'pending') {
        // A receipt may have come late.
        update.require(`${path()}.${update.name('state')} = ${update.value('dead')}`);
        update.set(path(), delivery);
      } else if (before.ambiguousSince !== delivery.ambiguousSince) {
        update.set(`${path()}.${update.name('ambiguousSince')}`, delivery.ambiguousSince);
      }
      if (settled) update.require(`${path()}.${update.name('state')} <> ${update.value('pending')}`);
    }
  } else {
    update.require('attribute_not_exists(jobKey)');
    const { environment, jobId, deliveries } = next;
    for (const [member, value] of Object.entries({ version, environment, jobId, deliveries })) {
      update.set(update.name(member), value);
    }
  }
  return { Key: { jobKey: jobKey(next) }, ...update.input() };
}

// What a write removed reads as null again.
const toEntry = (item: Item): DueEntry => ({
  ...nameInKey(item['jobKey'] as string),
  dueAt: item['dueAt'] as number,
  check: item['check'] as DueEntry['check'],
  status: (item['status'] ?? null) as DueEntry['status'],
  notFoundSince: (item['notFoundSince'] ?? null) as DueEntry['notFoundSince'],
  lease: (item['lease'] ?? null) as DueEntry['lease'],
  pendingAt: (item['pendingAt'] ?? null) as DueEntry['pendingAt'],
});

const toRecord = (item: Item): JobRecord => ({
  environment: item['environment'] as string,
  jobId: item['jobId'] as string,
  deliveries: item['deliveries'] as JobRecord['deliveries'],
  ...(Object.fromEntries(stateMembers.map((member) => [member, item[member] ?? null])) as Omit<
    JobRecord,
    'environment' | 'jobId' | 'deliveries'
  >),
});
