/** The store in DynamoDB and the one in memory: both keep the contract, and do the same. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type JobRecord, jobKey } from '../../lib/domain/job.ts';
import { createStore } from '../../lib/table/dynamodb.ts';
import { keepReads } from '../../lib/table/kept-reads.ts';
import type { Store } from '../../lib/table/store.ts';
import { type EmbeddedStore, startEmbeddedStore, tableDefinition } from '../../local/embedded-store.ts';
import { nextWrite as after, someDecision, someDelivery } from '../support/builders.ts';
import { createMemoryStore } from '../support/memory-store.ts';
import { type LossyProxy, startLossyProxy } from './lossy-proxy.ts';
import { storeContract, tableRecord } from './store.contract.ts';

const clientOf = (endpoint: string) =>
  DynamoDBDocumentClient.from(
    new DynamoDBClient({
      endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 5,
    }),
    { marshallOptions: { removeUndefinedValues: true } },
  );

async function startTable() {
  const embedded = await startEmbeddedStore();
  const client = clientOf(embedded.endpoint);
  const close = async () => {
    client.destroy();
    await embedded.close();
  };
  return { embedded, client, store: createStore({ client, tableName: embedded.tableName }), close };
}

storeContract('the store in DynamoDB', startTable);
storeContract('the store in memory', async () => ({ store: createMemoryStore() }));
storeContract('the store that keeps what it has read', async () => ({
  store: keepReads(createMemoryStore(), Date.now),
}));

describe('the item in the table', () => {
  let table: Awaited<ReturnType<typeof startTable>>;
  let store: Store;
  beforeEach(async () => {
    table = await startTable();
    store = table.store;
  });
  afterEach(() => table.close());

  const itemOf = async (key: string) => {
    const Key = { jobKey: key };
    return (await table.client.send(new GetCommand({ TableName: table.embedded.tableName, Key }))).Item;
  };
  const create = async (values: Partial<JobRecord> = {}) =>
    (await store.save(tableRecord(values), undefined)).record as JobRecord;
  /** Writes a member that only a newer version of this project knows. */
  const add = (path: string, value: unknown) => {
    const names = path.split('.').map((name, index) => [`#n${index}`, name] as const);
    return table.client.send(
      new UpdateCommand({
        TableName: table.embedded.tableName,
        Key: { jobKey: 'production#job_1' },
        UpdateExpression: `SET ${names.map(([placeholder]) => placeholder).join('.')} = :value`,
        ExpressionAttributeNames: Object.fromEntries(names),
        ExpressionAttributeValues: { ':value': value },
      }),
    );
  };

  test('has environment and job id as its key, a version, and no member without a value', async () => {
    await create({ lease: null });
    const item = await itemOf('production#job_1');
    expect(item).toMatchObject({ jobKey: 'production#job_1', version: 1, environment: 'production', jobId: 'job_1' });
    expect(Object.values(item ?? {})).not.toContain(null);
  });

  test.each<[string, Partial<JobRecord>, string[]]>([
    ['watched', { watch: 'jobs', dueAt: 5, expiresAt: null }, ['dueAt', 'watch']],
    ['dead', { watch: 'dead', dueAt: 5, expiresAt: null }, ['dueAt', 'watch']],
    ['finished', { watch: null, dueAt: null, expiresAt: 1_770_000_000 }, ['expiresAt']],
  ])('is either in the index or expires when it is %s, whatever it was before', async (_, next, expected) => {
    const members = async () => {
      const item = await itemOf('production#job_1');
      return ['dueAt', 'expiresAt', 'watch'].filter((member) => member in (item ?? {}));
    };
    let known = await create(next);
    expect(await members()).toEqual(expected);
    for (const before of [
      { watch: 'jobs', dueAt: 9, expiresAt: null },
      { watch: null, dueAt: null, expiresAt: 1_780_000_000 },
    ] as const) {
      known = (await store.save(after(known, 'other', before), known)).record as JobRecord;
      known = (await store.save(after(known, 'again', next), known)).record as JobRecord;
      expect(await members()).toEqual(expected);
    }
  });

  test('keeps the members that a newer version wrote, in deliveries too', async () => {
    const known = await create({ deliveries: { 'failed/team': someDelivery(), 'failed/events': someDelivery() } });
    await add('version', 2);
    await add('priority', { level: 3 });
    await add('deliveries.failed/team.thread', 'ts-1');
    await add('deliveries.failed/events.thread', 'ts-2');
    const next = after(known, 'second', { status: 'Completed', decision: someDecision() });
    expect((await store.save(next, known)).won).toBe(true);
    const { deliveries } = (await store.get(known)) as JobRecord;
    const pending = someDelivery(deliveries['failed/events']);
    await store.saveDelivery(known, 'failed/events', { ...pending, state: 'sent' }, pending);
    const second = (await store.get(known)) as JobRecord;
    await store.save(after(second, 'third'), second);
    expect(await itemOf('production#job_1')).toMatchObject({
      version: 2,
      priority: { level: 3 },
      status: 'Completed',
      revision: 3,
      deliveries: {
        'failed/team': { state: 'pending', thread: 'ts-1' },
        'failed/events': { state: 'sent', thread: 'ts-2' },
      },
    });
  });

  test('has exactly these members in the index', async () => {
    const record = await create({
      status: 'Running',
      notFoundSince: '2026-01-01T10:05:00.000Z',
      lease: { owner: 'writer-1', since: 1, until: 2 },
      pendingAt: '2026-01-01T10:06:00.000Z',
      changedAt: '2026-01-01T10:05:00.000Z',
      decision: someDecision(),
      deliveries: { 'failed/team': someDelivery() },
    });
    const query = {
      TableName: table.embedded.tableName,
      IndexName: 'due',
      KeyConditionExpression: 'watch = :watch',
      ExpressionAttributeValues: { ':watch': 'jobs' },
    };
    const { Items = [] } = await table.client.send(new QueryCommand(query));
    const listed = ['environment', 'jobId', 'status', 'revision', 'notFoundSince', 'check', 'lease', 'pendingAt'];
    expect(Items.map((item) => Object.keys(item).sort())).toEqual([['dueAt', 'jobKey', 'watch', ...listed].sort()]);
    const [index] = tableDefinition.GlobalSecondaryIndexes;
    expect([...(index?.Projection.NonKeyAttributes ?? [])].sort()).toEqual([...listed].sort());
    expect(jobKey(record)).toBe(Items[0]?.['jobKey']);
  });
});

describe('the store in DynamoDB, if a response is lost', () => {
  let embedded: EmbeddedStore;
  let proxy: LossyProxy;
  let client: DynamoDBDocumentClient;
  let store: Store;
  beforeAll(async () => {
    embedded = await startEmbeddedStore();
  });
  afterAll(() => embedded.close());
  beforeEach(async () => {
    proxy = await startLossyProxy(embedded.endpoint);
    client = clientOf(proxy.url);
    store = createStore({ client, tableName: embedded.tableName });
  });
  afterEach(async () => {
    client.destroy();
    await proxy.close();
  });

  test('the first write of a job succeeds, and is done once', async () => {
    proxy.lose('UpdateItem');
    const record = tableRecord({ jobId: 'lost-1' });
    expect(await store.save(record, undefined)).toEqual({ won: true, record });
    // The SDK repeats the write, and the store reads the item because the condition failed.
    expect(proxy.operations).toEqual(['UpdateItem', 'UpdateItem', 'GetItem']);
  });

  test.each<[string, Partial<JobRecord>, boolean]>([
    ['lost-2', { status: 'Failed', deliveries: { 'failed/team': someDelivery() } }, false],
    ['lost-3', { watch: null, dueAt: null, expiresAt: 1_770_000_000 }, true],
  ])('a change succeeds, and is done once: %s', async (jobId, values, settled) => {
    const first = tableRecord({ jobId });
    await store.save(first, undefined);
    proxy.lose('UpdateItem');
    const next = after(first, 'second', values);
    expect(await store.save(next, first, { settled })).toEqual({ won: true, record: next });
    expect(await store.get(first)).toEqual(next);
  });

  test('a receipt is stored, and the repetition of its write is not an error', async () => {
    const first = tableRecord({ jobId: 'lost-4', deliveries: { 'failed/team': someDelivery() } });
    await store.save(first, undefined);
    proxy.lose('UpdateItem');
    const sent = someDelivery({ state: 'sent', receipt: 'receipt-1' });
    await store.saveDelivery(first, 'failed/team', sent, someDelivery());
    expect((await store.get(first))?.deliveries).toEqual({ 'failed/team': sent });
  });

  test('marks that DynamoDB did not process are requested again', async () => {
    const keys = Array.from({ length: 120 }, (_, index) => `cooldown#channel#${index}`);
    await Promise.all(keys.map((key) => store.writeMark(key, { reason: key })));
    proxy.operations.length = 0;
    // The first response is partial, as when DynamoDB is throttled or a response too long.
    proxy.change('BatchGetItem', (answer) => {
      const items = (answer['Responses'] as Record<string, { jobKey: unknown }[]>)[embedded.tableName] ?? [];
      const [given, withheld] = [items.slice(0, 50), items.slice(50)];
      return {
        Responses: { [embedded.tableName]: given },
        UnprocessedKeys: {
          [embedded.tableName]: { Keys: withheld.map(({ jobKey: key }) => ({ jobKey: key })), ConsistentRead: true },
        },
      };
    });
    const marks = await store.readMarks(keys);
    expect([...marks.keys()].sort()).toEqual([...keys].sort());
    expect(proxy.operations).toEqual(['BatchGetItem', 'BatchGetItem']);
  });
});

describe('the store in memory', () => {
  let table: Awaited<ReturnType<typeof startTable>>;
  beforeAll(async () => {
    table = await startTable();
  });
  afterAll(() => table.close());

  // A writer knows one of the last states, and may be wrong about the deliveries.
  const write = fc.record({
    kind: fc.constant('write' as const),
    base: fc.nat(3),
    status: fc.constantFrom(null, 'Running', 'Completed'),
    list: fc.constantFrom('watched', 'dead', 'finished'),
    lease: fc.boolean(),
    settled: fc.boolean(),
    channels: fc.subarray(['a', 'b', 'c']),
    ambiguousSince: fc.constantFrom(null, '2026-01-01T10:30:00.000Z'),
  });
  const receipt = fc.record({
    kind: fc.constant('receipt' as const),
    channel: fc.constantFrom('a', 'b', 'c', 'd'),
    state: fc.constantFrom('pending' as const, 'sent' as const, 'dead' as const),
    known: fc.constantFrom(null, '2026-01-01T10:30:00.000Z'),
  });
  const repeat = fc.record({ kind: fc.constant('repeat' as const) });
  const lists: Record<string, Pick<JobRecord, 'watch' | 'dueAt' | 'expiresAt'>> = {
    watched: { watch: 'jobs', dueAt: 5, expiresAt: null },
    dead: { watch: 'dead', dueAt: 5, expiresAt: null },
    finished: { watch: null, dueAt: null, expiresAt: 1_770_000_000 },
  };

  test('does the same as the one in DynamoDB, for any history of one job', { timeout: 60_000 }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(write, write, receipt, repeat), { maxLength: 8 }), async (acts) => {
        run += 1;
        const name = { environment: 'production', jobId: `any-${run}` };
        const memory = createMemoryStore();
        const both = async <Answer>(act: (store: Store) => Promise<Answer>): Promise<Answer> => {
          const answer = await act(memory);
          expect(await act(table.store)).toEqual(answer);
          return answer;
        };
        const history: (JobRecord | undefined)[] = [undefined];
        let last: ((store: Store) => Promise<unknown>) | undefined;
        for (const [index, act] of acts.entries()) {
          if (act.kind === 'receipt') {
            const delivery = someDelivery({ state: act.state, receipt: `receipt-${index}` });
            await both((store) =>
              store.saveDelivery(name, `failed/${act.channel}`, delivery, someDelivery({ ambiguousSince: act.known })),
            );
          } else if (act.kind === 'repeat') {
            if (last) await both(last);
          } else {
            const known = history[Math.max(history.length - 1 - act.base, 0)];
            const writer = `writer-${index}`;
            const added = act.channels.map((channel) => {
              const { ambiguousSince } = act;
              return [`failed/${channel}`, someDelivery({ ambiguousSince, error: writer })] as const;
            });
            const next: JobRecord = {
              ...(known ?? tableRecord({ ...name, revision: 0 })),
              revision: (known?.revision ?? 0) + 1,
              writer,
              status: act.status,
              lease: act.lease ? { owner: writer, since: 1, until: 2 } : null,
              ...lists[act.list],
              deliveries: { ...known?.deliveries, ...Object.fromEntries(added) },
            };
            last = (store) => store.save(next, known, { settled: act.settled });
            await both(last);
          }
          history.push(await both((store) => store.get(name)));
        }
      }),
      { numRuns: 100 },
    );
  });
});
