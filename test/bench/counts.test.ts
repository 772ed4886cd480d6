/** What a job costs, as counts: calls, read and write units, lines and metrics. The prices follow from these. */

import { beforeAll, describe, expect, test } from 'vitest';
import { type CallCounts, countCalls, sampleItem } from '../../bench/call-counts.ts';
import { entryOf, sizeOf } from '../../bench/neighbours/table.ts';

let calls: CallCounts;

beforeAll(async () => {
  calls = await countCalls();
});

describe('a sweep', () => {
  test('with nothing to do reads the stored state, the work list and the job list once each, and writes nothing', () => {
    const { table, apiCalls, slackPosts, snsPublishes, pollCalls, metrics, logLines } = calls.idleSweep;
    expect(table.calls).toEqual({ BatchGetItem: 1, Query: 1 });
    expect([table.readUnits, table.indexReadUnits]).toEqual([6, 0.5]);
    expect([table.writeUnits, table.indexWriteUnits]).toEqual([0, 0]);
    expect({ apiCalls, slackPosts, snsPublishes, pollCalls, metrics, logLines }).toEqual({
      apiCalls: 1,
      slackPosts: 0,
      snsPublishes: 0,
      pollCalls: 1,
      metrics: [],
      logLines: 1,
    });
  });

  test('with an unchanged job reads no more than that, writes nothing, and schedules polls with one call', () => {
    const { table, apiCalls, polls, pollCalls, metrics } = calls.unchangedSweep;
    expect(table).toEqual(calls.idleSweep.table);
    expect({ apiCalls, polls, pollCalls }).toEqual({ apiCalls: 1, polls: 5, pollCalls: 1 });
    expect(metrics).toEqual(['checked{}', 'watched{}', 'oldestEntry{}']);
  });

  test('that finds the end writes the item 4 times (the end, a receipt for each of two channels, its removal from the work list), and claims a turn', () => {
    const { table, apiCalls, slackPosts, snsPublishes } = calls.lastSweep;
    expect({ apiCalls, slackPosts, snsPublishes }).toEqual({ apiCalls: 1, slackPosts: 1, snsPublishes: 1 });
    // One more write stores how far the job list was read.
    expect(table.calls).toEqual({ BatchGetItem: 1, Query: 1, GetItem: 1, UpdateItem: 5, PutItem: 1 });
    expect(table.writeUnits).toBeLessThanOrEqual(10);
    expect(table.indexWriteUnits).toBeLessThanOrEqual(3);
  });
});

test('POST /jobs reads the item once, calls the API once and writes once', () => {
  const { table, apiCalls, tokens } = calls.firstSeen;
  expect(table.calls).toEqual({ BatchGetItem: 1, GetItem: 1, UpdateItem: 1 });
  expect([table.writeUnits, table.indexWriteUnits]).toEqual([1, 1]);
  // The sweep before has already fetched the token.
  expect({ apiCalls, tokens }).toEqual({ apiCalls: 1, tokens: 0 });
});

test('all steps of a job together write 8 metrics, which is what CloudWatch charges for', () => {
  const { firstSeen, unchangedSweep, lastSweep } = calls;
  expect(new Set([firstSeen, unchangedSweep, lastSweep].flatMap(({ metrics }) => metrics)).size).toBe(8);
});

test('a watched job takes at most 300 bytes of the index', async () => {
  expect(sizeOf(entryOf(await sampleItem()))).toBeLessThanOrEqual(300);
});
