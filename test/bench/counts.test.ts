/** What a job costs, as counts: calls, read and write units, lines and metrics. The prices follow from these. */

import { beforeAll, describe, expect, test } from 'vitest';
import { type CallCounts, countCalls, sampleItem } from '../../bench/call-counts.ts';
import { costRows, costsOf } from '../../bench/cost.ts';
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
    const { table, apiCalls, polls, pollCalls } = calls.unchangedSweep;
    expect(table).toEqual(calls.idleSweep.table);
    expect({ apiCalls, polls, pollCalls }).toEqual({ apiCalls: 1, polls: 5, pollCalls: 1 });
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

test('POST /jobs reads the table once, calls the API once and writes once', () => {
  const { table, apiCalls, tokens } = calls.firstSeen;
  expect(table.calls).toEqual({ BatchGetItem: 1, UpdateItem: 1 });
  expect([table.writeUnits, table.indexWriteUnits]).toEqual([1, 1]);
  // The sweep before has already fetched the token.
  expect({ apiCalls, tokens }).toEqual({ apiCalls: 1, tokens: 0 });
});

test('a poll with nothing to do reads the work list, two marks and the job list, and one with a running job what a sweep reads', () => {
  const { idleSweep, idlePoll, unchangedPoll } = calls;
  expect(idlePoll.table).toMatchObject({
    calls: { BatchGetItem: 1, Query: 1 },
    ...{ readUnits: 2, indexReadUnits: 0.5, writeUnits: 0 },
  });
  expect(idlePoll).toMatchObject({ apiCalls: 1, pollCalls: 0, logLines: 0 });
  expect(unchangedPoll.table).toEqual(idleSweep.table);
  expect(unchangedPoll).toMatchObject({ apiCalls: 1, pollCalls: 0, logLines: 1 });
});

test('no step of a job writes a metric, which CloudWatch would charge for by the hour', () => {
  const { itemBytes: _, ...steps } = calls;
  expect(Object.values(steps).flatMap(({ metrics }) => metrics)).toEqual([]);
});

test('these counts, ten alarms and polls around the clock stay within the targets of a month, all in', async () => {
  // Milliseconds, a little more than `npm run bench -- --cost` measures. Twice as much would add 5 cents.
  const cpu = { idleSweep: 8, unchangedSweep: 12, lastSweep: 30, firstSeen: 12, furtherCheck: 0.2 };
  const { standing, bills, ...costs } = await costsOf(calls, cpu);
  expect(standing).toMatchObject({ '10 alarms (stage prod)': 1 });
  expect(bills.map(({ perJobs }) => perJobs['metrics'])).toEqual([0, 0, 0]);
  expect(costRows({ standing, bills, ...costs })).toMatchObject([
    { target: '<= 2.00', met: true },
    { target: '<= 4.00', met: true },
    { target: '<= 0.80', met: true },
  ]);
});

test('a watched job takes at most 300 bytes of the index', async () => {
  expect(sizeOf(entryOf(await sampleItem()))).toBeLessThanOrEqual(300);
});
