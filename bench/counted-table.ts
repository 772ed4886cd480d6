/**
 * The embedded table behind a proxy that counts its calls, and the read and write units that they would cost on
 * DynamoDB, with those of the index separate.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html (the cost of an index)
 */

import type { IncomingHttpHeaders } from 'node:http';
import { readBody, startLoopbackServer } from '../local/loopback-server.ts';
import { entryOf, type Item, sizeOf } from './neighbours/table.ts';

/** The calls to the table and their cost. */
export interface TableCosts {
  /** The number of calls, by operation. */
  calls: Record<string, number>;
  readUnits: number;
  writeUnits: number;
  indexReadUnits: number;
  indexWriteUnits: number;
}

export interface CountedTable {
  url: string;
  /** Returns the costs since the last call of `take`. */
  take(): TableCosts;
  close(): Promise<void>;
}

interface Call {
  TableName: string;
  Key: Item;
  Item: Item;
  IndexName?: string;
  ConsistentRead?: boolean;
  RequestItems: Record<string, { Keys: Item[]; ConsistentRead?: boolean }>;
}

interface Answer {
  Item?: Item;
  Items?: Item[];
  Responses?: Record<string, Item[]>;
}

export async function startCountedTable(endpoint: string): Promise<CountedTable> {
  let costs = nothing();

  const ask = async (headers: IncomingHttpHeaders, operation: string, body: string) => {
    const { 'content-type': type = '', authorization = '', 'x-amz-date': date = '' } = headers;
    const target = `DynamoDB_20120810.${operation}`;
    const sent = { 'content-type': type, authorization, 'x-amz-date': String(date), 'x-amz-target': target };
    const response = await fetch(endpoint, { method: 'POST', headers: sent, body });
    return { status: response.status, text: await response.text() };
  };
  const itemOf = async (headers: IncomingHttpHeaders, { TableName, Key, Item }: Call): Promise<Item | undefined> => {
    const key = Key ?? { jobKey: Item['jobKey'] };
    const { text } = await ask(headers, 'GetItem', JSON.stringify({ TableName, Key: key, ConsistentRead: true }));
    return (JSON.parse(text) as Answer).Item;
  };

  const server = await startLoopbackServer(async (request, response) => {
    const body = ((await readBody(request)) ?? '').toString();
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const call = JSON.parse(body) as Call;
    const isWrite = /^(Update|Put|Delete)Item$/.test(operation);
    const before = isWrite ? await itemOf(request.headers, call) : undefined;
    const { status, text } = await ask(request.headers, operation, body);
    const after = isWrite ? await itemOf(request.headers, call) : undefined;

    costs.calls[operation] = (costs.calls[operation] ?? 0) + 1;
    if (isWrite) noteWrite(costs, before, after);
    else noteRead(costs, operation, call, JSON.parse(text));
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(text);
  });

  return {
    url: server.url,
    take() {
      const taken = costs;
      costs = nothing();
      return taken;
    },
    close: server.close,
  };
}

const nothing = (): TableCosts => ({ calls: {}, readUnits: 0, writeUnits: 0, indexReadUnits: 0, indexWriteUnits: 0 });

/** Units of 4 KB, halved for eventually consistent reads. A missing item costs one as well. */
const readUnits = (bytes: number, consistent = false): number =>
  Math.max(1, Math.ceil(bytes / 4096)) * (consistent ? 1 : 0.5);

const writeUnits = (bytes: number): number => Math.max(1, Math.ceil(bytes / 1024));

function noteRead(costs: TableCosts, operation: string, call: Call, answer: Answer): void {
  switch (operation) {
    case 'GetItem':
      costs.readUnits += readUnits(answer.Item ? sizeOf(answer.Item) : 0, call.ConsistentRead);
      break;
    case 'BatchGetItem':
      for (const [table, { Keys, ConsistentRead }] of Object.entries(call.RequestItems)) {
        const found = answer.Responses?.[table] ?? [];
        const absent = Keys.length - found.length;
        for (const item of found) costs.readUnits += readUnits(sizeOf(item), ConsistentRead);
        costs.readUnits += absent * readUnits(0, ConsistentRead);
      }
      break;
    default: {
      const bytes = (answer.Items ?? []).reduce((sum, item) => sum + sizeOf(item), 0);
      const units = readUnits(bytes, call.ConsistentRead);
      if (call.IndexName) costs.indexReadUnits += units;
      else costs.readUnits += units;
    }
  }
}

/** A refused write costs as much as a successful one. A changed index entry is one write, or two if it moves. */
function noteWrite(costs: TableCosts, before: Item | undefined, after: Item | undefined): void {
  costs.writeUnits += writeUnits(Math.max(before ? sizeOf(before) : 0, after ? sizeOf(after) : 0));
  const [left, entered] = [before, after].map((item) => (item?.['watch'] ? entryOf(item) : undefined));
  if (JSON.stringify(left) === JSON.stringify(entered)) return;
  const isMoved = ['watch', 'dueAt'].some((key) => JSON.stringify(left?.[key]) !== JSON.stringify(entered?.[key]));
  if (left && entered && !isMoved) costs.indexWriteUnits += writeUnits(Math.max(sizeOf(left), sizeOf(entered)));
  else for (const entry of [left, entered]) if (entry) costs.indexWriteUnits += writeUnits(sizeOf(entry));
}
