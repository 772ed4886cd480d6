/**
 * A table that responds at once. It holds items and applies updates, but evaluates no conditions, because each item has
 * one writer here. What the calls cost on a real table is counted elsewhere (bench/call-counts.ts).
 */

import { tableDefinition } from '../../local/embedded-store.ts';

type Value = Record<string, unknown>;
/** An item in the notation of DynamoDB. */
export type Item = Record<string, Value>;

interface Request {
  Key: Record<string, { S: string }>;
  RequestItems: Record<string, { Keys: Record<string, { S: string }>[] }>;
  ExclusiveStartKey?: Record<string, { S: string }>;
  ProjectionExpression?: string;
  UpdateExpression: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
  Item: Item;
}

/** The maximum size of a page in DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html */
const pageBytes = 1024 * 1024;

export function createInstantTable() {
  const items = new Map<string, Item>();
  let entries: Item[] = [];
  /** The serialized pages of the work list: by projection, then by the key after which a page begins. */
  const lists = new Map<string, Map<string, string>>();

  const answers: Record<string, (request: Request) => string> = {
    GetItem: ({ Key }) => JSON.stringify({ Item: items.get(Key['jobKey']?.S ?? '') }),
    BatchGetItem: ({ RequestItems }) => {
      const found = Object.entries(RequestItems).map(([table, { Keys }]) => [
        table,
        Keys.flatMap(({ jobKey: key }) => items.get(key?.S ?? '') ?? []),
      ]);
      return JSON.stringify({ Responses: Object.fromEntries(found), UnprocessedKeys: {} });
    },
    Query(request) {
      const asked = request.ProjectionExpression ?? '';
      const pages = lists.get(asked) ?? pagesOf(entries, request);
      lists.set(asked, pages);
      return pages.get(request.ExclusiveStartKey?.['jobKey']?.S ?? '') ?? '{"Items":[],"Count":0,"ScannedCount":0}';
    },
    UpdateItem(request) {
      const key = request.Key['jobKey']?.S ?? '';
      const item = structuredClone(items.get(key) ?? { jobKey: { S: key } });
      update(item, request);
      items.set(key, item);
      return JSON.stringify({ Attributes: item });
    },
    PutItem({ Item }) {
      items.set((Item['jobKey'] as { S: string }).S, Item);
      return '{}';
    },
    DeleteItem({ Key }) {
      items.delete(Key['jobKey']?.S ?? '');
      return '{}';
    },
  };

  return {
    answer: (operation: string, body: string): string => (answers[operation] ?? (() => '{}'))(JSON.parse(body)),
    /** Replaces all jobs with copies of this one. Marks stay. */
    seed(watched: number, sample: Item): void {
      const copies = Array.from({ length: watched }, (_, index) => copyOf(sample, index));
      for (const key of items.keys()) if (key.startsWith('production#')) items.delete(key);
      for (const copy of copies) items.set((copy['jobKey'] as { S: string }).S, copy);
      entries = copies.map(entryOf);
      lists.clear();
    },
  };
}

/** The id of a watched job. */
export const jobIdOf = (index: number): string => `job_${String(index).padStart(5, '0')}`;

/** A copy of the sample. */
function copyOf(sample: Item, index: number): Item {
  const jobId = jobIdOf(index);
  return {
    ...sample,
    jobKey: { S: `production#${jobId}` },
    jobId: { S: jobId },
    dueAt: { N: String(Number(sample['dueAt']?.['N']) + index) },
  };
}

const [index] = tableDefinition.GlobalSecondaryIndexes;
const projected = new Set(['jobKey', 'watch', 'dueAt', ...(index?.Projection.NonKeyAttributes ?? [])]);

/** The index entry of an item. */
export const entryOf = (item: Item): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => projected.has(name)));

/** The entries in pages, with the projected attributes; without a projection, with all of the index. */
function pagesOf(entries: Item[], request: Request): Map<string, string> {
  const { ProjectionExpression: expression, ExpressionAttributeNames: names = {} } = request;
  const asked = expression?.split(', ').map((name) => names[name] ?? name);
  const shown = (entry: Item) =>
    asked ? Object.fromEntries(Object.entries(entry).filter(([name]) => asked.includes(name))) : entry;
  const pages = new Map<string, string>();
  let start = '';
  for (let from = 0; from < entries.length; ) {
    let bytes = 0;
    let to = from;
    for (; to < entries.length && bytes < pageBytes; to++) bytes += sizeOf(entries[to] as Item);
    const Items = entries.slice(from, to).map(shown);
    const { jobKey, watch, dueAt } = entries[to - 1] as Item;
    const last = to < entries.length ? { LastEvaluatedKey: { jobKey, watch, dueAt } } : {};
    pages.set(start, JSON.stringify({ Items, Count: Items.length, ScannedCount: Items.length, ...last }));
    start = (jobKey as { S: string }).S;
    from = to;
  }
  return pages;
}

/** `SET path = :value, path = if_not_exists(path, :value) REMOVE name, name` */
function update(item: Item, request: Request): void {
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = request;
  const [sets = '', removes] = request.UpdateExpression.replace(/^SET /, '').split(' REMOVE ');
  for (const set of sets.split(/, (?![^(]*\))/)) {
    const [path = '', content = ''] = set.split(' = ');
    const steps = path.split('.').map((step) => names[step] ?? step);
    const last = steps.pop() as string;
    const parent = steps.reduce((map, step) => (map[step] as { M: Item }).M, item);
    const isKept = content.startsWith('if_not_exists') && last in parent;
    if (!isKept) parent[last] = values[/:\w+/.exec(content)?.[0] ?? ''] as Value;
  }
  for (const name of removes?.split(', ') ?? []) delete item[names[name] ?? name];
}

/**
 * The bytes of an item, as DynamoDB counts them.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export const sizeOf = (item: Item): number =>
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueSize(value), 0);

function valueSize(value: Value): number {
  const [[type, content] = ['NULL', true]] = Object.entries(value);
  switch (type) {
    case 'S':
      return Buffer.byteLength(content as string);
    case 'N':
      return Math.ceil(String(content).replace(/^-|\.|^0+|0+$/g, '').length / 2) + 1;
    case 'L':
      return 3 + (content as Value[]).reduce((sum, one) => sum + 1 + valueSize(one), 0);
    case 'M':
      return 3 + Object.keys(content as Item).length + sizeOf(content as Item);
    default:
      return 1;
  }
}
